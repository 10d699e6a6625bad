//! What owners, puts and visits do at once, in every interleaving within the stated bound; and the same
//! with a bug planted, which the models must find.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p flagstone --lib remote
//! ```

extern crate std;

use alloc::{sync::Arc, vec::Vec};
use core::{alloc::Layout, cell::Cell, ptr::NonNull};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lock_api::{GuardSend, RawMutex};

use super::{Core, RemoteShape, RemoteSlab, owner::Owner};
use crate::{
    error::OutOfMemory,
    provider::{Chunk, Global, Provider},
    raw::locate,
    sync::{
        SpinLock,
        atomic::{AtomicUsize, Ordering},
        model::{UnsafeCell, explore_within, finds, thread},
    },
};

/// Every execution with at most so many switches of a thread that could have gone on: the bugs below are
/// found with one more, which takes minutes where there is none.
const PREEMPTIONS: usize = 2;

/// Three slots in a slab: two may be in use for it to be found.
const SLAB: usize = 1024;
const SHAPE: RemoteShape = RemoteSlab::shape(Layout::new::<[u64; 32]>(), SLAB, false);
const _: () = assert!(SHAPE.slots() == 3 && SHAPE.mark() == 2);

/// Slots of one byte and a bit each, in two groups.
const BITS: RemoteShape = RemoteSlab::shape(Layout::new::<u8>(), 512, false);

std::thread_local! {
    /// Loom runs all threads of a model on the thread that explores it, so this is one model's.
    static CORE_IS_GONE: Cell<bool> = const { Cell::new(false) };
}

/// A lock that looks at itself once more when it is unlocked, as locks that wake others do.
struct Lingering(SpinLock);

// SAFETY: the inner lock's exclusion.
unsafe impl RawMutex for Lingering {
    #[expect(
        clippy::declare_interior_mutable_const,
        reason = "the trait's own constant"
    )]
    const INIT: Self = panic!("a model checker's atomics are not made in constants");
    type GuardMarker = GuardSend;

    fn lock(&self) {
        self.0.lock();
    }

    fn try_lock(&self) -> bool {
        self.0.try_lock()
    }

    unsafe fn unlock(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.0.unlock() };
        let _ = self.0.is_locked();
        assert!(!CORE_IS_GONE.get(), "the lock is gone while it is unlocked");
    }
}

/// Gives `slabs` slabs and no more; keeps what comes back until the model is over, so that a mistake
/// meets memory and not a fault.
#[derive(Clone)]
struct Ledger(Arc<Mutex<Books>>);

struct Books {
    slabs: usize,
    out: usize,
    returned: Vec<(NonNull<u8>, Layout)>,
    /// What loom watches instead of the bytes of a slot.
    slots: Vec<(NonNull<u8>, Arc<UnsafeCell<u32>>)>,
}

// SAFETY: the pointers are only kept.
unsafe impl Send for Books {}

impl Ledger {
    fn new(slabs: usize) -> Self {
        CORE_IS_GONE.set(false);
        Self(Arc::new(Mutex::new(Books {
            slabs,
            out: 0,
            returned: Vec::new(),
            slots: Vec::new(),
        })))
    }

    /// Also after a thread has failed with the books open.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Slabs are aligned to their size, and cores are not.
fn is_slab(layout: Layout) -> bool {
    layout.size() == layout.align()
}

impl Drop for Books {
    fn drop(&mut self) {
        for (chunk, layout) in self.returned.drain(..) {
            // SAFETY: from `Global`, for that layout, and returned.
            unsafe { Global.free(chunk, layout) };
        }
    }
}

// SAFETY: the global allocator's answers.
unsafe impl Provider for Ledger {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let mut books = self.books();
        if is_slab(layout) {
            books.slabs = books.slabs.checked_sub(1).ok_or(OutOfMemory::new(layout))?;
        }
        books.out += 1;
        Global.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        if std::thread::panicking() {
            // Something was found; what comes after it does not matter.
            return;
        }
        let mut books = self.books();
        let twice = books.returned.iter().any(|&(chunk, _)| chunk == ptr);
        assert!(!twice, "a chunk comes back twice");
        let end = ptr.as_ptr().wrapping_add(layout.size());
        for (slot, witness) in &books.slots {
            if (ptr.as_ptr()..end).contains(&slot.as_ptr()) {
                // SAFETY: loom fails if somebody might still be in the slot.
                witness.with_mut(|users| unsafe { *users += 1 });
            }
        }
        books.out -= 1;
        books.returned.push((ptr, layout));
        if !is_slab(layout) {
            CORE_IS_GONE.set(true);
        }
    }
}

type ModelCore = Core<Lingering, Ledger, ()>;

/// A core, and who was in which slot.
struct Bench {
    shape: RemoteShape,
    core: NonNull<ModelCore>,
    ledger: Ledger,
    turn: AtomicUsize,
}

