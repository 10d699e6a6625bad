//! What stands in front of a chunk, and how it is found.

use core::{alloc::Layout, cell::Cell, ptr, ptr::NonNull};

use super::span::Span;
use crate::{
    layout::span::{CHUNK, SLICE, SLICES},
    sync::atomic::{AtomicU32, Ordering},
};

/// Bytes of all spans of a chunk, a power of two: where a span lies among them is below that.
const SPANS: usize = size_of::<[Span; SLICES]>();
const _: () = assert!(SPANS.is_power_of_two());

/// Whose a span is, and where it lies among the spans of its chunk, in bytes: nothing is left to compute when
/// the two are taken apart. What a slice says is written when the slice is given out, and whenever its span
/// changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u32);

impl Tag {
    /// The most numbers that locals can have; the last is that of locals that never have a span.
    pub(super) const MOST_LOCALS: u32 = u32::MAX >> SPANS.trailing_zeros();

    /// The tag of the span that begins with slice `first` and belongs to local number `local`; 0 is
    /// nobody.
    pub(super) const fn new(local: u32, first: usize) -> Self {
        Self(local << SPANS.trailing_zeros() | (first * size_of::<Span>()) as u32)
    }
}

/// A mapping that came from the provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    pub(super) base: NonNull<u8>,
    pub(super) layout: Layout,
    /// Whether parts of it can be made inaccessible.
    pub(super) is_guardable: bool,
}

/// The front of a chunk: its first slice holds nothing else. Lies at an offset that depends on the address
/// of the chunk, because what lies at equal offsets of many chunks competes for the same lines of a cache
/// (J. Bonwick, "The slab allocator", USENIX 1994).
///
/// All zeros is a valid front, of slices that are no span.
///
/// # Invariants
///
/// 1. `tags[i]` names the span that slice `i` is in, for each slice that is in one.
/// 2. What `pages` holds is read and written under the pool's lock, or that of the large blocks.
#[repr(C, align(64))]
pub(super) struct Front {
    tags: [AtomicU32; SLICES],
    spans: [Span; SLICES],
    pub(super) pages: Pages,
}

/// What the pool knows of a chunk: sets of slices, one bit each.
pub(super) struct Pages {
    /// Where it came from.
    pub(super) mapping: Cell<Option<Mapping>>,
    /// All chunks.
    pub(super) next: Cell<*const Front>,
    pub(super) previous: Cell<*const Front>,
    /// Chunks with runs of free slices of about the same length.
    pub(super) next_alike: Cell<*const Front>,
    pub(super) previous_alike: Cell<*const Front>,
    /// Chunks with slices that wait to be given back.
    pub(super) next_due: Cell<*const Front>,
    pub(super) previous_due: Cell<*const Front>,
    /// Free slices.
    pub(super) free: Cell<u64>,
    /// Free slices whose bytes may not be 0.
    pub(super) dirty: Cell<u64>,
    /// Free slices that the system may have back, and those that were such already at `stamp`.
    pub(super) idle: Cell<u64>,
    pub(super) aged: Cell<u64>,
    /// When the chunk was put on the list of those that wait, in milliseconds.
    pub(super) stamp: Cell<u64>,
    /// Which list of alike chunks it is on, counted from 1; 0 is none.
    pub(super) alike: Cell<u8>,
    /// Whether it is on the list of those that wait.
    pub(super) waits: Cell<bool>,
}

/// Bytes between the offsets of two fronts, and how many offsets there are.
const COLOUR: usize = 256;
const COLOURS: usize = 64;
const _: () = assert!(size_of::<Front>() + COLOUR * COLOURS <= SLICE);
const _: () = assert!(CHUNK.trailing_zeros() > COLOUR.trailing_zeros());

/// Bytes from a chunk's start to its front.
#[inline(always)]
const fn offset(chunk: usize) -> usize {
    (chunk >> (CHUNK.trailing_zeros() - COLOUR.trailing_zeros())) & (COLOUR * (COLOURS - 1))
}

impl Front {
    /// Where the front of the chunk at `base` lies.
    pub(super) fn at(base: NonNull<u8>) -> NonNull<Self> {
        debug_assert!(base.as_ptr().addr().is_multiple_of(CHUNK));
        // Others come back to the front from addresses alone.
        let chunk = base.as_ptr().expose_provenance();
        // SAFETY: within the first slice of the chunk.
        unsafe { base.byte_add(offset(chunk)) }.cast()
    }

