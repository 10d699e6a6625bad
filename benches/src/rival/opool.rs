//! `opool`'s pool for one thread: objects move into their guard and back.

use std::hint::black_box;

use ::opool::{LocalPool, PoolAllocator, RefLocalGuard};

use crate::{
    contender::{Contender, Role},
    payload::Payload,
};

/// Makes the objects the pool is filled with.
pub(crate) struct Maker;

impl<T: Payload> PoolAllocator<T> for Maker {
    fn allocate(&self) -> T {
        T::of(0)
    }
}

/// A pool filled in advance; storing a value overwrites the object that was there.
pub(crate) struct OpoolLocal<T: Payload>(LocalPool<Maker, T>);

impl<T: Payload> Contender for OpoolLocal<T> {
    const NAME: &'static str = "opool::LocalPool";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = RefLocalGuard<'p, Maker, T>;

    fn with_capacity(capacity: usize) -> Self {
        Self(LocalPool::new_prefilled(capacity, Maker))
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> RefLocalGuard<'_, Maker, T> {
        let mut guard = self.0.get();
        *guard = value;
        guard
    }

    #[inline(always)]
    fn free<'p>(&'p self, handle: RefLocalGuard<'p, Maker, T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p RefLocalGuard<'_, Maker, T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &RefLocalGuard<'_, Maker, T>) {
        black_box(&raw const **handle);
    }
}