// SAFETY: the core is made for threads; owners and slots are with one thread at a time.
unsafe impl Send for Bench {}
// SAFETY: as above.
unsafe impl Sync for Bench {}

/// A slot, or an owner, on its way to another thread.
struct Sent<V>(V);

// SAFETY: with one thread at a time.
unsafe impl<V> Send for Sent<V> {}

impl Bench {
    fn new(slabs: usize) -> Arc<Self> {
        Self::of(SHAPE, slabs)
    }

    fn of(shape: RemoteShape, slabs: usize) -> Arc<Self> {
        let ledger = Ledger::new(slabs);
        let lock = Lingering(SpinLock::new());
        let core = ModelCore::create(shape, lock, ledger.clone(), ()).unwrap();
        Arc::new(Self {
            shape,
            core,
            ledger,
            turn: AtomicUsize::new(0),
        })
    }

    fn witness(&self, slot: NonNull<u8>) -> Arc<UnsafeCell<u32>> {
        let mut books = self.ledger.books();
        if let Some((_, witness)) = books.slots.iter().find(|(at, _)| *at == slot) {
            return Arc::clone(witness);
        }
        let witness = Arc::new(UnsafeCell::new(0));
        books.slots.push((slot, Arc::clone(&witness)));
        witness
    }

    /// A slot, written to; `None` when there is no memory.
    fn take(&self, owner: &Owner) -> Option<NonNull<u8>> {
        loop {
            // SAFETY: slabs have that shape.
            if let Some(slot) = unsafe { owner.take(self.shape) } {
                // SAFETY: loom fails if somebody else might still be in the slot.
                self.witness(slot).with_mut(|users| unsafe { *users += 1 });
                return Some(slot);
            }
            // SAFETY: an owner of this core.
            unsafe { ModelCore::supply(self.core, owner) }.ok()?;
        }
    }

    /// Uses a slot for the last time.
    fn put(&self, slot: NonNull<u8>) {
        // SAFETY: as in `take`.
        self.witness(slot).with_mut(|users| unsafe { *users += 1 });
        // SAFETY: a slot in use.
        let slab = unsafe { RemoteSlab::of(slot, self.shape.size()) };
        // SAFETY: as above, and nobody's any more.
        if unsafe { RemoteSlab::put(slot, self.shape, false) } {
            // Others may go on here.
            self.turn.load(Ordering::Relaxed);
            // SAFETY: only asked for its address.
            let base = unsafe { locate::base(slot, self.shape.size()) };
            let gone = self
                .ledger
                .books()
                .returned
                .iter()
                .any(|&(chunk, _)| chunk == base);
            assert!(!gone, "the slab is gone before it is visited");
            // SAFETY: once.
            unsafe { ModelCore::visit(slab) };
        }
    }

    fn drop_owner(&self, owner: &Owner) {
        // SAFETY: an owner of this core, not used again.
        unsafe { ModelCore::drop_owner(self.core, owner) };
    }

    fn is_over(&self) {
        assert_eq!(self.ledger.books().out, 0, "memory did not come back");
    }
}

/// Puts slots on another thread.
fn put_there(bench: &Arc<Bench>, slots: Vec<NonNull<u8>>) -> thread::JoinHandle<()> {
    let (bench, slots) = (Arc::clone(bench), Sent(slots));
    thread::spawn(move || {
        let slots = slots;
        for slot in slots.0 {
            bench.put(slot);
        }
    })
}

/// An owner takes what another thread puts back at the same time, and gets slabs in between.
fn owner_meets_puts() {
    let bench = Bench::new(2);
    let owner = Owner::new();
    let slots: Vec<_> = (0..3).map(|_| bench.take(&owner).unwrap()).collect();
    let there = put_there(&bench, alloc::vec![slots[0], slots[1]]);
    let more = [(); 2].map(|()| bench.take(&owner).expect("two slabs are enough"));
    there.join().unwrap();
    for slot in more {
        bench.put(slot);
    }
    bench.put(slots[2]);
    bench.drop_owner(&owner);
    bench.is_over();
}

/// All slots of a slab without an owner come back at once, the last with all memory.
fn last_slots_meet() {
    let bench = Bench::new(1);
    let owner = Owner::new();
    let slots: Vec<_> = (0..3).map(|_| bench.take(&owner).unwrap()).collect();
    bench.drop_owner(&owner);
    let threads = [slots[0], slots[1]].map(|slot| put_there(&bench, alloc::vec![slot]));
    bench.put(slots[2]);
    for there in threads {
        there.join().unwrap();
    }
    bench.is_over();
}

/// A slab changes hands while visits to it are due.
fn adoption_meets_visits() {
    let bench = Bench::new(1);
    let owner = Owner::new();
    let slots: Vec<_> = (0..3).map(|_| bench.take(&owner).unwrap()).collect();
    assert!(bench.take(&owner).is_none(), "the slab was given up");
    let there = put_there(&bench, slots);
    if let Some(slot) = bench.take(&owner) {
        bench.put(slot);
    }
    bench.drop_owner(&owner);
    there.join().unwrap();
    bench.is_over();
}

