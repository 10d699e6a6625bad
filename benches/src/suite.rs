//! The events of pools: which contenders do which task.

use crate::{
    arena::arenas,
    buffered::{Buffers, GrowingBuffers},
    caches::{
        Caches as _, ManyAttachable, ManyCaches, ManyFixed, OneAttachable, OneCache, OneFixed,
    },
    contender::Contender,
    entrant::Entry,
    finder::Finder,
    floor::{BitmapFloor, FixedFloor, GrowingFloor, RecycleFloor},
    hand_off::BareRing,
    lane::Lane,
    ours::{
        CacheDefaultLock, CacheNoLock, CacheSpinLock, FixedBitmap, FixedChecked, FixedFreeList,
        FixedIntrusive, FixedStack, Growing, OurBitmap,
    },
    payload::Payload,
    race::{Samples, Settings, race},
    recycled::{Recycling, RecyclingSmall},
    rival::{
        AttachableNoLock, AttachableSpinLock, AxiomBits, AxiomBuffers, AxiomPool, BoxQueue, Boxes,
        FastallocFixed, FastallocGrowing, FastallocShared, InfinityLocal, InfinityRaw,
        InfinityShared, LinearPool, LinearShared, LockedPlurality, MiBoxes, MimallocBox,
        ObjectPool, ObjectPoolShared, OpoolLocal, OpoolReuse, OpoolShared, ParkingLotLockedSlab,
        PluralityAlloc, PluralityBox, Sharded, Slab, SlotMap, StdLockedSlab, SystemBox,
        Thunderdome, Vectors,
    },
    shared::{
        ArcPlaced, AtomicPlaced, AtomicShared, LocalPlaced, LocalShared, RcPlaced, StdArc, StdRc,
    },
    store::{OwnSlots, Store},
    task::{Task, every},
    threaded::{
        ArcClones, Arithmetic, OurClones, OurExact, OurKept, OurLockFree, OurPerThread,
        OurSpinning, OurThreadSafe,
    },
    threads::Shared,
};

/// Values of the replace tasks, and slabs of the tasks on many slabs.
const MANY: usize = 10_000;
/// Values that fit one slab at 64 bytes each.
const ONE_SLAB: u64 = 500;
/// Rounds of an event with threads, whose windows are long.
pub(crate) const THREADED_ROUNDS: usize = 60;
/// Values that are summed up.
const SUMMED: u64 = 100_000;

/// What is measured together in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Pools and the index structures in them.
    Pools,
    /// Arenas.
    Arenas,
    /// General allocators.
    Heaps,
}

/// What is asked of ours in an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// At most so many times the time of the best floor.
    Floor(f64),
    /// At most so many times the time of the best rival.
    Rival(f64),
    /// At most so many times the time of this contender.
    Contender(&'static str, f64),
    /// At most so many nanoseconds, in the median.
    Nanos(f64),
}

/// A task, its contenders, and what is asked of ours.
pub struct Event {
    /// Short name, for the command line.
    pub slug: String,
    /// With what it is reported.
    pub family: Family,
    /// What is done.
    pub title: String,
    /// What an operation is, and what to know about this event.
    pub about: &'static str,
    /// Which of our contenders is quoted.
    pub quoted: &'static str,
    /// What is asked of the quoted one.
    pub goals: Vec<Goal>,
    /// Rounds of its race at most.
    pub(crate) rounds: usize,
    pub(crate) task: Task,
    pub(crate) entries: Vec<Entry>,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event")
            .field("slug", &self.slug)
            .field("task", &self.task)
            .finish()
    }
}

impl Event {
    /// Everybody's windows.
    #[must_use]
    pub fn run(&self, settings: Settings) -> Vec<Samples> {
        let entrants: Vec<_> = self
            .entries
            .iter()
            .map(|entry| (entry.prepare)(self.task))
            .collect();
        let mut lanes: Vec<_> = entrants.iter().map(|entrant| entrant.lane()).collect();
        race(
            &mut lanes,
            Settings {
                rounds: settings.rounds.min(self.rounds),
                window: settings.window * self.task.windows(),
            },
        )
    }

