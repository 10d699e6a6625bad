//! One thread's part of a shared arena.
#![expect(unsafe_code, reason = "goes through pieces of a shared arena")]

use core::{alloc::Layout, cell::Cell, fmt, ptr::NonNull};

use super::{SyncArena, doors::doors};
#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};
use crate::{
    error::Cause,
    provider::{Global, Provider},
    raw::bump::{Cursor, Kept, Reserve},
    stats::Collector,
};

/// The first piece that is taken from the shared arena, in bytes; they double.
const FIRST_PIECE: usize = 1024;
/// Pieces do not become larger than this.
const LARGEST_PIECE: usize = 64 * 1024;
/// A request larger than this part of a piece goes to the shared arena itself.
const LARGE_PART: usize = 4;

/// Allocates from a [`SyncArena`] as fast as an [`Arena`](super::Arena) does, for one thread at a
/// time: it takes pieces of the shared arena, 1 KiB first and 64 KiB later, and goes through them
/// without atomics.
///
/// What it hands out belongs to the shared arena and stays when the local one is gone.
///
/// ```
/// let arena = flagstone::SyncArena::new();
/// let name = {
///     let local = arena.local();
///     local.alloc_str("stays")
/// };
/// assert_eq!(name, "stays");
/// ```
///
/// When it is dropped, the rest of its piece goes back to the shared arena, or to the next local
/// arena. At most 63 KiB of each live local arena are reserved and not in use.
///
/// # Invariant
///
/// 1. The cursor is nowhere, or in a piece of `shared` that belongs to this arena alone.
pub struct LocalArena<'s, P: Provider = Global, const MIN_ALIGN: usize = 8> {
    cursor: Cursor<MIN_ALIGN>,
    piece: Cell<usize>,
    shared: &'s SyncArena<P, MIN_ALIGN>,
    stats: Collector,
}

impl<P: Provider, const MIN_ALIGN: usize> SyncArena<P, MIN_ALIGN> {
    /// A part of this arena for one thread; takes nothing yet.
    #[must_use]
    pub const fn local(&self) -> LocalArena<'_, P, MIN_ALIGN> {
        LocalArena {
            cursor: Cursor::nowhere(),
            piece: Cell::new(FIRST_PIECE),
            shared: self,
            stats: Collector::new(),
        }
    }
}

impl<'s, P: Provider, const MIN_ALIGN: usize> LocalArena<'s, P, MIN_ALIGN> {
    doors!(
        "let shared = flagstone::SyncArena::new(); let arena = shared.local();",
        's
    );

