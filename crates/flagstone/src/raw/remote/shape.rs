//! Where the parts of such a slab lie.

use core::alloc::Layout;

use super::word::Said;
use crate::layout::{SlabLayout, SlotLayout};

/// An offset in a slab: what a free slot's link is.
#[cfg(target_has_atomic = "64")]
pub(super) type Link = u32;
/// An offset in a slab of at most 64 KiB.
#[cfg(not(target_has_atomic = "64"))]
pub(super) type Link = u16;

/// Bytes of a link.
pub(super) const LINK: usize = size_of::<Link>();

/// Slots in a group: those whose bits are in one word.
pub(super) const GROUP: u32 = usize::BITS;

/// Where the slots of all slabs of a cache lie, worked out by the compiler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteShape {
    layout: SlabLayout,
    stride: u32,
    link_at: u32,
    beside: bool,
    bits: bool,
}

impl RemoteShape {
    /// Slabs of `size` bytes with such a descriptor, for values of layout `value`. With `beside`, free slots may hold a value:
    /// their links lie behind it and not in its place, and a byte that says whether there is one.
    ///
    /// # Panics
    ///
    /// With the rule that `size` or `value` breaks, at compile time.
    pub(super) const fn new(descriptor: Layout, value: Layout, size: usize, beside: bool) -> Self {
        assert!(
            size.is_power_of_two(),
            "SLAB_SIZE must be a power of two: slots find their slab by masking their address"
        );
        assert!(
            size <= Said::MOST_BYTES,
            "SLAB_SIZE must be at most 2 GiB, and 64 KiB where there are no 64-bit atomics"
        );
        let link_at = if beside { value.size() } else { 0 };
        let wide = link_at + LINK + 1;
        let least = if beside { wide } else { value.size() };
        let Ok(room) = Layout::from_size_align(least, value.align()) else {
            panic!("the value is too large: two slots and the descriptor must fit SLAB_SIZE")
        };
        let Some(slot) = SlotLayout::plain(room, 1) else {
            panic!("the value is too large: two slots and the descriptor must fit SLAB_SIZE")
        };
        let bits = slot.stride() < LINK;
        let words = if bits {
            (size / slot.stride()).div_ceil(GROUP as usize)
        } else {
            0
        };
        let Ok(descriptor) = Layout::from_size_align(
            descriptor.size() + words * size_of::<usize>(),
            descriptor.align(),
        ) else {
            panic!("the value is too large: two slots and the descriptor must fit SLAB_SIZE")
        };
        let layout = match SlabLayout::new(size, descriptor, slot) {
            Some(layout) if layout.slots() >= 2 => layout,
            _ => panic!("the value is too large: two slots and the descriptor must fit SLAB_SIZE"),
        };
        assert!(
            layout.slots() <= Said::MOST_SLOTS,
            "too many slots in a slab: at most 2^30, and 2^14 where there are no 64-bit atomics"
        );
        Self {
            layout,
            stride: slot.stride() as u32,
            link_at: link_at as u32,
            beside,
            bits,
        }
    }

    /// Bytes of a slab.
    pub(crate) const fn size(self) -> usize {
        self.layout.size()
    }

    /// Slots of a slab, two at least.
    pub(crate) const fn slots(self) -> u32 {
        self.layout.slots()
    }

    /// Bytes from slot to slot.
    pub(crate) const fn stride(self) -> usize {
        self.stride as usize
    }

    /// Bytes from the slot's start to its link.
    #[inline(always)]
    pub(super) const fn link_at(self) -> usize {
        self.link_at as usize
    }

    /// Whether free slots may hold a value.
    #[inline(always)]
    pub(super) const fn beside(self) -> bool {
        self.beside
    }

    /// Whether slots are too small for links, and have a bit each instead.
    pub(super) const fn bits(self) -> bool {
        self.bits
    }