    /// The names of its contenders.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().map(|entry| entry.name)
    }

    /// Puts one contender to work; `None` when it does not take part.
    pub fn alone<R>(&self, name: &str, work: impl FnOnce(&mut Lane<'_>) -> R) -> Option<R> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        let entrant = (entry.prepare)(self.task);
        let mut lane = entrant.lane();
        Some(work(&mut lane))
    }
}

/// All events of pools and arenas. A `quick` suite takes a hundredth of the slabs, so that it is set up in no time.
#[must_use]
pub fn events(quick: bool) -> Vec<Event> {
    let slabs = if quick { MANY / 100 } else { MANY };
    let mut events = Vec::new();
    events.extend(fixed::<[u64; 4]>(&[Task::Hot, Task::Replace(MANY as u64)]));
    let tasks = [
        Task::Hot,
        Task::Replace(MANY as u64),
        Task::Batch,
        Task::Sum(SUMMED),
    ];
    events.extend(fixed::<[u64; 8]>(&tasks));
    events.extend(fixed::<[u64; 64]>(&[Task::Hot, Task::Replace(MANY as u64)]));
    events.extend(growing::<[u64; 4]>(&[
        Task::Hot,
        Task::Replace(MANY as u64),
    ]));
    let tasks = [
        Task::Hot,
        Task::Replace(ONE_SLAB),
        Task::Replace(MANY as u64),
        Task::HotSpread(slabs),
        Task::ReplaceSpread(slabs),
        Task::Batch,
        Task::Sum(SUMMED),
    ];
    events.extend(growing::<[u64; 8]>(&tasks));
    events.extend(growing::<[u64; 64]>(&[
        Task::Hot,
        Task::Replace(MANY as u64),
    ]));
    let tasks = [Task::Construct(1_000), Task::Construct(1_000_000)];
    events.extend(fixed::<[u64; 8]>(&tasks));
    events.extend(growing::<[u64; 8]>(&tasks));
    events.extend(recycled::<[u64; 8]>());
    events.extend(recycled::<[u64; 64]>());
    events.push(recycled_sizes());
    events.extend(buffered());
    events.extend([local_clone::<[u64; 8]>(), atomic_clone::<[u64; 8]>()]);
    events.extend([place_local::<[u64; 8]>(), place_atomic::<[u64; 8]>()]);
    events.extend(slab_caches::<[u64; 8]>());
    events.extend(locked_caches::<[u64; 8]>());
    events.push(several_caches());
    events.extend([1, 2, 8].map(shared_pools::<[u64; 8]>));
    events.push(shared_pools::<[u64; 64]>(1));
    events.push(exact::<[u64; 8]>());
    events.push(exact_mode::<[u64; 8]>());
    events.push(hand_off::<[u64; 8]>());
    events.push(shared_clones::<[u64; 8]>(2));
    events.extend([find::<2>(), find::<3>(), find::<4>()]);
    events.extend(arenas(quick));
    events
}

/// Pools of a fixed capacity, and whoever can stand in for one.
fn fixed<T: Payload>(tasks: &[Task]) -> impl Iterator<Item = Event> {
    let pools = [
        Entry::pool::<FixedFloor<T>>(),
        Entry::pool::<FixedIntrusive<T>>(),
        Entry::pool::<FixedChecked<T>>(),
        Entry::pool::<FixedStack<T>>(),
        Entry::pool::<FixedFreeList<T>>(),
        Entry::pool::<FixedBitmap<T>>(),
        Entry::pool::<FastallocFixed<T>>(),
        Entry::pool::<AxiomPool<T>>(),
        Entry::pool::<OpoolLocal<T>>(),
        Entry::pool::<Slab<T>>(),
        Entry::pool::<SlotMap<T>>(),
        Entry::pool::<Thunderdome<T>>(),
        Entry::pool::<PluralityAlloc<T>>(),
    ];
    tasks.iter().map(move |&task| Event {
        family: Family::Pools,
        slug: format!("fixed/{}", task.slug(size_of::<T>())),
        title: format!("Fixed pools: {}", task.title(size_of::<T>())),
        about: task.about(),
        quoted: FixedIntrusive::<T>::NAME,
        goals: match task {
            Task::Hot => vec![Goal::Floor(1.15)],
            Task::Replace(_) => vec![Goal::Floor(1.10)],
            _ => Vec::new(),
        },
        rounds: usize::MAX,
        task,
        entries: [&pools[..], &boxes::<T>(task)].concat(),
    })
}

