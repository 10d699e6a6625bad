//! Room for one value.

use core::alloc::Layout;

use super::align_up;

/// Bytes of the link that a free slot of an intrusive list holds.
const LINK: usize = size_of::<u64>();

/// Distance and alignment of equal slots.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::layout::SlotLayout;
///
/// let slot = SlotLayout::linked(Layout::new::<[u8; 12]>(), 1).unwrap();
/// assert_eq!((slot.stride(), slot.align()), (12, 1)); // a link may lie unaligned: no padding
/// let slot = SlotLayout::linked(Layout::new::<u8>(), 64).unwrap();
/// assert_eq!((slot.stride(), slot.align()), (64, 64));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotLayout {
    stride: usize,
    align: usize,
}

impl SlotLayout {
    /// Slots for values of layout `value` that hold a free-list link while they are free: at least
    /// 8 bytes wide, aligned to `min_align` at least.
    ///
    /// `None` when `min_align` is no power of two or the stride exceeds `isize::MAX` bytes.
    #[must_use]
    pub const fn linked(value: Layout, min_align: usize) -> Option<Self> {
        let size = if value.size() < LINK {
            LINK
        } else {
            value.size()
        };
        Self::of(size, value.align(), min_align)
    }

    /// Slots for values of layout `value` whose state is kept elsewhere: nothing is added, except
    /// that a zero-sized value takes one byte, so that every slot has an address of its own.
    ///
    /// `None` as for [`linked`](Self::linked).
    #[must_use]
    pub const fn plain(value: Layout, min_align: usize) -> Option<Self> {
        let size = if value.size() == 0 { 1 } else { value.size() };
        Self::of(size, value.align(), min_align)
    }

    const fn of(size: usize, align: usize, min_align: usize) -> Option<Self> {
        if !min_align.is_power_of_two() {
            return None;
        }
        let align = if align < min_align { min_align } else { align };
        match align_up(size, align) {
            Some(stride) if stride <= isize::MAX as usize => Some(Self { stride, align }),
            _ => None,
        }
    }

    /// Bytes from one slot to the next.
    #[must_use]
    pub const fn stride(&self) -> usize {
        self.stride
    }

    /// Alignment of every slot, in bytes.
    #[must_use]
    pub const fn align(&self) -> usize {
        self.align
    }
}
