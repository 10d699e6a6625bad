//! A power-of-two aligned run of equal slots with its descriptor inside.

use core::alloc::Layout;

use super::{SlotLayout, align_up};

/// Bytes of a cache line, the step between two colours.
const LINE: usize = 64;
/// One 64th of a slab, 1 KiB of 64 KiB, is where the descriptor may lie.
const COLOR_SHARE: usize = 64;
/// A slab holds about this many slots at least, however large they are.
const MIN_SLOTS: usize = 8;

/// Where a slab's descriptor and slots lie.
///
/// ```text
///  base (aligned to size)                                                     base + size
///  │ colour │ descriptor │ colours of other slabs │ pad │ slot 0 │ slot 1 │ … │ slack │
///  ╰─ 1/64 of the slab, at least one descriptor ──╯
/// ```
///
/// A slab is found from any address in it by clearing the low bits. If the descriptor stood right
/// there, the descriptors of all slabs would share one set of the first-level cache (measured: 14
/// cycles a free instead of 4), so it is moved by a colour that is computed from the slab's own
/// address. The technique is J. Bonwick's, "The slab allocator" (USENIX 1994).
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::layout::{SlabLayout, SlotLayout};
///
/// let slot = SlotLayout::linked(Layout::new::<[u64; 8]>(), 1).unwrap();
/// let slab = SlabLayout::new(65536, Layout::from_size_align(64, 64).unwrap(), slot).unwrap();
/// assert_eq!((slab.size(), slab.slots()), (65536, 1008));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlabLayout {
    size: usize,
    first: usize,
    slots: u32,
}

impl SlabLayout {
    /// The slab size for slots of `slot`: `least` bytes, or the power of two that holds eight slots
    /// if that is more. `None` when there is no such power of two.
    #[must_use]
    pub const fn size_for(least: usize, slot: SlotLayout) -> Option<usize> {
        let Some(eight) = slot.stride().checked_mul(MIN_SLOTS) else {
            return None;
        };
        let size = if eight > least { eight } else { least };
        size.checked_next_power_of_two()
    }

    /// The geometry of a slab of `size` bytes with a descriptor of layout `descriptor`. `None` when
    /// `size` is no power of two, or not even one slot fits, or no `Layout` can describe it.
    #[must_use]
    pub const fn new(size: usize, descriptor: Layout, slot: SlotLayout) -> Option<Self> {
        if !size.is_power_of_two() || size > isize::MAX as usize || descriptor.align() > LINE {
            return None;
        }
        let last_color = (Self::colors(size) - 1) * LINE;
        let Some(first) = align_up(last_color + descriptor.size(), slot.align()) else {
            return None;
        };
        if first >= size {
            return None;
        }
        let slots = (size - first) / slot.stride();
        if slots == 0 || slots >= u32::MAX as usize {
            return None;
        }
        Some(Self {
            size,
            first,
            slots: slots as u32,
        })
    }

    /// Bytes of a slab, and its alignment.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Bytes from the slab's base to its first slot.
    #[must_use]
    pub const fn first(&self) -> usize {
        self.first
    }

    /// Slots in a slab.
    #[must_use]
    pub const fn slots(&self) -> u32 {
        self.slots
    }

    /// Bytes from the base of a slab of `size` bytes (a power of two) to its descriptor, computed
    /// from the base address: one of `size / 4096` colours, a cache line apart (16 for 64 KiB).
    #[inline(always)]
    #[must_use]
    pub const fn descriptor_offset(base: usize, size: usize) -> usize {
        ((base / size) & (Self::colors(size) - 1)) * LINE
    }

    /// How many lines apart descriptors may lie: a power of two when `size` is one.
    const fn colors(size: usize) -> usize {
        let colors = size / COLOR_SHARE / LINE;
        if colors == 0 { 1 } else { colors }
    }
}
