//! Room for a run of elements.

use core::alloc::Layout;

use super::{SlotLayout, align_up};

/// Bytes of a buffer at least: a free one holds a link of an address and a count.
const LEAST: usize = 16;

/// A slot for `elements` elements and, where they need it, the note of how many there are.
///
/// ```text
///  │ element 0 │ element 1 │ … │ element M - 1 │ pad │ note │ pad │   aligned as an element, or more
/// ```
///
/// The note stands behind the elements, so that a buffer of 4096 bytes can lie on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferLayout {
    slot: SlotLayout,
    note: usize,
}

impl BufferLayout {
    /// `None` when no `Layout` can describe it, or `min_align` is no power of two.
    pub(crate) const fn new(
        element: Layout,
        elements: usize,
        noted: bool,
        min_align: usize,
    ) -> Option<Self> {
        let Some(bytes) = element.size().checked_mul(elements) else {
            return None;
        };
        let (note, bytes, min_align) = if noted {
            let Some(note) = align_up(bytes, align_of::<usize>()) else {
                return None;
            };
            let Some(bytes) = note.checked_add(size_of::<usize>()) else {
                return None;
            };
            let least = align_of::<usize>();
            (
                note,
                bytes,
                if min_align < least { least } else { min_align },
            )
        } else {
            (bytes, bytes, min_align)
        };
        let bytes = if bytes < LEAST { LEAST } else { bytes };
        let Ok(layout) = Layout::from_size_align(bytes, element.align()) else {
            return None;
        };
        match SlotLayout::linked(layout, min_align) {
            Some(slot) => Some(Self { slot, note }),
            None => None,
        }
    }

    /// The slot.
    pub(crate) const fn slot(&self) -> SlotLayout {
        self.slot
    }

    /// Bytes from the start of the slot to the note.
    pub(crate) const fn note(&self) -> usize {
        self.note
    }

    /// The most elements up to `wanted`, which do not fit, for which `fits` says yes; `fits` is true
    /// up to some number and false from there on.
    pub(crate) fn most(wanted: usize, fits: impl Fn(usize) -> bool) -> usize {
        let (mut least, mut most) = (0, wanted);
        while most - least > 1 {
            let middle = least + (most - least) / 2;
            if fits(middle) {
                least = middle;
            } else {
                most = middle;
            }
        }
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_first_and_the_note_fits() {
        for (size, align) in [
            (0, 1),
            (1, 1),
            (3, 1),
            (4, 4),
            (24, 8),
            (64, 64),
            (4096, 4096),
        ] {
            let element = Layout::from_size_align(size, align).expect("a layout");
            for elements in [0, 1, 2, 7, 1000] {
                for noted in [false, true] {
                    for min_align in [1, 8, 64, 4096] {
                        let buffer = BufferLayout::new(element, elements, noted, min_align)
                            .expect("it fits");
                        let (slot, note) = (buffer.slot(), buffer.note());
                        assert!(slot.stride() >= (size * elements).max(LEAST));
                        assert!(slot.align() >= align.max(min_align));
                        assert_eq!(slot.stride() % slot.align(), 0);
                        assert!(note >= size * elements);
                        if noted {
                            assert!(note + size_of::<usize>() <= slot.stride());
                            assert_eq!(note % align_of::<usize>(), 0);
                            assert!(slot.align() >= align_of::<usize>());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let word = Layout::new::<u64>();
        for elements in [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8 + 1] {
            assert_eq!(BufferLayout::new(word, elements, true, 1), None);
            assert_eq!(BufferLayout::new(word, elements, false, 1), None);
            let fits = |n| BufferLayout::new(word, n, true, 1).is_some();
            let most = BufferLayout::most(elements, fits);
            assert!(fits(most) && !fits(most + 1), "{most}");
        }
        assert_eq!(BufferLayout::new(word, 1, false, 3), None);
    }
}
