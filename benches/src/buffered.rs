//! Our pools of buffers of 128 words, of which the users write the first.

use std::hint::black_box;

use flagstone::{
    BufferPool, PoolConfig,
    pool::{Buffer, GrowthStrategy},
};

use crate::contender::{Contender, Role, exhausted};

/// Elements of a buffer.
pub(crate) const WORDS: usize = 128;

/// Ours, in one run or in slabs.
macro_rules! buffers {
    ($adapter:ident, $name:literal, $new:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter(BufferPool<u64>);

        impl Contender for $adapter {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Ours;
            type Value = u64;
            type Handle<'p> = Buffer<'p, u64>;

            fn with_capacity(capacity: usize) -> Self {
                Self($new(capacity))
            }

            #[inline(always)]
            fn alloc(&self, value: u64) -> Buffer<'_, u64> {
                let mut buffer = self.0.alloc().unwrap_or_else(|_| exhausted());
                buffer.push(value).unwrap_or_else(|_| exhausted());
                buffer
            }

            #[inline(always)]
            fn free<'p>(&'p self, handle: Buffer<'p, u64>) {
                drop(handle);
            }

            #[inline(always)]
            fn get<'p>(&'p self, handle: &'p Buffer<'_, u64>) -> &'p u64 {
                &handle[0]
            }

            #[inline(always)]
            fn witness(&self, handle: &Buffer<'_, u64>) {
                black_box(handle.as_non_null());
            }
        }
    };
}

buffers!(
    Buffers,
    "flagstone::BufferPool",
    |capacity| BufferPool::new(WORDS, capacity)
);
buffers!(GrowingBuffers, "flagstone::BufferPool(slabs)", |capacity| {
    let config = PoolConfig::builder()
        .capacity(capacity)
        .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
        .build();
    let pool = config.and_then(|config| BufferPool::with_config(WORDS, config));
    pool.unwrap_or_else(|_| exhausted())
});
