//! `infinity_pool`'s pinned pools: the counted one and the raw one.

#![expect(unsafe_code, reason = "the raw pool's own interface is unsafe")]

use std::hint::black_box;

use ::infinity_pool::{LocalPinnedPool, LocalPooledMut, RawPinnedPool, RawPooledMut};

use super::exclusive::Exclusive;
use crate::{
    contender::{Contender, Role},
    payload::Payload,
};

/// `LocalPinnedPool`: handles keep the pool alive.
pub(crate) struct InfinityLocal<T: Payload>(LocalPinnedPool<T>);

impl<T: Payload> Contender for InfinityLocal<T> {
    const NAME: &'static str = "infinity_pool::LocalPinnedPool";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = LocalPooledMut<T>;

    fn with_capacity(capacity: usize) -> Self {
        let pool = LocalPinnedPool::new();
        pool.reserve(capacity);
        Self(pool)
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> LocalPooledMut<T> {
        self.0.insert(value)
    }

    #[inline(always)]
    fn free(&self, handle: LocalPooledMut<T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p LocalPooledMut<T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &LocalPooledMut<T>) {
        black_box(handle.ptr());
    }

    fn slots_per_slab() -> usize {
        let pool = LocalPinnedPool::<T>::new();
        pool.reserve(1);
        pool.capacity()
    }
}

/// `RawPinnedPool`: its user promises what `Drop` would check.
pub(crate) struct InfinityRaw<T: Payload>(Exclusive<RawPinnedPool<T>>);

impl<T: Payload> Contender for InfinityRaw<T> {
    const NAME: &'static str = "infinity_pool::RawPinnedPool";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = RawPooledMut<T>;

    fn with_capacity(capacity: usize) -> Self {
        let mut pool = RawPinnedPool::new();
        pool.reserve(capacity);
        Self(Exclusive::new(pool))
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> RawPooledMut<T> {
        // SAFETY: plain values, so nothing of theirs runs inside; the pool is never borrowed.
        unsafe { self.0.call(|pool| pool.insert(value)) }
    }

    #[inline(always)]
    fn free(&self, handle: RawPooledMut<T>) {
        // SAFETY: as in `alloc`; the handle is this pool's, unique, and gone afterwards.
        unsafe { self.0.call(|pool| pool.remove(handle)) };
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p RawPooledMut<T>) -> &'p T {
        // SAFETY: the pool is borrowed for as long, and the handle was not removed.
        unsafe { handle.as_ref() }
    }

    #[inline(always)]
    fn witness(&self, handle: &RawPooledMut<T>) {
        black_box(handle.ptr());
    }

    fn slots_per_slab() -> usize {
        InfinityLocal::<T>::slots_per_slab()
    }
}