/// Pools that grow, and whoever can stand in for one.
fn growing<T: Payload>(tasks: &[Task]) -> impl Iterator<Item = Event> {
    let pools = [
        Entry::pool::<GrowingFloor<T, 1>>(),
        Entry::pool::<GrowingFloor<T, 16>>(),
        Entry::pool::<Growing<T>>(),
        Entry::pool::<FastallocGrowing<T>>(),
        Entry::pool::<InfinityLocal<T>>(),
        Entry::pool::<InfinityRaw<T>>(),
        Entry::pool::<PluralityAlloc<T>>(),
        Entry::pool::<PluralityBox<T>>(),
        Entry::pool::<Slab<T>>(),
        Entry::pool::<SlotMap<T>>(),
        Entry::pool::<Thunderdome<T>>(),
    ];
    tasks.iter().map(move |&task| Event {
        family: Family::Pools,
        slug: format!("growing/{}", task.slug(size_of::<T>())),
        title: format!("Growing pools: {}", task.title(size_of::<T>())),
        about: task.about(),
        quoted: Growing::<T>::NAME,
        goals: match task {
            Task::Batch | Task::Sum(_) | Task::Construct(_) => Vec::new(),
            _ => vec![Goal::Floor(1.3)],
        },
        rounds: usize::MAX,
        task,
        entries: [&pools[..], &boxes::<T>(task)].concat(),
    })
}

/// Pools of objects that stay constructed.
fn recycled<T: Payload + Send + Sync>() -> impl Iterator<Item = Event> {
    [Task::Hot, Task::Replace(MANY as u64)].into_iter().map(|task| {
        let entries = [
            Entry::pool::<RecycleFloor<T>>(),
            Entry::pool::<Recycling<T>>(),
            Entry::pool::<OpoolReuse<T>>(),
            Entry::pool::<ObjectPool<T>>(),
        ];
        // Whose `pull` looks through all that is out: nobody waits for 10,000 of them.
        let linear = [Entry::pool::<LinearPool<T>>()];
        let linear = &linear[..usize::from(task == Task::Hot)];
        Event {
            family: Family::Pools,
            slug: format!("recycle/{}", task.slug(size_of::<T>())),
            title: format!("Recycling: {}", task.title(size_of::<T>())),
            about: "One operation acquires an object, writes its first word and releases it (or, when \
                    it replaces one, releases another); the reset writes that word again. Boxes are \
                    made anew and written completely, which is what recycling is there to avoid.",
            quoted: Recycling::<T>::NAME,
            goals: match task {
                Task::Hot => vec![Goal::Floor(1.15)],
                _ => vec![Goal::Floor(1.10)],
            },
            rounds: usize::MAX,
            task,
            entries: [&entries[..], linear, &boxes::<T>(task)].concat(),
        }
    })
}

/// An object eight times as large, against the small one.
fn recycled_sizes() -> Event {
    let task = Task::Hot;
    Event {
        family: Family::Pools,
        slug: format!("recycle-sizes/{}", task.slug(512)),
        title: "Recycling: an object of 512 bytes against one of 64".to_owned(),
        about: "As the hot events. The floor is the same pool with objects of 64 bytes: an object that \
                stays in its place costs the same whatever its size.",
        quoted: Recycling::<[u64; 64]>::NAME,
        goals: vec![Goal::Floor(1.2)],
        rounds: usize::MAX,
        task,
        entries: vec![
            Entry::pool::<RecyclingSmall<[u64; 8]>>(),
            Entry::pool::<Recycling<[u64; 64]>>(),
            Entry::pool::<OpoolReuse<[u64; 64]>>(),
            Entry::pool::<ObjectPool<[u64; 64]>>(),
            Entry::pool::<LinearPool<[u64; 64]>>(),
        ],
    }
}

