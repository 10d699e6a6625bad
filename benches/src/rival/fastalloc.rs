//! `fastalloc`'s fixed and growing pools.

use std::hint::black_box;

use ::fastalloc::{FixedPool, GrowingPool, GrowthStrategy, OwnedHandle, PoolConfig};

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// Slots a growing pool adds at a time, as many as `Contender::slots_per_slab` says.
const CHUNK: usize = 64;

/// The two pools differ in how they are made.
macro_rules! fastalloc {
    ($adapter:ident, $name:literal, $pool:ident, $new:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T: Payload>($pool<T>);

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Rival;
            type Value = T;
            type Handle<'p> = OwnedHandle<'p, T>;

            fn with_capacity(capacity: usize) -> Self {
                Self($new(capacity).unwrap_or_else(|_| exhausted()))
            }

            #[inline(always)]
            fn alloc(&self, value: T) -> OwnedHandle<'_, T> {
                self.0.allocate(value).unwrap_or_else(|_| exhausted())
            }

            #[inline(always)]
            fn free<'p>(&'p self, handle: OwnedHandle<'p, T>) {
                drop(handle);
            }

            #[inline(always)]
            fn get<'p>(&'p self, handle: &'p OwnedHandle<'_, T>) -> &'p T {
                handle
            }

            #[inline(always)]
            fn witness(&self, handle: &OwnedHandle<'_, T>) {
                black_box(handle.index());
            }
        }
    };
}

fastalloc!(
    FastallocFixed,
    "fastalloc::FixedPool",
    FixedPool,
    FixedPool::new
);
fastalloc!(
    FastallocGrowing,
    "fastalloc::GrowingPool",
    GrowingPool,
    growing
);

fn growing<T: Payload>(capacity: usize) -> ::fastalloc::Result<GrowingPool<T>> {
    let config = PoolConfig::builder()
        .capacity(capacity)
        .growth_strategy(GrowthStrategy::Linear { amount: CHUNK })
        .build()?;
    GrowingPool::with_config(config)
}
