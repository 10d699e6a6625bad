//! `aegis-memory`: chunks of 64 KiB behind a mutex.
//!
//! What it would not be used for as it is: `reset` takes `&self`, so what was allocated can be used
//! after it; slices are handed out uninitialised; alignments above 8 are those of an offset, not of
//! an address; a size near `usize::MAX` wraps; after a reset all chunks but the last lie idle, so
//! cycles larger than a chunk grow without end; and despite the mutex it is neither `Send` nor
//! `Sync`. The workloads stay within what works: alignments up to 8, one chunk per cycle or a new
//! arena.
#![expect(unsafe_code, reason = "its room is a bare pointer")]

use std::{alloc::Layout, ptr, ptr::NonNull};

use aegis_memory::MemoryArena;

use crate::{
    arena::bumper::{Bumper, Rooms, Texts, TryNumbers, Values},
    contender::{Role, exhausted},
};

/// `aegis_memory::MemoryArena`.
pub(crate) struct AegisArena(MemoryArena);

impl Bumper for AegisArena {
    const NAME: &'static str = "aegis-memory";
    const ROLE: Role = Role::Rival;

    /// With a chunk as large as needed, because it uses only the last one after a reset.
    fn fresh(bytes: usize) -> Self {
        Self(MemoryArena::with_chunk_size(bytes.max(64 * 1024)))
    }

    #[inline(always)]
    fn reset(&mut self) {
        self.0.reset();
    }
}

impl Values for AegisArena {
    #[inline(always)]
    fn value<T: Copy + 'static>(&self, value: T) -> NonNull<T> {
        let place = self.0.allocate_value(value);
        place.unwrap_or_else(|| exhausted()).into()
    }
}

impl TryNumbers for AegisArena {
    #[inline(always)]
    fn try_number(&self, number: u64) -> Option<NonNull<u64>> {
        self.0.allocate_value(number).map(NonNull::from)
    }
}

impl Texts for AegisArena {
    #[inline(always)]
    fn text(&self, text: &str) -> NonNull<u8> {
        let place = self.0.allocate_aligned(text.len(), 1);
        let place = place.unwrap_or_else(|| exhausted());
        // SAFETY: room for as many bytes, apart from the text.
        unsafe { ptr::copy_nonoverlapping(text.as_ptr(), place.as_ptr(), text.len()) };
        place
    }
}

impl Rooms for AegisArena {
    #[inline(always)]
    fn room(&self, layout: Layout) -> NonNull<u8> {
        let room = self.0.allocate_aligned(layout.size(), layout.align());
        room.unwrap_or_else(|| exhausted())
    }
}