    /// The front that describes the block at `address`, and the number of its slice.
    ///
    /// A block lies in the chunk of its front, or directly behind it: that is where blocks lie whose
    /// alignment is that of a chunk, and more.
    ///
    /// # Safety
    ///
    /// `address` is that of a block of a heap.
    #[inline(always)]
    pub(super) unsafe fn of<'h>(address: usize) -> (&'h Self, usize) {
        let chunk = (address - 1) & !(CHUNK - 1);
        let front = ptr::with_exposed_provenance::<Self>(chunk + offset(chunk));
        // SAFETY: a block has a front, which stays as long as the block; all of its fields may be shared.
        let front = unsafe { &*front };
        (front, address / SLICE % SLICES)
    }

    /// The front and the number of a span.
    ///
    /// # Safety
    ///
    /// `span` is one of those of a front.
    pub(super) unsafe fn of_span<'h>(span: &Span) -> (&'h Self, usize) {
        let address = ptr::from_ref(span).addr();
        // SAFETY: a front lies in the first slice of its chunk, and so do its spans.
        let (front, _) = unsafe { Self::of(address + 1) };
        let first = address - ptr::from_ref(&front.spans).addr();
        (front, first / size_of::<Span>())
    }

    /// Zeroes the front at `front`, of memory that is not known to be 0.
    ///
    /// # Safety
    ///
    /// The memory is the caller's alone.
    pub(super) unsafe fn clear(front: NonNull<Self>) {
        // SAFETY: the caller's promise.
        unsafe { front.write_bytes(0, 1) };
    }

    #[inline(always)]
    fn tag(&self, slice: usize) -> Tag {
        // Relaxed: a tag that is the reader's own was written by the reader; with another, nothing is
        // read that the block's way to this thread did not bring along.
        Tag(self.tags[slice % SLICES].load(Ordering::Relaxed))
    }

    /// Tags the `slices` slices from `first` on.
    pub(super) fn set_tags(&self, first: usize, slices: usize, local: u32) {
        for slice in first..first + slices {
            // Relaxed: see `tag`.
            self.tags[slice % SLICES].store(Tag::new(local, first).0, Ordering::Relaxed);
        }
    }

    /// The span that `slice` is in.
    pub(super) fn span_of(&self, slice: usize) -> &Span {
        self.span(self.tag(slice).0 as usize % SPANS / size_of::<Span>())
    }

    /// The span that `slice` is in if its tag is that of `owner`.
    #[inline(always)]
    pub(super) fn span_of_owner(&self, slice: usize, owner: Tag) -> Option<&Span> {
        let at = (self.tag(slice).0 ^ owner.0) as usize;
        if at >= SPANS {
            return None;
        }
        // SAFETY: with the same owner what is left is where the span lies, as is in all tags.
        let span = unsafe { ptr::from_ref(&self.spans).byte_add(at) };
        // SAFETY: as above.
        Some(unsafe { &*span.cast::<Span>() })
    }

    /// The number of the local that has the span that `slice` is in; 0 is nobody's.
    pub(super) fn owner(&self, slice: usize) -> u32 {
        self.tag(slice).0 >> SPANS.trailing_zeros()
    }

    /// The span that begins with slice `first`.
    pub(super) fn span(&self, first: usize) -> &Span {
        &self.spans[first % SLICES]
    }

    /// The start of slice number `slice`.
    pub(super) fn slice(&self, slice: usize) -> NonNull<u8> {
        let chunk = ptr::from_ref(self).addr() & !(CHUNK - 1);
        let address = chunk + slice * SLICE;
        let slice = ptr::with_exposed_provenance_mut(address);
        // SAFETY: within the chunk, which is not at 0.
        unsafe { NonNull::new_unchecked(slice) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_lie_apart_and_within_their_slice() {
        let offsets: alloc::collections::BTreeSet<_> =
            (1..=COLOURS).map(|chunk| offset(chunk * CHUNK)).collect();
        assert_eq!(offsets.len(), COLOURS);
        assert!(offsets.iter().all(|at| at + size_of::<Front>() <= SLICE));
    }

    #[test]
    fn a_tag_keeps_both_parts() {
        let tag = Tag::new(Tag::MOST_LOCALS, 63);
        // Same owner: what is left is where the span lies.
        let same = (tag.0 ^ Tag::new(Tag::MOST_LOCALS, 0).0) as usize;
        assert_eq!(same, 63 * size_of::<Span>());
        assert!((tag.0 ^ Tag::new(Tag::MOST_LOCALS - 1, 63).0) as usize >= SPANS);
    }
}