    /// Bytes from the slab's base to slot number `slot`.
    #[inline(always)]
    pub(super) const fn offset(self, slot: u32) -> u32 {
        self.layout.first() as u32 + slot * self.stride
    }

    /// The number of the slot at `offset` bytes from the base, and the byte within it.
    pub(super) const fn slot_at(self, offset: u32) -> Option<(u32, u32)> {
        let Some(at) = offset.checked_sub(self.layout.first() as u32) else {
            return None;
        };
        let (slot, within) = (at / self.stride, at % self.stride);
        if slot < self.layout.slots() {
            Some((slot, within))
        } else {
            None
        }
    }

    /// At most so many slots are in use in a slab from which an owner may take: an eighth is free, one
    /// slot at least, so that no owner takes a slab for a single slot of many.
    pub(super) const fn mark(self) -> u32 {
        let slots = self.layout.slots();
        let eighth = slots / 8;
        slots - if eighth == 0 { 1 } else { eighth }
    }

    /// What is asked of the provider for a slab.
    pub(super) const fn chunk_layout(self) -> Layout {
        match Layout::from_size_align(self.layout.size(), self.layout.size()) {
            Ok(layout) => layout,
            Err(_) => panic!("a slab has a layout"),
        }
    }
}

#[cfg(all(test, feature = "std", not(any(loom, shuttle))))]
mod tests {
    extern crate std;

    use alloc::{boxed::Box, string::String};
    use core::{alloc::Layout, any::Any};
    use std::panic::catch_unwind;

    use super::RemoteShape;

    fn shape(value: Layout, size: usize, beside: bool) -> RemoteShape {
        let descriptor = Layout::from_size_align(128, 64).unwrap();
        RemoteShape::new(descriptor, value, size, beside)
    }

    fn refusal(value: Layout, size: usize) -> String {
        let refused: Box<dyn Any + Send> =
            catch_unwind(|| shape(value, size, false)).expect_err("it breaks a rule");
        (*refused.downcast::<&str>().expect("it says which")).into()
    }

    #[test]
    fn the_message_names_the_rule() {
        let word = Layout::new::<u64>();
        assert!(refusal(word, 5000).contains("must be a power of two"));
        assert!(refusal(word, 0).contains("must be a power of two"));
        #[cfg(target_pointer_width = "64")]
        assert!(refusal(word, 1 << 40).contains("at most 2 GiB"));
        assert!(refusal(Layout::new::<[u64; 300]>(), 4096).contains("too large: two slots"));
        assert!(refusal(Layout::from_size_align(1, 4096).unwrap(), 4096).contains("too large"));
        assert!(refusal(Layout::new::<u8>(), 1 << 31).contains("too many slots"));
        assert!(refusal(word, 128).contains("too large"));
    }

    #[test]
    fn slots_lie_apart_within_their_slab() {
        for (size, align) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 1),
            (4, 4),
            (5, 1),
            (24, 8),
            (64, 64),
            (100, 4),
        ] {
            let value = Layout::from_size_align(size, align).unwrap();
            for slab in [512, 4096, 1 << 16, 1 << 20] {
                for beside in [false, true] {
                    let shape = shape(value, slab, beside);
                    let first = shape.offset(0) as usize;
                    let last = shape.offset(shape.slots() - 1) as usize;
                    assert!(shape.stride() >= size.max(1) && first.is_multiple_of(align));
                    assert!(
                        last + shape.stride() <= slab && (1..shape.slots()).contains(&shape.mark())
                    );
                    let bitmap = if shape.bits() {
                        shape.slots() as usize / 8
                    } else {
                        0
                    };
                    assert!(first >= 128 + bitmap);
                    assert_eq!(shape.slot_at(last as u32), Some((shape.slots() - 1, 0)));
                    assert_eq!(shape.slot_at((last + shape.stride()) as u32), None);
                    assert_eq!(shape.bits(), shape.stride() < 4);
                }
            }
        }
    }
}
