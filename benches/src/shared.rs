//! Handles that share a value: ours, and those of the standard library.

use std::{hint::black_box, rc::Rc, sync::Arc};

use flagstone::{
    GrowingPool, SharedHandle, SharedPool, ThreadSafePool,
    pool::{ArcShared, RcShared},
};

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// A contender whose handles are clones of one that was made beforehand: what it is given to store it
/// leaves alone.
macro_rules! cloned {
    ($adapter:ident, $name:literal, $role:expr, $handle:ty, $make:expr, $as_ptr:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T: Payload>($handle);

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = $role;
            type Value = T;
            type Handle<'p> = $handle;

            fn with_capacity(_capacity: usize) -> Self {
                Self($make(T::of(7)))
            }

            #[inline(always)]
            fn alloc(&self, _value: T) -> $handle {
                self.0.clone()
            }

            #[inline(always)]
            fn free(&self, handle: $handle) {
                drop(handle);
            }

            #[inline(always)]
            fn get<'p>(&'p self, handle: &'p $handle) -> &'p T {
                handle
            }

            #[inline(always)]
            fn witness(&self, handle: &$handle) {
                black_box($as_ptr(handle));
            }
        }
    };
}

cloned!(
    LocalShared,
    "flagstone::SharedHandle(local)",
    Role::Ours,
    RcShared<GrowingPool<T>>,
    |value| Rc::new(SharedPool::new(GrowingPool::new(1)))
        .alloc_static(value)
        .unwrap_or_else(|_| exhausted()),
    SharedHandle::as_ptr
);
cloned!(
    AtomicShared,
    "flagstone::SharedHandle(atomic)",
    Role::Ours,
    ArcShared<ThreadSafePool<T>>,
    |value| Arc::new(SharedPool::new(ThreadSafePool::new(1)))
        .alloc_static(value)
        .unwrap_or_else(|_| exhausted()),
    SharedHandle::as_ptr
);
cloned!(StdRc, "std::Rc", Role::Rival, Rc<T>, Rc::new, Rc::as_ptr);
cloned!(
    StdArc,
    "std::Arc",
    Role::Rival,
    Arc<T>,
    Arc::new,
    Arc::as_ptr
);
