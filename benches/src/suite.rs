//! The events: which contenders do which task.

use crate::{
    contender::Contender,
    entrant::Entry,
    finder::Finder,
    floor::{BitmapFloor, FixedFloor, GrowingFloor},
    lane::Lane,
    ours::{
        FixedBitmap, FixedChecked, FixedFreeList, FixedIntrusive, FixedStack, Growing, OurBitmap,
    },
    payload::Payload,
    race::{Samples, Settings, race},
    rival::{
        AxiomBits, AxiomPool, FastallocFixed, FastallocGrowing, InfinityLocal, InfinityRaw,
        MimallocBox, OpoolLocal, PluralityAlloc, PluralityBox, Slab, SlotMap, SystemBox,
        Thunderdome,
    },
    shared::{AtomicShared, LocalShared, StdArc, StdRc},
    task::Task,
};

/// Values of the replace tasks, and slabs of the tasks on many slabs.
const MANY: usize = 10_000;
/// Values that fit one slab at 64 bytes each.
const ONE_SLAB: u64 = 500;
/// Values that are summed up.
const SUMMED: u64 = 100_000;

/// A task, its contenders, and what is asked of ours.
pub struct Event {
    /// Short name, for the command line.
    pub slug: String,
    /// What is done.
    pub title: String,
    /// What an operation is, and what to know about this event.
    pub about: &'static str,
    /// Which of our contenders is quoted.
    pub quoted: &'static str,
    /// How many times the floor's time the quoted one may take.
    pub goal: Option<f64>,
    task: Task,
    entries: Vec<Entry>,
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
        race(&mut lanes, settings)
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

/// All events. A `quick` suite takes a hundredth of the slabs, so that it is set up in no time.
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
    events.extend([local_clone::<[u64; 8]>(), atomic_clone::<[u64; 8]>()]);
    events.extend([find::<2>(), find::<3>(), find::<4>()]);
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
        slug: format!("fixed/{}", task.slug(size_of::<T>())),
        title: format!("Fixed pools: {}", task.title(size_of::<T>())),
        about: task.about(),
        quoted: FixedIntrusive::<T>::NAME,
        goal: match task {
            Task::Hot => Some(1.15),
            Task::Replace(_) => Some(1.10),
            _ => None,
        },
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
        slug: format!("growing/{}", task.slug(size_of::<T>())),
        title: format!("Growing pools: {}", task.title(size_of::<T>())),
        about: task.about(),
        quoted: Growing::<T>::NAME,
        goal: match task {
            Task::Batch | Task::Sum(_) | Task::Construct(_) => None,
            _ => Some(1.3),
        },
        task,
        entries: [&pools[..], &boxes::<T>(task)].concat(),
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
        goal: None,
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
        goal: None,
        task: Task::Hot,
        entries: vec![Entry::pool::<AtomicShared<T>>(), Entry::pool::<StdArc<T>>()],
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
        slug: format!("index/{}", task.slug(0)),
        title: format!("Bitmaps: {}", task.title(0)),
        about: task.about(),
        quoted: OurBitmap::NAME,
        goal: None,
        task,
        entries,
    }
}
