//! Our pool of objects that stay constructed. Users write the first word of an object and no more, and
//! a reset writes it again: what is left is the way of the object.

use std::hint::black_box;

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
