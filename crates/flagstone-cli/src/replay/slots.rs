//! Where the addresses of live objects are kept, and how threads take turns on them.

use std::hint;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::thread;

use super::board::{Board, Wait};
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

/// All slots, who waits for them, and the flag that ends every wait when a worker found a fault.
#[derive(Debug)]
pub(super) struct SlotTable {
    slots: Box<[Slot]>,
    board: Board,
    stuck: OnceLock<Wait>,
    stopped: AtomicBool,
}

impl SlotTable {
    /// Makes `len` slots and touches each, so that their memory is resident from the start.
    pub(super) fn new(len: usize, workers: usize) -> Self {
        let slots: Box<[Slot]> = (0..len).map(|_| Slot::default()).collect();
        for slot in &slots {
            // Relaxed: nobody else has the table yet.
            slot.address.store(ptr::null_mut(), Ordering::Relaxed);
        }
        Self {
            slots,
            board: Board::new(workers),
            stuck: OnceLock::new(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Prepares for a window. Call it only while nobody plays.
    pub(super) fn open_window(&self) {
        self.board.open();
    }

    /// `worker` has carried out its part of the window, or given up.
    pub(super) fn end_part(&self, worker: usize) {
        self.board.is_done(worker);
    }

    /// Waits until `wait.turn` operations were completed on slot `wait.slot`, adding the processor
    /// time spent waiting to `waited_ns`. `None` when the replay was stopped.
    pub(super) fn wait(&self, wait: Wait, waited_ns: &mut u64) -> Option<&Slot> {
        let slot = &self.slots[wait.slot as usize];
        // Acquire: pairs with the release in `Slot::done`, so the previous operation's address
        // and what it wrote into the object are visible.
        if slot.turn.load(Ordering::Acquire) != wait.turn {
            self.wait_slow(slot, wait, waited_ns)?;
        }
        Some(slot)
    }

    /// The wait that nobody can end, if the replay was stopped because of one.
    pub(super) fn stuck(&self) -> Option<Wait> {
        self.stuck.get().copied()
    }

    #[cold]
    fn wait_slow(&self, slot: &Slot, wait: Wait, waited_ns: &mut u64) -> Option<()> {
        const SPINS: u32 = 64;
        let start = clock::thread_time_ns();
        let mut spins = 0;
        self.board.waits(wait);
        // Acquire: as in `wait`.
        let turn_of = |slot: u32| self.slots[slot as usize].turn.load(Ordering::Acquire);
        // Acquire: as in `wait`.
        while slot.turn.load(Ordering::Acquire) != wait.turn {
            if self.is_stopped() {
                return None;
            }
            if spins < SPINS {
                spins += 1;
                hint::spin_loop();
            } else if self.board.nobody_moves(turn_of) {
                self.stuck.get_or_init(|| wait);
                self.stop();
            } else {
                thread::yield_now();
            }
        }
        self.board.plays(wait.worker);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_wait_for_each_other_give_up_and_say_for_what() {
        let slots = SlotTable::new(2, 2);
        let waits = [0, 1].map(|worker| Wait {
            worker,
            slot: worker as u32,
            turn: 1,
        });
        thread::scope(|scope| {
            for wait in waits {
                let slots = &slots;
                scope.spawn(move || assert!(slots.wait(wait, &mut 0).is_none()));
            }
        });
        assert!(slots.stuck().is_some_and(|wait| waits.contains(&wait)));
    }

    #[test]
    fn a_wait_that_another_worker_ends_is_not_given_up() {
        for _ in 0..200 {
            let slots = SlotTable::new(2, 2);
            thread::scope(|scope| {
                let ping = |worker: usize, first: u32| {
                    let slots = &slots;
                    move || {
                        for turn in (first..100).step_by(2) {
                            let wait = Wait {
                                worker,
                                slot: 0,
                                turn,
                            };
                            let slot = slots.wait(wait, &mut 0).expect("the other one plays");
                            slot.done(ptr::null_mut(), turn);
                        }
                        slots.end_part(worker);
                    }
                };
                scope.spawn(ping(0, 0));
                scope.spawn(ping(1, 1));
            });
            assert_eq!(slots.stuck(), None);
        }
    }
}
