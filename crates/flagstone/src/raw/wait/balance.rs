//! How much is left, and whether anybody waits for more, in one word.

use core::fmt;

use crate::sync::{
    atomic::{AtomicU64, Ordering},
    seeded,
};

/// The most that a balance counts, either way: sums of two still fit.
pub(crate) const MOST: u64 = 1 << 60;

/// The lowest bit: somebody waits.
const WANTED: u64 = 1;

/// What is left of something that is counted, and whether somebody waits for it.
///
/// ```text
/// 63                        1    0
/// ├ left, negative in debt ─┤ wanted ┤
/// ```
///
/// Both are in one word, so that who gives something back learns from the same operation whether
/// somebody waits, and who takes something cannot miss that others were there first.
///
/// # Invariants
///
/// 1. `left` is between -[`MOST`] and [`MOST`].
/// 2. `wanted` is set and cleared under the lock of the queue that it stands for. While it is set
///    nobody takes by [`take`](Self::take).
pub(crate) struct Balance(AtomicU64);

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    /// What was left.
    pub(crate) left: i64,
    /// Whether somebody waits.
    pub(crate) wanted: bool,
}

impl Balance {
    pub(crate) fn new(left: u64) -> Self {
        debug_assert!(left <= MOST);
        Self(AtomicU64::new(left << 1))
    }

    /// Takes `amount`, if so much is left and nobody waits. One load and one compare-and-swap.
    #[inline]
    pub(crate) fn take(&self, amount: u64) -> Result<(), Short> {
        self.take_unless(WANTED, amount)
    }

    /// Takes `amount` if so much is left, whoever waits: for those who have the queue's lock.
    pub(crate) fn take_queued(&self, amount: u64) -> Result<(), Short> {
        self.take_unless(0, amount)
    }

    #[inline(always)]
    fn take_unless(&self, flags: u64, amount: u64) -> Result<(), Short> {
        // Relaxed: a first guess, which the exchange verifies.
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let short = Short::of(word);
            // What is left fits into 61 bits, so `amount as i64` is only negative where it is more.
            let barred = word & flags != 0 && !seeded("balance: taken although somebody waits");
            if barred || amount > MOST || short.left < amount as i64 {
                return Err(short);
            }
            // Acquire: pairs with the Release in `give`: who gets what another gave back comes after
            // what that other did with it.
            let order = match seeded("balance: taken relaxed") {
                true => Ordering::Relaxed,
                false => Ordering::Acquire,
            };
            match self
                .0
                .compare_exchange_weak(word, word - (amount << 1), order, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }

    /// Takes `amount` whether or not it is left; `false`, and nothing happens, if the debt would be
    /// more than `most`, or than [`MOST`].
    pub(crate) fn overdraw(&self, amount: u64, most: u64) -> bool {
        let least = -(most.min(MOST) as i64);
        // Relaxed: a first guess, which the exchange verifies.
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if amount > MOST || Short::of(word).left - (amount as i64) < least {
                return false;
            }
            // Acquire: as in `take`.
            match self.0.compare_exchange_weak(
                word,
                word.wrapping_sub(amount << 1),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Gives `amount` back; whether somebody waits, for whom the caller then has to look.
    ///
    /// An amount of 0 asks the question without a gap: either this comes before the `mark` of who
    /// begins to wait, who then sees all that was done before this, or it says `true`.
    #[inline]
    #[must_use]
    pub(crate) fn give(&self, amount: u64) -> bool {
        self.give_and_look(amount).wanted
    }

    /// As [`give`](Self::give); says besides what is left then.
    #[inline]
    pub(crate) fn give_and_look(&self, amount: u64) -> Short {
        // Release: pairs with the Acquire in `take_unless`, and with that in `mark`. Acquire: pairs with the
        // Release in `mark`: who sees the mark sees what was written before it.
        let order = match seeded("balance: given relaxed") {
            true => Ordering::Relaxed,
            false => Ordering::AcqRel,
        };
        let before = self.0.fetch_add(amount << 1, order);
        Short::of(before.wrapping_add(amount << 1))
    }

    /// Says that somebody waits. From then on `take` takes nothing, and `give` answers `true`.
    pub(crate) fn mark(&self) {
        // Acquire: pairs with the Release in every `give` before it, so that who looks once more
        // after this sees what was given back in other words, too. Release: with the Acquire in every
        // `give` after it.
        let order = match seeded("balance: marked relaxed") {
            true => Ordering::Relaxed,
            false => Ordering::AcqRel,
        };
        self.0.fetch_or(WANTED, order);
    }

    /// Says that nobody waits any more.
    pub(crate) fn unmark(&self) {
        // Release: pairs with the Acquire in `take_unless`; what was granted under the lock comes
        // before what is taken without.
        self.0.fetch_and(!WANTED, Ordering::Release);
    }

    /// What is left, and whether somebody waits, some time ago.
    #[inline]
    pub(crate) fn look(&self) -> Short {
        // Relaxed: the answer is old when it arrives; who needs more uses one of the operations.
        Short::of(self.0.load(Ordering::Relaxed))
    }
}

impl Short {
    #[inline(always)]
    fn of(word: u64) -> Self {
        Self {
            left: word as i64 >> 1,
            wanted: word & WANTED != 0,
        }
    }
}

impl fmt::Debug for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Short { left, wanted } = self.look();
        f.debug_struct("Balance")
            .field("left", &left)
            .field("wanted", &wanted)
            .finish()
    }
}