/// Pools of buffers of 1024 bytes. There is no floor: the mechanism is that of the other pools.
fn buffered() -> impl Iterator<Item = Event> {
    [Task::Hot, Task::Replace(MANY as u64)].into_iter().map(|task| Event {
        family: Family::Pools,
        slug: format!("buffers/{}", task.slug(1024)),
        title: format!("Buffers: {}", task.title(1024)),
        about: "One operation gets an empty buffer of 128 words, puts one word in, and drops it (or \
                another one).",
        quoted: Buffers::NAME,
        goals: Vec::new(),
        rounds: usize::MAX,
        task,
        entries: vec![
            Entry::pool::<Buffers>(),
            Entry::pool::<GrowingBuffers>(),
            Entry::pool::<AxiomBuffers>(),
            Entry::pool::<Vectors>(),
        ],
    })
}

/// What the clone events do.
const CLONE: &str = "One operation clones a handle of a value and drops the clone: always the same \
                     value, always in the first-level cache. The value itself is not touched.";

/// Counts without atomics.
fn local_clone<T: Payload>() -> Event {
    Event {
        slug: "shared/clone-local".to_owned(),
        title: "Shared handles for one thread: clone and drop one".to_owned(),
        about: CLONE,
        quoted: LocalShared::<T>::NAME,
        family: Family::Pools,
        goals: Vec::new(),
        rounds: usize::MAX,
        task: Task::Hot,
        entries: vec![Entry::pool::<LocalShared<T>>(), Entry::pool::<StdRc<T>>()],
    }
}

/// Atomic counts, which nobody else touches.
fn atomic_clone<T: Payload>() -> Event {
    Event {
        slug: "shared/clone-atomic".to_owned(),
        title: "Shared handles for several threads: clone and drop one".to_owned(),
        about: CLONE,
        quoted: AtomicShared::<T>::NAME,
        family: Family::Pools,
        goals: Vec::new(),
        rounds: usize::MAX,
        task: Task::Hot,
        entries: vec![Entry::pool::<AtomicShared<T>>(), Entry::pool::<StdArc<T>>()],
    }
}

/// Shares a value that nobody clones.
const PLACE: &str = "One operation places a value that can be shared and drops its only handle: what \
                     the counts cost that nobody uses.";

/// Places values with counts that are not atomic.
fn place_local<T: Payload>() -> Event {
    Event {
        slug: "shared/place-local".to_owned(),
        title: "Shared handles for one thread: place a value and drop it".to_owned(),
        about: PLACE,
        quoted: LocalPlaced::<T>::NAME,
        family: Family::Pools,
        goals: Vec::new(),
        rounds: usize::MAX,
        task: Task::Hot,
        entries: vec![
            Entry::pool::<LocalPlaced<T>>(),
            Entry::pool::<RcPlaced<T>>(),
        ],
    }
}

/// Places values with atomic counts.
fn place_atomic<T: Payload>() -> Event {
    Event {
        slug: "shared/place-atomic".to_owned(),
        title: "Shared handles for several threads: place a value and drop it".to_owned(),
        about: PLACE,
        quoted: AtomicPlaced::<T>::NAME,
        family: Family::Pools,
        goals: Vec::new(),
        rounds: usize::MAX,
        task: Task::Hot,
        entries: vec![
            Entry::pool::<AtomicPlaced<T>>(),
            Entry::pool::<ArcPlaced<T>>(),
        ],
    }
}

/// Caches that grow by aligned slabs and whose boxes are one pointer, and whoever can stand in for one.
fn slab_caches<T: Payload>() -> impl Iterator<Item = Event> {
    [Task::Hot, Task::Replace(MANY as u64)]
        .into_iter()
        .map(|task| {
            let pools = [
                Entry::pool::<GrowingFloor<T, 1>>(),
                Entry::pool::<GrowingFloor<T, 16>>(),
                Entry::pool::<FixedIntrusive<T>>(),
                Entry::pool::<Growing<T>>(),
                Entry::pool::<CacheNoLock<T>>(),
                Entry::pool::<AttachableNoLock<T>>(),
                Entry::pool::<PluralityBox<T>>(),
            ];
            Event {
                family: Family::Pools,
                slug: format!("slab_cache/{}", task.slug(size_of::<T>())),
                title: format!("Slab caches: {}", task.title(size_of::<T>())),
                about: task.about(),
                quoted: CacheNoLock::<T>::NAME,
                goals: vec![Goal::Contender(FixedIntrusive::<T>::NAME, 1.5)],
                rounds: usize::MAX,
                task,
                entries: [&pools[..], &boxes::<T>(task)].concat(),
            }
        })
}

