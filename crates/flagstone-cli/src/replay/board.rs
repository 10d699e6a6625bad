//! Who is waiting for what, so that a wait that nobody can end is found.

use std::sync::atomic::{AtomicU64, Ordering};

/// A worker's entry while it carries out operations.
const PLAYING: u64 = u64::MAX;

/// And when its part of the window is over. No slot has the number in the upper half.
const DONE: u64 = u64::MAX - 1;

/// An operation that a worker cannot carry out yet: the slot, and the turn at which it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) worker: usize,
    pub(super) slot: u32,
    pub(super) turn: u32,
}

/// What each worker is doing.
///
/// A plan that was made of a valid trace cannot get stuck ([`Crew`](super::crew::Crew) says why). A
/// wait in a plan that lacks an operation would last for ever, and no clock could tell it from a
/// slow one. So workers write down what they wait for, and whoever waits long looks whether
/// anybody can still move.
#[derive(Debug)]
pub(super) struct Board(Box<[Desk]>);

/// One worker's entry, in cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Desk(AtomicU64);

impl Board {
    pub(super) fn new(workers: usize) -> Self {
        Self(
            (0..workers)
                .map(|_| Desk(AtomicU64::new(PLAYING)))
                .collect(),
        )
    }

    /// Everybody has something to do again. Call it only while nobody plays.
    pub(super) fn open(&self) {
        // Relaxed: the gate in front of the window orders it before what the workers do.
        self.0
            .iter()
            .for_each(|desk| desk.0.store(PLAYING, Ordering::Relaxed));
    }

    /// `wait.worker` can do nothing until the slot's turn has come.
    pub(super) fn waits(&self, wait: Wait) {
        let entry = u64::from(wait.slot) << 32 | u64::from(wait.turn);
        // Release: pairs with the acquire in `nobody_moves`, which then sees every turn that the
        // worker completed before.
        self.0[wait.worker].0.store(entry, Ordering::Release);
    }

    /// It goes on.
    pub(super) fn plays(&self, worker: usize) {
        // Relaxed: whoever reads the older entry sees that its wait is over.
        self.0[worker].0.store(PLAYING, Ordering::Relaxed);
    }

    /// Its part is over.
    pub(super) fn is_done(&self, worker: usize) {
        // Release: as in `waits`.
        self.0[worker].0.store(DONE, Ordering::Release);
    }

    /// Whether every worker has ended its part or waits for a turn that has not come; `turn_of`
    /// says where a slot is, with an acquiring load.
    ///
    /// The answer `true` is final. Suppose one of the waits read here could still end: take the
    /// first that does. Its turn comes by an operation that another worker completed before it
    /// wrote the entry read here, because afterwards that worker, too, has waited or was done. The
    /// acquiring load of that entry makes the turn visible, so the wait was seen to be over.
    pub(super) fn nobody_moves(&self, turn_of: impl Fn(u32) -> u32) -> bool {
        // Acquire: pairs with the releases in `waits` and `is_done`. All entries are read before
        // the first turn is.
        let entries: [u64; super::seats::MAX_WORKERS] = std::array::from_fn(|worker| {
            let desk = self.0.get(worker);
            desk.map_or(DONE, |desk| desk.0.load(Ordering::Acquire))
        });
        entries.into_iter().all(|entry| match entry {
            PLAYING => false,
            DONE => true,
            wait => {
                // A turn that was passed has come as well: the entry is older than what the worker
                // did since. Turns wrap, but no two that are compared are 2³¹ apart.
                let ahead = (wait as u32).wrapping_sub(turn_of((wait >> 32) as u32));
                ahead.cast_signed() > 0
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Wait = Wait {
        worker: 1,
        slot: 7,
        turn: 2,
    };

    #[test]
    fn somebody_who_plays_may_end_a_wait() {
        let board = Board::new(2);
        board.waits(WAIT);
        assert!(!board.nobody_moves(|_| 1));
        board.is_done(0);
        assert!(board.nobody_moves(|_| 1));
        board.open();
        assert!(!board.nobody_moves(|_| 1));
    }

    #[test]
    fn a_wait_whose_turn_has_come_is_over() {
        let board = Board::new(2);
        board.is_done(0);
        board.waits(WAIT);
        assert!(!board.nobody_moves(|slot| if slot == 7 { 2 } else { 0 }));
        board.plays(1);
        assert!(!board.nobody_moves(|_| 1));
    }

    #[test]
    fn a_turn_that_was_passed_has_come() {
        let board = Board::new(2);
        board.is_done(0);
        board.waits(WAIT);
        assert!(!board.nobody_moves(|_| WAIT.turn + 3));
        board.waits(Wait { turn: 0, ..WAIT });
        assert!(
            board.nobody_moves(|_| u32::MAX),
            "the turn comes after the count wraps"
        );
        assert!(!board.nobody_moves(|_| 1));
    }
}
