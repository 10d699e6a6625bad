//! Handles that share a value: ours, and those of the standard library.

use std::{hint::black_box, marker::PhantomData, rc::Rc, sync::Arc};

use flagstone::{
    GrowingPool, SharedHandle, SharedPool, ThreadSafePool,
    pool::{ArcShared, LentHandle, RcShared, Shareable},
};

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// A contender: what it keeps and how that is made for a capacity, and how that gives a handle.
macro_rules! shared {
    ($adapter:ident, $name:literal, $role:expr, $p:lifetime, $keeps:ty => $handle:ty,
     $make:expr, $store:expr, $as_ptr:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T: Payload>($keeps, PhantomData<T>);

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = $role;
            type Value = T;
            type Handle<$p> = $handle;

            fn with_capacity(capacity: usize) -> Self {
                Self($make(capacity), PhantomData)
            }

            #[inline(always)]
            fn alloc(&self, value: T) -> Self::Handle<'_> {
                $store(&self.0, value)
            }

            #[inline(always)]
            fn free<'h>(&'h self, handle: Self::Handle<'h>) {
                drop(handle);
            }

            #[inline(always)]
            fn get<'h>(&'h self, handle: &'h Self::Handle<'_>) -> &'h T {
                handle
            }

            #[inline(always)]
            fn witness(&self, handle: &Self::Handle<'_>) {
                black_box($as_ptr(handle));
            }
        }
    };
}

/// Another handle of the value that was made beforehand; the one that is passed is left alone.
#[inline(always)]
fn clone<H: Clone, T>(handle: &H, _: T) -> H {
    handle.clone()
}

/// The first handle of a value.
#[inline(always)]
fn place<Q: Shareable>(pool: &SharedPool<Q>, value: Q::Value) -> LentHandle<'_, Q> {
    pool.alloc(value).unwrap_or_else(|_| exhausted())
}

/// The value that handles are cloned of.
fn seven<T: Payload>() -> T {
    T::of(7)
}

shared!(
    LocalShared, "flagstone::SharedHandle(local)", Role::Ours,
    'p, RcShared<GrowingPool<T>> => RcShared<GrowingPool<T>>,
    |_| Rc::new(SharedPool::new(GrowingPool::new(1)))
        .alloc_static(seven())
        .unwrap_or_else(|_| exhausted()),
    clone, SharedHandle::as_ptr
);
shared!(
    AtomicShared, "flagstone::SharedHandle(atomic)", Role::Ours,
    'p, ArcShared<ThreadSafePool<T>> => ArcShared<ThreadSafePool<T>>,
    |_| Arc::new(SharedPool::new(ThreadSafePool::new(1)))
        .alloc_static(seven())
        .unwrap_or_else(|_| exhausted()),
    clone, SharedHandle::as_ptr
);
shared!(
    StdRc, "std::Rc", Role::Rival,
    'p, Rc<T> => Rc<T>,
    |_| Rc::new(seven()),
    clone, Rc::as_ptr
);
shared!(
    StdArc, "std::Arc", Role::Rival,
    'p, Arc<T> => Arc<T>,
    |_| Arc::new(seven()),
    clone, Arc::as_ptr
);

shared!(
    LocalPlaced, "flagstone::SharedPool(local)", Role::Ours,
    'p, SharedPool<GrowingPool<T>> => LentHandle<'p, GrowingPool<T>>,
    |capacity| SharedPool::new(GrowingPool::new(capacity)),
    place, SharedHandle::as_ptr
);
shared!(
    AtomicPlaced, "flagstone::SharedPool(atomic)", Role::Ours,
    'p, SharedPool<ThreadSafePool<T>> => LentHandle<'p, ThreadSafePool<T>>,
    |capacity| SharedPool::new(ThreadSafePool::new(capacity)),
    place, SharedHandle::as_ptr
);
shared!(
    RcPlaced, "std::Rc", Role::Rival,
    'p, () => Rc<T>,
    |_| (),
    |(): &(), value| Rc::new(value),
    Rc::as_ptr
);
shared!(
    ArcPlaced, "std::Arc", Role::Rival,
    'p, () => Arc<T>,
    |_| (),
    |(): &(), value| Arc::new(value),
    Arc::as_ptr
);