/// Slab caches whose boxes may be dropped by any thread, used by one.
fn locked_caches<T: Payload>() -> impl Iterator<Item = Event> {
    [Task::Hot, Task::Replace(MANY as u64)]
        .into_iter()
        .map(|task| {
            let pools = [
                Entry::pool::<CacheSpinLock<T>>(),
                Entry::pool::<CacheDefaultLock<T>>(),
                Entry::pool::<AttachableSpinLock<T>>(),
            ];
            Event {
                family: Family::Pools,
                slug: format!("slab_cache/locked-{}", task.slug(size_of::<T>())),
                title: format!("Slab caches behind a lock: {}", task.title(size_of::<T>())),
                about: task.about(),
                quoted: CacheSpinLock::<T>::NAME,
                // A pair of calls; replacing one of many is the memory's time.
                goals: match task {
                    Task::Hot => vec![Goal::Nanos(8.0)],
                    _ => Vec::new(),
                },
                rounds: usize::MAX,
                task,
                entries: [&pools[..], &boxes::<T>(task)].concat(),
            }
        })
}

/// Many caches with few values each, and one with all of them.
fn several_caches() -> Event {
    let task = Task::Caches;
    Event {
        family: Family::Pools,
        slug: format!("slab_cache/{}", task.slug(64)),
        title: format!("Slab caches: {}", task.title(64)),
        about: task.about(),
        quoted: ManyCaches::NAME,
        goals: vec![Goal::Contender(OneCache::NAME, 1.3)],
        rounds: usize::MAX,
        task,
        entries: vec![
            Entry::caches::<OneFixed>(),
            Entry::caches::<ManyFixed>(),
            Entry::caches::<OneCache>(),
            Entry::caches::<ManyCaches>(),
            Entry::caches::<OneAttachable>(),
            Entry::caches::<ManyAttachable>(),
        ],
    }
}

/// The entries of pools that threads share and whose handles go from thread to thread, in a task.
macro_rules! shared {
    ($task:ident::<$value:ident>) => {
        [
            Entry::$task::<OurLockFree<$value>>(),
            Entry::$task::<OurThreadSafe<$value>>(),
            Entry::$task::<OurSpinning<$value>>(),
            Entry::$task::<OurKept<$value>>(),
            Entry::$task::<StdLockedSlab<$value>>(),
            Entry::$task::<ParkingLotLockedSlab<$value>>(),
            Entry::$task::<LockedPlurality<$value>>(),
            Entry::$task::<Sharded<$value>>(),
            Entry::$task::<OpoolShared<$value>>(),
            Entry::$task::<ObjectPoolShared<$value>>(),
            Entry::$task::<LinearShared<$value>>(),
            Entry::$task::<BoxQueue<$value>>(),
            Entry::$task::<FastallocShared<$value>>(),
            Entry::$task::<InfinityShared<$value>>(),
            Entry::$task::<Boxes<$value>>(),
            Entry::$task::<MiBoxes<$value>>(),
        ]
    };
}

/// A task of pools that threads share.
fn shared<T: Payload>(task: Task, goals: Vec<Goal>, entries: Vec<Entry>) -> Event {
    let size = size_of::<T>();
    Event {
        family: Family::Pools,
        slug: format!("shared/{}", task.slug(size)),
        title: format!("Shared pools: {}", task.title(size)),
        about: task.about(),
        quoted: OurLockFree::<T>::NAME,
        goals,
        rounds: THREADED_ROUNDS,
        task,
        entries,
    }
}

/// Pools that so many threads share, and whoever can stand in for one.
fn shared_pools<T: Payload>(threads: u64) -> Event {
    let goals = match size_of::<T>() {
        64 => vec![Goal::Contender(Boxes::<T>::NAME, 0.6)],
        _ => Vec::new(),
    };
    let others = [
        Entry::shared::<Arithmetic>(),
        Entry::window::<OwnSlots<T>>(),
        Entry::window::<OurPerThread<T>>(),
    ];
    let entries = others.into_iter().chain(shared!(window::<T>)).collect();
    shared::<T>(Task::Threads(threads), goals, entries)
}