/// A slot that is free before a thread asks is found, though a visit is under way.
fn free_slots_are_found() {
    let bench = Bench::new(1);
    let owner = Owner::new();
    let slots: Vec<_> = (0..3).map(|_| bench.take(&owner).unwrap()).collect();
    assert!(bench.take(&owner).is_none(), "the slab was given up");
    bench.put(slots[0]);
    let there = put_there(&bench, alloc::vec![slots[1], slots[2]]);
    let slot = bench.take(&owner).expect("one was free");
    bench.put(slot);
    there.join().unwrap();
    bench.drop_owner(&owner);
    bench.is_over();
}

/// Two owners, each of which may get the other's slab.
fn owners_meet() {
    let bench = Bench::new(2);
    let owner = Owner::new();
    let slots: Vec<_> = (0..3).map(|_| bench.take(&owner).unwrap()).collect();
    // SAFETY: the first owner keeps the core.
    unsafe { bench.core.as_ref() }.add_owner();
    let there = {
        let (bench, sent) = (Arc::clone(&bench), Sent((Owner::new(), slots[0])));
        thread::spawn(move || {
            let sent = sent;
            let (owner, slot) = sent.0;
            bench.put(slot);
            if let Some(slot) = bench.take(&owner) {
                bench.put(slot);
            }
            bench.drop_owner(&owner);
        })
    };
    if let Some(slot) = bench.take(&owner) {
        bench.put(slot);
    }
    bench.drop_owner(&owner);
    bench.put(slots[1]);
    bench.put(slots[2]);
    there.join().unwrap();
    bench.is_over();
}

/// Slots with bits come back while their owner looks for some; it finds no more and no fewer.
fn bits_meet_puts() {
    let bench = Bench::of(BITS, 1);
    let owner = Owner::new();
    let slots: Vec<_> = (0..BITS.slots())
        .map(|_| bench.take(&owner).unwrap())
        .collect();
    // Two of a group, and one of another.
    let there = put_there(&bench, alloc::vec![slots[0], slots[100], slots[1]]);
    let found = bench.take(&owner);
    there.join().unwrap();
    let mut free = 3 - usize::from(found.is_some());
    while bench.take(&owner).is_some() {
        free -= 1;
    }
    assert_eq!(free, 0, "as many as came back");
}

#[test]
fn bits_and_puts() {
    explore_within(PREEMPTIONS, bits_meet_puts);
    finds("bits come back relaxed", bits_meet_puts);
}

#[test]
fn owner_and_puts() {
    explore_within(PREEMPTIONS, owner_meets_puts);
    finds("slots come back relaxed", owner_meets_puts);
    finds("lists are collected relaxed", owner_meets_puts);
}

#[test]
fn the_last_slots() {
    explore_within(PREEMPTIONS, last_slots_meet);
    finds("visitors do not hold the core", last_slots_meet);
    finds("slots come back relaxed", last_slots_meet);
}

#[test]
fn adoption_and_visits() {
    explore_within(PREEMPTIONS, adoption_meets_visits);
    finds("visits are not awaited", adoption_meets_visits);
}

#[test]
fn free_slots() {
    explore_within(PREEMPTIONS, free_slots_are_found);
}

#[test]
fn two_owners() {
    explore_within(PREEMPTIONS, owners_meet);
}

/// Three owners take slots for long, and put back whichever lie on a pile that they share.
#[cfg(shuttle)]
fn long_use() {
    let bench = Bench::new(4);
    let pile = Arc::new(Mutex::new(Vec::new()));
    let owners = [(); 3].map(|()| {
        // SAFETY: the owner of this thread, which is the core's first, keeps the core.
        unsafe { bench.core.as_ref() }.add_owner();
        let (bench, pile) = (Arc::clone(&bench), Arc::clone(&pile));
        thread::spawn(move || {
            let owner = Owner::new();
            for round in 0..16 {
                if let Some(slot) = bench.take(&owner) {
                    pile.lock().unwrap().push(Sent(slot));
                }
                if round % 3 != 0 {
                    let oldest = {
                        let mut pile = pile.lock().unwrap();
                        (!pile.is_empty()).then(|| pile.remove(0))
                    };
                    if let Some(Sent(slot)) = oldest {
                        bench.put(slot);
                    }
                }
            }
            bench.drop_owner(&owner);
        })
    });
    for owner in owners {
        owner.join().unwrap();
    }
    let left = core::mem::take(&mut *pile.lock().unwrap());
    for Sent(slot) in left {
        bench.put(slot);
    }
    bench.drop_owner(&Owner::new());
    bench.is_over();
}

#[cfg(shuttle)]
#[test]
fn owners_in_long_use() {
    explore_within(PREEMPTIONS, long_use);
}
