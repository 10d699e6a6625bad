//! Pools of objects that stay constructed, driven as ours is: users write the first word of an object,
//! and a reset writes it again. Those of `object-pool` and `lockfree-object-pool` can be shared between
//! threads, which is part of their price.

use std::hint::black_box;

use ::lockfree_object_pool::{LinearObjectPool, LinearReusable};
use ::object_pool::{Pool, Reusable};
use ::opool::{LocalPool, PoolAllocator, RefLocalGuard};

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// `object_pool::Pool`: a mutex, and objects that move into their guard and back.
pub(crate) struct ObjectPool<T>(Pool<T>);

impl<T: Payload> Contender for ObjectPool<T> {
    const NAME: &'static str = "object_pool::Pool";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = Reusable<'p, T>;

    fn with_capacity(capacity: usize) -> Self {
        Self(Pool::new(capacity, || T::of(0)))
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> Reusable<'_, T> {
        let mut object = self.0.try_pull().unwrap_or_else(|| exhausted());
        object.mark(value.first_word());
        object
    }

    #[inline(always)]
    fn free<'p>(&'p self, mut handle: Reusable<'p, T>) {
        handle.mark(0);
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p Reusable<'_, T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &Reusable<'_, T>) {
        black_box(&raw const **handle);
    }
}

/// `lockfree_object_pool::LinearObjectPool`: pages of atomic bits, boxed hooks.
pub(crate) struct LinearPool<T>(LinearObjectPool<T>);

impl<T: Payload + Send + Sync> Contender for LinearPool<T> {
    const NAME: &'static str = "lockfree_object_pool::Linear";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = LinearReusable<'p, T>;

    fn with_capacity(_capacity: usize) -> Self {
        Self(LinearObjectPool::new(|| T::of(0), |object| object.mark(0)))
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> LinearReusable<'_, T> {
        let mut object = self.0.pull();
        object.mark(value.first_word());
        object
    }

    #[inline(always)]
    fn free<'p>(&'p self, handle: LinearReusable<'p, T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p LinearReusable<'_, T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &LinearReusable<'_, T>) {
        black_box(&raw const **handle);
    }
}

/// Makes objects and resets them.
pub(crate) struct Words;

impl<T: Payload> PoolAllocator<T> for Words {
    #[inline(always)]
    fn allocate(&self) -> T {
        T::of(0)
    }

    #[inline(always)]
    fn reset(&self, object: &mut T) {
        object.mark(0);
    }
}

/// `opool::LocalPool`: one thread, and objects that move into their guard and back.
pub(crate) struct OpoolReuse<T: Payload>(LocalPool<Words, T>);

impl<T: Payload> Contender for OpoolReuse<T> {
    const NAME: &'static str = "opool::LocalPool";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = RefLocalGuard<'p, Words, T>;

    fn with_capacity(capacity: usize) -> Self {
        Self(LocalPool::new_prefilled(capacity, Words))
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> RefLocalGuard<'_, Words, T> {
        let mut object = self.0.get();
        object.mark(value.first_word());
        object
    }

    #[inline(always)]
    fn free<'p>(&'p self, handle: RefLocalGuard<'p, Words, T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p RefLocalGuard<'_, Words, T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &RefLocalGuard<'_, Words, T>) {
        black_box(&raw const **handle);
    }
}
