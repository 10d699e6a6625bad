//! What a checked heap knows of every address and slot.

use core::{alloc::Layout, ptr::NonNull};

use super::{
    chunk::{Front, Mapping},
    span::{Kind, Span},
};
use crate::{
    corruption::{Corruption, report},
    layout::span::{CHUNK, SLICE, SLICES},
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

/// The slice of a chunk that has a bit for each 8 bytes of the others.
pub(super) const BITS_SLICE: usize = 1;

/// Addresses below that are known: those that programs have unless they ask for more.
const ADDRESSES: usize = if cfg!(target_arch = "x86_64") {
    1 << 47
} else {
    1 << 48
};
/// Words of the set of chunks.
const WORDS: usize = ADDRESSES / CHUNK / 64;

/// What the set of chunks is asked of the provider with: 4 or 8 MiB, of which a page is touched for each 128 GiB
/// of addresses in use.
pub(super) const SET_LAYOUT: Layout = match Layout::from_size_align(WORDS * 8, 4096) {
    Ok(layout) => layout,
    Err(_) => panic!("the set has a layout"),
};

/// The chunks of a heap, and which of their slots are in use: exact at every moment, for all threads.
///
/// # Invariants
///
/// 1. `chunks` is null, or points to the words of the set, which are zeroed when it is set and stay until the heap ends.
/// 2. Of a chunk that is in the set and is the pool's, slice [`BITS_SLICE`] has the bits of its slots.
pub(super) struct Watch {
    chunks: AtomicPtr<AtomicU64>,
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self {
            chunks: AtomicPtr::new(core::ptr::null_mut()),
        }
    }

    /// Whether the heap is checked.
    #[inline(always)]
    pub(super) fn is_on(&self) -> bool {
        // Acquire: pairs with the Release in `turn_on`.
        !self.chunks.load(Ordering::Acquire).is_null()
    }

    /// Checks from now on; gives the set back if the heap is checked already.
    ///
    /// # Safety
    ///
    /// `set` has [`SET_LAYOUT`], is zeroed and the heap's, which has no chunk yet that is not checked.
    pub(super) unsafe fn turn_on(&self, set: Mapping) -> Result<(), Mapping> {
        let words = set.base.cast().as_ptr();
        // Release: pairs with the Acquires of the other calls.
        let turned = self.chunks.compare_exchange(
            core::ptr::null_mut(),
            words,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        turned.map(|_| ()).map_err(|_| set)
    }

    /// The set, when the heap ends.
    pub(super) fn turn_off(&self) -> Option<Mapping> {
        let set = self.chunks.swap(core::ptr::null_mut(), Ordering::AcqRel);
        Some(Mapping {
            base: NonNull::new(set)?.cast(),
            layout: SET_LAYOUT,
            is_guardable: false,
        })
    }

    fn word(&self, address: usize) -> Option<(&AtomicU64, u64)> {
        // Acquire: as in `is_on`.
        let words = NonNull::new(self.chunks.load(Ordering::Acquire))?;
        let chunk = address / CHUNK;
        if chunk / 64 >= WORDS {
            return None;
        }
        // SAFETY: within the set (invariant 1).
        let word = unsafe { words.add(chunk / 64).as_ref() };
        Some((word, 1 << (chunk % 64)))
    }

    /// Whether the mapping's addresses are known, if the heap is checked.
    pub(super) fn can_hold(&self, mapping: Mapping) -> bool {
        let end = mapping.base.as_ptr().addr() + (mapping.layout.size() - 1);
        !self.is_on() || end < ADDRESSES
    }

    /// The chunk at `base` is the heap's from now on, or not any more.
    pub(super) fn set(&self, base: usize, ours: bool) {
        if let Some((word, bit)) = self.word(base) {
            // Relaxed: a block's way to another thread brings it along.
            if ours {
                word.fetch_or(bit, Ordering::Relaxed);
            } else {
                word.fetch_and(!bit, Ordering::Relaxed);
            }
        }
    }

    /// The slot is in use from now on.
    ///
    /// # Safety
    ///
    /// The heap is checked, and the slot the caller's.
    pub(super) unsafe fn mark(&self, slot: NonNull<u8>) {
        // SAFETY: a slot of a checked heap.
        let (word, bit) = unsafe { slot_bit(slot) };
        // Relaxed: as in `set`.
        if word.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            let address = slot.as_ptr().addr();
            report(Corruption::ForeignPointer { address });
        }
    }

    /// Whether the slot is in use.
    ///
    /// # Safety
    ///
    /// The heap is checked, and `slot` lies in a chunk of its pool that stays meanwhile.
    pub(super) unsafe fn is_marked(&self, slot: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        let (word, bit) = unsafe { slot_bit(slot) };
        // Relaxed: as in `set`.
        word.load(Ordering::Relaxed) & bit != 0
    }

    /// Looks whether it is a block in use, and notes that it is not any more if it is `freed`; where it is
    /// described. What is no block of the heap, or was freed before, ends at the corruption handler.
    pub(super) fn check<'h>(&self, block: NonNull<u8>, freed: bool) -> (&'h Front, &'h Span) {
        let address = block.as_ptr().addr();
        let foreign = Corruption::ForeignPointer { address };
        let known = address > 0
            && self
                .word(address - 1)
                .is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0);
        if !known {
            report(foreign);
        }
        // SAFETY: the chunk has a front, because it is ours; what the front says of the slice is looked at.
        let (front, slice) = unsafe { Front::of(address) };
        let span = front.span_of(slice);
        match span.kind() {
            Kind::Slots if slice > BITS_SLICE => {
                let offset = address.wrapping_sub(span.base().addr());
                if !offset.is_multiple_of(span.size()) {
                    report(foreign);
                }
                // SAFETY: a slot of a checked heap.
                let (word, bit) = unsafe { slot_bit(block) };
                // Relaxed: who loses reads nothing.
                let clear = if freed { bit } else { 0 };
                if word.fetch_and(!clear, Ordering::Relaxed) & bit == 0 {
                    report(Corruption::DoubleFree { address });
                }
            }
            Kind::Run | Kind::Large | Kind::Guarded if span.base() == block.as_ptr() => {
                if freed && !span.claim_block() {
                    report(Corruption::DoubleFree { address });
                }
            }
            Kind::None if address.is_multiple_of(SLICE) => {
                report(Corruption::DoubleFree { address })
            }
            _ => report(foreign),
        }
        (front, span)
    }
}

/// The bit of a slot.
///
/// # Safety
///
/// `slot` lies in a chunk of the pool of a checked heap.
unsafe fn slot_bit<'h>(slot: NonNull<u8>) -> (&'h AtomicU64, u64) {
    let address = slot.as_ptr().addr();
    // SAFETY: the caller's promise.
    let (front, slice) = unsafe { Front::of(address) };
    let bit = (slice % SLICES) * (SLICE / 8) + address % SLICE / 8;
    let bits = front.slice(BITS_SLICE).cast::<AtomicU64>();
    // SAFETY: the slice has a bit for each 8 bytes of the chunk, zeroed before the chunk was used.
    let word = unsafe { bits.add(bit / 64).as_ref() };
    (word, 1 << (bit % 64))
}

const _: () = assert!(SLICES * (SLICE / 8) / 8 == SLICE);