    /// The arena it is a part of.
    #[must_use]
    pub const fn shared(&self) -> &'s SyncArena<P, MIN_ALIGN> {
        self.shared
    }

    /// What this arena has done so far: its allocations, exactly. Refusals are counted by the shared
    /// arena.
    #[cfg(feature = "stats")]
    #[must_use]
    pub fn stats(&self) -> Snapshot {
        self.stats.snapshot()
    }

    /// Gets room for `layout` that the piece does not have.
    #[cold]
    #[inline(never)]
    fn refill(&self, layout: Layout) -> Result<NonNull<u8>, Cause> {
        let size = self.piece.get();
        if layout.size().saturating_add(layout.align()) > size / LARGE_PART {
            return self.shared.room(layout);
        }
        let leftover = match self.cursor.is_nowhere() {
            true => self.shared.bump.leftovers.take(),
            // What this arena left itself would come back again and again.
            false => None,
        };
        let Some((start, len)) = leftover.or_else(|| self.new_piece(size, layout)) else {
            // There may still be enough for this one request.
            return self.shared.room(layout);
        };
        self.leave();
        // SAFETY: a piece that was just handed out to this arena alone, at a multiple of the minimum
        // alignment; chunks keep their distance from the end of the address space.
        unsafe { self.cursor.enter(start, len) };
        match self.cursor.take(layout) {
            Some(room) => Ok(room),
            // A leftover piece may be too small.
            None => self.shared.room(layout),
        }
    }

    /// A piece of `size` bytes, or of less if that is what the shared arena's chunk has left and
    /// `layout` fits well; the next one is twice as large.
    fn new_piece(&self, size: usize, layout: Layout) -> Option<(NonNull<u8>, usize)> {
        let piece = |size| Layout::from_size_align(size, MIN_ALIGN.max(align_of::<u64>())).ok();
        // Without this, what is left of each chunk would be lost, and a reset would make a chunk in
        // which the same pieces do not fit again.
        let least = (layout.size() + layout.align()) * LARGE_PART;
        let mut part = size;
        while part >= least.max(FIRST_PIECE) {
            if let Some(start) = self.shared.quick_room(piece(part)?) {
                let next = if part == size { size * 2 } else { size };
                self.piece.set(next.min(LARGEST_PIECE));
                return Some((start, part));
            }
            part /= 2;
        }
        let start = self.shared.room(piece(size)?).ok()?;
        self.piece.set((size * 2).min(LARGEST_PIECE));
        Some((start, size))
    }

    /// Gives the rest of the piece to the shared arena.
    fn leave(&self) {
        let (rest, len) = (self.cursor.pos(), self.cursor.room());
        self.cursor.leave();
        let Some(rest) = NonNull::new(rest).filter(|_| len > 0) else {
            return;
        };
        if !self.shared.bump.give_back(rest, len) {
            // SAFETY: the rest of a piece that is not used any more; it stays until a reset.
            unsafe { self.shared.bump.leftovers.put(rest, len) };
        }
    }
}

// SAFETY: room comes from the shared arena, or from pieces of it that are this arena's alone, and
// stays while the shared arena is borrowed for 's.
unsafe impl<'s, P: Provider, const MIN_ALIGN: usize> Reserve<'s> for &LocalArena<'s, P, MIN_ALIGN> {
    #[inline(always)]
    fn quick_room_for<T>(self) -> Option<NonNull<u8>> {
        let room = self.cursor.take_for::<T>();
        room.inspect(|_| self.stats.placed())
    }

    #[inline(always)]
    fn quick_room(self, layout: Layout) -> Option<NonNull<u8>> {
        let room = self.cursor.take(layout);
        room.inspect(|_| self.stats.placed())
    }

    fn slow_room(self, layout: Layout) -> Result<NonNull<u8>, Cause> {
        let room = self.refill(layout);
        room.inspect(|_| self.stats.placed())
    }

    #[inline]
    unsafe fn resize(self, block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
        match self.cursor.resize(block, old, new) {
            Some(block) => Some(block),
            // A large block came from the shared arena itself.
            None => self.shared.bump.resize(block, old, new),
        }
    }

    #[inline]
    unsafe fn give_back(self, block: NonNull<u8>, size: usize) {
        if !self.cursor.give_back(block, size) {
            self.shared.bump.give_back(block, size);
        }
    }

    fn count_refusal(self, cause: Cause) {
        self.shared.count_refusal(cause);
    }

    unsafe fn keep(self, kept: NonNull<Kept>) {
        // SAFETY: the caller's promise; the memory is the shared arena's.
        unsafe { self.shared.keep(kept) };
    }
}

impl<P: Provider, const MIN_ALIGN: usize> Drop for LocalArena<'_, P, MIN_ALIGN> {
    fn drop(&mut self) {
        self.leave();
        #[cfg(feature = "stats")]
        {
            let placed = self.stats.snapshot().get(Metric::Allocations);
            self.shared.bump.tally.placed(placed);
        }
    }
}

// SAFETY: the piece is this arena's alone, and the shared arena may be used by every thread.
unsafe impl<P: Provider + Sync, const MIN_ALIGN: usize> Send for LocalArena<'_, P, MIN_ALIGN> {}

impl<P: Provider, const MIN_ALIGN: usize> fmt::Debug for LocalArena<'_, P, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalArena")
            .field("room", &self.cursor.room())
            .field("shared", self.shared)
            .finish()
    }
}