/// The pool that keeps no slot back for a thread, when nobody else is there.
fn exact<T: Payload>() -> Event {
    to_the_last_slot::<T>(
        "shared/exact/64",
        "Shared pools without slots at hand: store and drop a value of 64 bytes, one thread",
        "As with one thread above: what a pool costs that can always give out its last slot.",
        OurSpinning::<T>::NAME,
        &[
            Entry::window::<OurSpinning<T>>(),
            Entry::window::<OurThreadSafe<T>>(),
        ],
    )
}

/// The mode of the lock-free pool that counts exactly, beside its other mode.
fn exact_mode<T: Payload>() -> Event {
    to_the_last_slot::<T>(
        "shared/exact-mode/64",
        "Lock-free pool that counts exactly: store and drop a value of 64 bytes, one thread",
        "As with one thread above: what it costs that `available` is exact at any time.",
        OurExact::<T>::NAME,
        &[
            Entry::window::<OurExact<T>>(),
            Entry::window::<OurLockFree<T>>(),
            Entry::window::<OurSpinning<T>>(),
        ],
    )
}

/// One thread in ours, and in what else can always give out its last slot.
fn to_the_last_slot<T: Payload>(
    slug: &str,
    title: &str,
    about: &'static str,
    quoted: &'static str,
    ours: &[Entry],
) -> Event {
    let rivals = [
        Entry::window::<OpoolShared<T>>(),
        Entry::window::<BoxQueue<T>>(),
    ];
    Event {
        slug: slug.to_owned(),
        title: title.to_owned(),
        about,
        quoted,
        goals: vec![Goal::Nanos(15.0)],
        family: Family::Pools,
        rounds: THREADED_ROUNDS,
        task: Task::Threads(1),
        entries: [&[Entry::window::<OwnSlots<T>>()], ours, &rivals].concat(),
    }
}

/// Pools whose values one thread stores and another drops.
fn hand_off<T: Payload>() -> Event {
    let others = [
        Entry::shared::<Arithmetic>(),
        Entry::hand_off::<BareRing<T>>(),
    ];
    let entries = others.into_iter().chain(shared!(hand_off::<T>)).collect();
    shared::<T>(Task::HandOff, Vec::new(), entries)
}

/// One value whose handles so many threads clone at once.
fn shared_clones<T: Payload>(threads: u64) -> Event {
    Event {
        family: Family::Pools,
        slug: format!("shared/clone-{threads}-threads"),
        title: format!("Shared handles: clone and drop one, {}", every(threads)),
        about: "One operation is a clone of the same handle and its drop on every thread, by the clock \
                on the wall: all threads change one count.",
        quoted: OurClones::<T>::NAME,
        goals: Vec::new(),
        rounds: THREADED_ROUNDS,
        task: Task::Threads(threads),
        entries: vec![
            Entry::shared::<OurClones<T>>(),
            Entry::shared::<ArcClones<T>>(),
        ],
    }
}

/// One allocation per value; there is nothing to construct.
fn boxes<T: Payload>(task: Task) -> Vec<Entry> {
    match task {
        Task::Construct(_) => Vec::new(),
        _ => vec![
            Entry::pool::<SystemBox<T>>(),
            Entry::pool::<MimallocBox<T>>(),
        ],
    }
}

/// Bitmaps of `64^LEVELS` numbers.
fn find<const LEVELS: usize>() -> Event {
    let task = Task::Find(BitmapFloor::<LEVELS>::MOST);
    let mut entries = vec![
        Entry::index::<BitmapFloor<LEVELS>>(),
        Entry::index::<OurBitmap>(),
    ];
    if BitmapFloor::<LEVELS>::MOST <= AxiomBits::MOST {
        entries.push(Entry::index::<AxiomBits>());
    }
    Event {
        family: Family::Pools,
        slug: format!("index/{}", task.slug(0)),
        title: format!("Bitmaps: {}", task.title(0)),
        about: task.about(),
        quoted: OurBitmap::NAME,
        goals: Vec::new(),
        rounds: usize::MAX,
        task,
        entries,
    }
}
