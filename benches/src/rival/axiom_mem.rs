//! `axiom_mem`'s object pool and its bitmap.

#![expect(unsafe_code, reason = "the bitmap's own interface is unsafe")]

use std::hint::black_box;

use ::axiom_mem::buff_manager::{
    ObjectPoolManager, static_free_idx_map::FreeIdxManager, static_object_buffer::Object,
};

use crate::{
    contender::{Contender, Role, exhausted},
    finder::Finder,
    payload::Payload,
};

/// `ObjectPoolManager`.
pub(crate) struct AxiomPool<T>(ObjectPoolManager<T>);

impl<T: Payload> Contender for AxiomPool<T> {
    const NAME: &'static str = "axiom_mem::ObjectPoolManager";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = Object<'p, T>;

    fn with_capacity(capacity: usize) -> Self {
        Self(ObjectPoolManager::new(capacity as u32))
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> Object<'_, T> {
        self.0.pop_free(value).unwrap_or_else(|_| exhausted())
    }

    #[inline(always)]
    fn free<'p>(&'p self, handle: Object<'p, T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p Object<'_, T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &Object<'_, T>) {
        black_box(&raw const **handle);
    }
}

/// `FreeIdxManager`, which numbers up to 4,194,112 slots.
pub(crate) struct AxiomBits(FreeIdxManager);

impl Finder for AxiomBits {
    const NAME: &'static str = "axiom_mem::FreeIdxManager";
    const ROLE: Role = Role::Rival;
    const MOST: usize = FreeIdxManager::MAX_BLOCK as usize;

    fn with_capacity(capacity: usize) -> Self {
        Self(FreeIdxManager::new(capacity as u32))
    }

    #[inline(always)]
    fn take(&mut self) -> usize {
        self.0.get_free_idx() as usize
    }

    #[inline(always)]
    fn give(&mut self, number: usize) {
        // SAFETY: the workload gives back what it took, once.
        unsafe { self.0.retire(number as u32) };
    }
}
