//! What a general heap is cut from: chunks of slices, spans of slices, slots of spans.
#![cfg_attr(
    loom,
    expect(dead_code, reason = "only what threads share is modelled")
)]

use super::{SizeClasses, align_up};

/// Bytes of a slice. A page of the operating system is never larger.
pub(crate) const SLICE: usize = 64 << 10;
/// Slices of a chunk, the first of which describes the others.
pub(crate) const SLICES: usize = 64;
/// Bytes of a chunk, and its alignment.
pub(crate) const CHUNK: usize = SLICE * SLICES;
/// The largest slot, in bytes: more is cut from slices as a whole.
pub(crate) const LARGEST_SLOT: usize = SLICE;
/// Classes of slots.
pub(crate) const CLASSES: usize = CLASS_SIZES.class_of(LARGEST_SLOT) + 1;
/// The most slices that a block is cut from inside a chunk; a larger one has a mapping of its own.
pub(crate) const MOST_SLICES: usize = SLICES / 2;

/// Steps of 8 bytes up to 128, then 8 for every doubling: above 64 bytes at most a ninth of a slot is
/// wasted. A size that is a multiple of an alignment has a class that is one too, so alignment needs
/// nothing but rounding the size up.
const CLASS_SIZES: SizeClasses = match SizeClasses::new(8, 8) {
    Some(classes) => classes,
    None => panic!("powers of two"),
};

/// The class of the smallest slots that hold `size` bytes; `size` is at most [`LARGEST_SLOT`].
#[inline(always)]
pub(crate) const fn class_of(size: usize) -> usize {
    CLASS_SIZES.class_of(size)
}

/// Where the slots of a class lie in its spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanLayout {
    /// Bytes from slot to slot.
    pub(crate) stride: u32,
    /// Slots of a span, 8 at least.
    pub(crate) slots: u32,
    /// Slices of a span.
    pub(crate) slices: u8,
}

impl SpanLayout {
    /// The layout of all spans of `class`.
    #[inline]
    pub(crate) fn of(class: usize) -> Self {
        SPANS[class]
    }

    /// A span whose owner left it is worth taking, or put on a list, when no more slots than that are
    /// in use: an eighth is free.
    pub(crate) const fn mark(self) -> u32 {
        self.slots - self.slots / 8
    }

    /// The fewest slices that hold 8 slots and leave at most a sixteenth over.
    const fn new(class: usize) -> Self {
        let Some(stride) = CLASS_SIZES.size_of(class) else {
            panic!("classes have sizes")
        };
        let mut slices = 1;
        loop {
            let (bytes, slots) = (slices * SLICE, slices * SLICE / stride);
            if slots >= 8 && (bytes - slots * stride) * 16 <= bytes {
                return Self {
                    stride: stride as u32,
                    slots: slots as u32,
                    slices: slices as u8,
                };
            }
            slices *= 2;
        }
    }
}

static SPANS: [SpanLayout; CLASSES] = {
    let mut spans = [SpanLayout::new(0); CLASSES];
    let mut class = 0;
    while class < CLASSES {
        spans[class] = SpanLayout::new(class);
        class += 1;
    }
    spans
};

/// `size` rounded up to `align`, a power of two, so that its class has slots of that alignment.
#[inline(always)]
pub(crate) const fn aligned_size(size: usize, align: usize) -> Option<usize> {
    align_up(size, align)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_sizes_and_wastes_a_ninth_at_most() {
        for size in 1..=LARGEST_SLOT {
            let layout = SpanLayout::of(class_of(size));
            let stride = layout.stride as usize;
            assert!(stride >= size);
            assert!(
                size <= 64 || (stride - size) * 9 <= stride,
                "{size} in {stride}"
            );
        }
    }

    #[test]
    fn an_aligned_size_has_aligned_slots() {
        let mut align = 1;
        while align <= LARGEST_SLOT {
            for size in (align..=LARGEST_SLOT).step_by(align) {
                let stride = SpanLayout::of(class_of(size)).stride as usize;
                assert!(stride.is_multiple_of(align), "{size} at {align}");
            }
            align *= 2;
        }
    }

    #[test]
    fn spans_have_slots_enough_and_waste_little() {
        for class in 0..CLASSES {
            let span = SpanLayout::of(class);
            let bytes = span.slices as usize * SLICE;
            let used = (span.slots * span.stride) as usize;
            assert!(span.slots >= 8 && span.slices <= 16);
            assert!(used <= bytes && (bytes - used) * 16 <= bytes);
            assert!(span.mark() < span.slots);
        }
    }
}
