//! Buffers of 128 words, of which the users write the first.

#![expect(unsafe_code, reason = "a rival's access to its buffers is unsafe")]

use std::hint::black_box;

use ::axiom_mem::buff_manager::{BufferPoolManager, static_array_buffer::Buff};

use crate::{
    buffered::WORDS,
    contender::{Contender, Role, exhausted},
};

/// `axiom_mem::BufferPoolManager`.
pub(crate) struct AxiomBuffers(BufferPoolManager<u64>);

impl Contender for AxiomBuffers {
    const NAME: &'static str = "axiom_mem::BufferPoolManager";
    const ROLE: Role = Role::Rival;
    type Value = u64;
    type Handle<'p> = Buff<'p, u64>;

    fn with_capacity(capacity: usize) -> Self {
        Self(BufferPoolManager::new(WORDS as u32, capacity as u32))
    }

    #[inline(always)]
    fn alloc(&self, value: u64) -> Buff<'_, u64> {
        let buffer = self.0.pop_free().unwrap_or_else(|| exhausted());
        // SAFETY: the buffer has elements.
        unsafe { buffer.write_unchecked(0, value) };
        buffer
    }

    #[inline(always)]
    fn free<'p>(&'p self, handle: Buff<'p, u64>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p Buff<'_, u64>) -> &'p u64 {
        // SAFETY: written when it was handed out.
        unsafe { handle.get_ref(0) }
    }

    #[inline(always)]
    fn witness(&self, handle: &Buff<'_, u64>) {
        black_box(handle.as_mut_ptr());
    }
}

/// A vector each, on the allocator of the process.
pub(crate) struct Vectors;

impl Contender for Vectors {
    const NAME: &'static str = "Vec(system)";
    const ROLE: Role = Role::Rival;
    type Value = u64;
    type Handle<'p> = Vec<u64>;

    fn with_capacity(_capacity: usize) -> Self {
        Self
    }

    #[inline(always)]
    fn alloc(&self, value: u64) -> Vec<u64> {
        let mut buffer = Vec::with_capacity(WORDS);
        buffer.push(value);
        buffer
    }

    #[inline(always)]
    fn free(&self, handle: Vec<u64>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p Vec<u64>) -> &'p u64 {
        &handle[0]
    }

    #[inline(always)]
    fn witness(&self, handle: &Vec<u64>) {
        black_box(handle.as_ptr());
    }
}
