//! First-fit carving of one region: what both region providers share.
#![expect(unsafe_code, reason = "keeps its free list in the free memory itself")]

use core::{alloc::Layout, ptr::NonNull};

use crate::layout::{align_down, align_up};

/// What stands at the start of every free piece.
struct Piece {
    next: Option<NonNull<Piece>>,
    len: usize,
}

/// Sizes and places are multiples of this: a free piece must hold its `Piece`.
const GRAIN: usize = size_of::<Piece>();

/// Free memory of a region as a list of pieces in order of address; neighbours are merged when a
/// piece comes back (D. Knuth, The Art of Computer Programming vol. 1, section 2.5, first fit).
///
/// Both calls are O(free pieces): a provider is asked for chunks, which are few.
///
/// # Invariants
///
/// 1. The pieces are disjoint, in ascending order of address, no two touch, and each is a multiple
///    of `GRAIN` in place and length.
/// 2. Pieces and chunks handed out lie in the region given to `new`, which nobody else uses.
/// 3. All pointers to pieces derive from `region`, and not from those that come back.
pub(super) struct Carve {
    region: NonNull<u8>,
    first: Option<NonNull<Piece>>,
}

impl Carve {
    /// Nothing to carve.
    pub(super) const EMPTY: Self = Self {
        region: NonNull::dangling(),
        first: None,
    };

    /// Carves the `len` bytes from `start`; what is lost to rounding is at most two grains.
    ///
    /// # Safety
    ///
    /// The bytes are valid for reads and writes and exclusively the new value's, for as long as it
    /// or anything it hands out is used.
    pub(super) unsafe fn new(start: NonNull<u8>, len: usize) -> Self {
        let skip = start.as_ptr().addr().wrapping_neg() % GRAIN;
        let len = len.saturating_sub(skip) & !(GRAIN - 1);
        if len == 0 {
            return Self::EMPTY;
        }
        // SAFETY: `skip < skip + len <= the region's length`, by the two lines above.
        let first = unsafe { start.add(skip) }.cast::<Piece>();
        // SAFETY: at least one grain from `first` on is ours, aligned by `skip`.
        unsafe { first.write(Piece { next: None, len }) };
        Self {
            region: start,
            first: Some(first),
        }
    }

    /// How many bytes a request takes: a multiple of the grain. `None` when it overflows.
    const fn rounded(size: usize) -> Option<usize> {
        align_up(if size == 0 { 1 } else { size }, GRAIN)
    }

    /// The first place that fits, highest address within its piece, so that the front of the piece
    /// stays where the list expects it.
    pub(super) fn alloc(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let size = Self::rounded(layout.size())?;
        let align = layout.align().max(GRAIN);
        let mut previous: Option<NonNull<Piece>> = None;
        let mut at = self.first;
        while let Some(piece) = at {
            // SAFETY: invariants 1 and 2: a listed piece holds a `Piece`, and we hold `&mut self`.
            let Piece { next, len } = unsafe { piece.read() };
            let start = piece.as_ptr().addr();
            if let Some(place) = place_in(start, len, size, align) {
                let after = (place - start) + size;
                let tail = self.split_off(piece, after, len - after, next);
                if place == start {
                    self.link(previous, tail);
                } else {
                    let head = Piece {
                        next: tail,
                        len: place - start,
                    };
                    // SAFETY: the piece is ours and its front stays free.
                    unsafe { piece.write(head) };
                }
                // SAFETY: `place - start < len`: within the piece.
                return Some(unsafe { piece.cast::<u8>().add(place - start) });
            }
            previous = at;
            at = next;
        }
        None
    }

    /// Takes back what `alloc` gave for a layout of `size` bytes.
    ///
    /// # Safety
    ///
    /// `ptr` came from `alloc` with that size, was not freed since, and is not used any more.
    pub(super) unsafe fn free(&mut self, ptr: NonNull<u8>, size: usize) {
        // The size was accepted by `alloc`, so rounding it cannot overflow.
        let len = Self::rounded(size).unwrap_or(size);
        let (mut previous, mut next): (Option<NonNull<Piece>>, _) = (None, self.first);
        while let Some(piece) = next
            && piece.as_ptr().cast() < ptr.as_ptr()
        {
            previous = next;
            // SAFETY: invariant 1: a listed piece holds a `Piece`.
            next = unsafe { piece.as_ref() }.next;
        }
        // The caller's pointer may be good for its chunk only; a piece may be merged with others.
        let piece = self.region.map_addr(|_| ptr.addr()).cast::<Piece>();
        // SAFETY: at least one grain, aligned to the grain, and ours again by the caller's promise.
        unsafe { piece.write(Piece { next, len }) };
        self.link(previous, Some(piece));
        Self::merge(Some(piece));
        Self::merge(previous);
    }

    /// Makes what remains behind an allocation a piece; its `next` when nothing remains.
    fn split_off(
        &self,
        piece: NonNull<Piece>,
        after: usize,
        len: usize,
        next: Option<NonNull<Piece>>,
    ) -> Option<NonNull<Piece>> {
        if len == 0 {
            return next;
        }
        // SAFETY: `after + len` is the length of the piece.
        let tail = unsafe { piece.byte_add(after) };
        // SAFETY: `len` is a multiple of the grain and not 0, so a `Piece` fits; it is free memory.
        unsafe { tail.write(Piece { next, len }) };
        Some(tail)
    }

    /// Makes `piece` follow `previous`, or be the first.
    fn link(&mut self, previous: Option<NonNull<Piece>>, piece: Option<NonNull<Piece>>) {
        match previous {
            // SAFETY: invariant 1: a listed piece holds a `Piece`; `&mut self` makes it ours alone.
            Some(mut previous) => unsafe { previous.as_mut() }.next = piece,
            None => self.first = piece,
        }
    }

    /// Swallows the next piece if it touches this one.
    fn merge(piece: Option<NonNull<Piece>>) {
        let Some(mut piece) = piece else { return };
        // SAFETY: invariant 1, and the caller holds `&mut self`; the reference ends in this call.
        let this = unsafe { piece.as_mut() };
        let end = piece.as_ptr().addr() + this.len;
        if let Some(next) = this.next
            && next.as_ptr().addr() == end
        {
            // SAFETY: invariant 1: a listed piece holds a `Piece`.
            let Piece { next, len } = unsafe { next.read() };
            this.len += len;
            this.next = next;
        }
    }
}

/// The highest aligned place for `size` bytes in the `len` bytes from `start`.
fn place_in(start: usize, len: usize, size: usize, align: usize) -> Option<usize> {
    let latest = start + len.checked_sub(size)?;
    align_down(latest, align).filter(|&place| place >= start)
}
