//! Pools of objects that stay constructed. Their users write the first word of an object and no more,
//! and a reset writes it again: what is left is the way of the object.

use std::hint::black_box;

use ::lockfree_object_pool::{LinearObjectPool, LinearReusable};
use ::object_pool::{Pool, Reusable};
use ::opool::{LocalPool, PoolAllocator, RefLocalGuard};
use flagstone::{
    OwnedHandle, RecyclePool,
    pool::{Recycle, Recycled},
};

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// Makes objects and resets them.
pub(crate) struct Words;

impl<T: Payload> Recycle<T> for Words {
    #[inline(always)]
    fn create(&self) -> T {
        T::of(0)
    }

    #[inline(always)]
    fn reset(&self, object: &mut T) {
        object.mark(0);
    }
}

/// Ours, named twice: once as what it is, once as the measure for larger objects.
macro_rules! recycling {
    ($adapter:ident, $name:literal, $role:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T>(RecyclePool<T, Words>)
        where
            T: Payload;

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = $role;
            type Value = T;
            type Handle<'p> = Recycled<'p, T, Words>;

            fn with_capacity(capacity: usize) -> Self {
                Self(RecyclePool::eager(capacity, Words).unwrap_or_else(|_| exhausted()))
            }

            #[inline(always)]
            fn alloc(&self, value: T) -> Self::Handle<'_> {
                let mut object = self.0.acquire().unwrap_or_else(|_| exhausted());
                object.mark(value.first_word());
                object
            }

            #[inline(always)]
            fn free<'p>(&'p self, handle: Self::Handle<'p>) {
                drop(handle);
            }

            #[inline(always)]
            fn get<'p>(&'p self, handle: &'p Self::Handle<'_>) -> &'p T {
                handle
            }

            #[inline(always)]
            fn witness(&self, handle: &Self::Handle<'_>) {
                black_box(OwnedHandle::as_ptr(handle));
            }
        }
    };
}

recycling!(Recycling, "flagstone::RecyclePool", Role::Ours);
recycling!(
    RecyclingSmall,
    "flagstone::RecyclePool(64-byte)",
    Role::Floor
);

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
