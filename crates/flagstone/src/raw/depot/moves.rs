//! Slots on the move between the parts of a depot.

use crate::sync::{
    atomic::{AtomicU64, Ordering},
    seeded,
};

/// One more move has begun, in the upper half of `moves`; the lower half counts those under way, but for
/// its highest bit.
const BEGUN: u64 = 1 << 32 | 1;
/// Those under way.
pub(super) const UNDER_WAY: u64 = WANTED - 1;
/// The highest bit of the lower half: somebody waits for a slot.
pub(super) const WANTED: u64 = 1 << 31;

/// Slots are on the move while it exists.
pub(super) struct Moving<'a>(&'a AtomicU64);

impl<'a> Moving<'a> {
    /// Announces one.
    pub(super) fn begin(moves: &'a AtomicU64) -> Self {
        if !seeded("depot: moves are not announced") {
            // Acquire and Release: whoever counts moves afterwards sees this one, and this one what
            // was counted before.
            moves.fetch_add(BEGUN, Ordering::AcqRel);
        }
        Self(moves)
    }

    /// They are no more; whether somebody waits for one, for whom the caller then has to look. Either that is
    /// so, or who begins to wait later sees what was moved.
    pub(super) fn end(self) -> bool {
        let wanted = Self::count_down(self.0);
        core::mem::forget(self);
        wanted
    }

    fn count_down(moves: &AtomicU64) -> bool {
        // Acquire and Release: as in `begin`.
        let unannounced = seeded("depot: moves are not announced");
        !unannounced && moves.fetch_sub(1, Ordering::AcqRel) & WANTED != 0
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        Self::count_down(self.0);
    }
}
