//! Where the addresses of live objects are kept, and how threads take turns on them.

use std::hint;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::thread;

use super::clock;

/// One address and the number of operations completed on it.
///
/// ```text
/// worker 0:  alloc (turn 0) ─ stores address, turn := 1
/// worker 1:                      waits for turn 1 ─ realloc ─ turn := 2
/// worker 0:                                          waits for turn 2 ─ free ─ turn := 3
/// ```
///
/// The count goes on when the slot gets its next object, so a worker that is early can never take
/// the previous object's address for its own. It wraps after 2³² operations, which is harmless:
/// a waiter compares for equality, and the slot cannot advance past the value it waits for
/// because the operation that would advance it is the waiter's own.
#[derive(Debug, Default)]
pub(super) struct Slot {
    address: AtomicPtr<u8>,
    turn: AtomicU32,
}

impl Slot {
    /// The address the slot holds. Call it only between [`SlotTable::wait`] and [`Slot::done`].
    pub(super) fn address(&self) -> *mut u8 {
        // Relaxed: the acquiring load of `turn` in `wait` ordered the store before this load.
        self.address.load(Ordering::Relaxed)
    }

    /// Stores the address an operation left the object at and lets the next operation start.
    pub(super) fn done(&self, address: *mut u8, turn: u32) {
        self.address.store(address, Ordering::Relaxed);
        // Release: pairs with the acquiring loads in `SlotTable::wait`.
        self.turn.store(turn.wrapping_add(1), Ordering::Release);
    }
}

/// All slots, and the flag that ends every wait when a worker found a fault.
#[derive(Debug)]
pub(super) struct SlotTable {
    slots: Box<[Slot]>,
    stopped: AtomicBool,
}

impl SlotTable {
    /// Makes `len` slots and touches each, so that their memory is resident from the start.
    pub(super) fn new(len: usize) -> Self {
        let slots: Box<[Slot]> = (0..len).map(|_| Slot::default()).collect();
        for slot in &slots {
            // Relaxed: nobody else has the table yet.
            slot.address.store(ptr::null_mut(), Ordering::Relaxed);
        }
        Self {
            slots,
            stopped: AtomicBool::new(false),
        }
    }

    /// Waits until `turn` operations were completed on slot `index`, adding the processor time
    /// spent waiting to `waited_ns`. `None` when the replay was stopped.
    pub(super) fn wait(&self, index: u32, turn: u32, waited_ns: &mut u64) -> Option<&Slot> {
        let slot = &self.slots[index as usize];
        // Acquire: pairs with the release in `Slot::done`, so the previous operation's address
        // and what it wrote into the object are visible.
        if slot.turn.load(Ordering::Acquire) != turn {
            self.wait_slow(slot, turn, waited_ns)?;
        }
        Some(slot)
    }

    #[cold]
    fn wait_slow(&self, slot: &Slot, turn: u32, waited_ns: &mut u64) -> Option<()> {
        const SPINS: u32 = 64;
        let start = clock::thread_time_ns();
        let mut spins = 0;
        // Acquire: as in `wait`.
        while slot.turn.load(Ordering::Acquire) != turn {
            if self.is_stopped() {
                return None;
            }
            if spins < SPINS {
                spins += 1;
                hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
        *waited_ns += clock::thread_time_ns() - start;
        Some(())
    }

    /// Ends all waits, now and later.
    pub(super) fn stop(&self) {
        // Relaxed: a flag that carries no data; the fault itself is behind a mutex.
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether [`stop`](Self::stop) was called.
    pub(super) fn is_stopped(&self) -> bool {
        // Relaxed: as in `stop`.
        self.stopped.load(Ordering::Relaxed)
    }
}
