//! A contiguous run of slots with, behind them, the bits some strategies keep.

use core::alloc::Layout;

use super::{SlotLayout, align_up};

/// Bits per word of a bit set.
const WORD_BITS: usize = u64::BITS as usize;
/// Bytes of a cache line.
const LINE: usize = 64;

/// `capacity` slots, then `bits` rounded up to words of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunLayout {
    chunk: Layout,
    bits_offset: usize,
    bit_words: usize,
}

impl RunLayout {
    /// `None` when the whole exceeds `isize::MAX` bytes.
    pub(crate) const fn new(slot: SlotLayout, capacity: usize, bits: usize) -> Option<Self> {
        let Some(slots) = slot.stride().checked_mul(capacity) else {
            return None;
        };
        let bit_words = bits.div_ceil(WORD_BITS);
        // Slots that divide a cache line, or are a multiple of one, then never straddle two.
        let line = {
            let divides = 1 << slot.stride().trailing_zeros();
            if divides < LINE { divides } else { LINE }
        };
        let slot_align = if slot.align() < line {
            line
        } else {
            slot.align()
        };
        let (bits_offset, align) = if bit_words == 0 {
            (slots, slot_align)
        } else {
            let Some(offset) = align_up(slots, align_of::<u64>()) else {
                return None;
            };
            let align = if slot_align < align_of::<u64>() {
                align_of::<u64>()
            } else {
                slot_align
            };
            (offset, align)
        };
        let Some(bits_size) = bit_words.checked_mul(size_of::<u64>()) else {
            return None;
        };
        let Some(size) = bits_offset.checked_add(bits_size) else {
            return None;
        };
        match Layout::from_size_align(size, align) {
            Ok(chunk) => Some(Self {
                chunk,
                bits_offset,
                bit_words,
            }),
            Err(_) => None,
        }
    }

    /// What to ask a provider for; its size may be 0.
    pub(crate) const fn chunk(&self) -> Layout {
        self.chunk
    }

    /// Bytes from the start of the chunk to the first word of bits.
    pub(crate) const fn bits_offset(&self) -> usize {
        self.bits_offset
    }

    /// Words of 64 bits.
    pub(crate) const fn bit_words(&self) -> usize {
        self.bit_words
    }
}
