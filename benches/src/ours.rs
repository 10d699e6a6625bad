//! Flagstone's own contenders.

use std::hint::black_box;

use flagstone::{
    FixedPool, GrowingPool, OwnedHandle,
    index::{Bitmap, FreeList, Stack},
    pool::{Checked, FixedHandle, GrowingHandle, Indexed, Intrusive},
    slab::{NoLock, SlabBox, SlabCache, SpinLock},
    sync::DefaultLock,
};

use crate::{
    contender::{Contender, Role, exhausted},
    finder::Finder,
    payload::Payload,
};

/// What is ours differs in how it is made, in its handles, and in what it adds when it grows.
macro_rules! ours {
    ($adapter:ident, $name:literal, $p:lifetime, $pool:ty => $handle:ty, $new:expr, $slots:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T>($pool);

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Ours;
            type Value = T;
            type Handle<$p> = $handle;

            fn with_capacity(capacity: usize) -> Self {
                Self($new(capacity))
            }

            #[inline(always)]
            fn alloc(&self, value: T) -> Self::Handle<'_> {
                self.0.alloc(value).unwrap_or_else(|_| exhausted())
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
                black_box(OwnedHandle::as_ptr(handle));
            }

            fn slots_per_slab() -> usize {
                $slots(&Self::with_capacity(1).0)
            }
        }
    };
}

/// A fixed pool under a strategy other than the default.
macro_rules! with_strategy {
    ($adapter:ident, $name:literal, $strategy:ty) => {
        ours!(
            $adapter, $name, 'p,
            FixedPool<T, $strategy> => FixedHandle<'p, T, $strategy>,
            |capacity| FixedPool::with_strategy(capacity).unwrap_or_else(|_| exhausted()),
            FixedPool::capacity
        );
    };
}

/// A slab cache behind a lock, with slabs of 64 KiB as the pools have.
macro_rules! slab_cache {
    ($adapter:ident, $name:literal, $lock:ty) => {
        ours!(
            $adapter, $name, 'p,
            SlabCache<T, $lock> => SlabBox<T, $lock>,
            |_| SlabCache::new().unwrap_or_else(|_| exhausted()),
            |_: &SlabCache<T, $lock>| SlabCache::<T, $lock>::SLOTS_PER_SLAB
        );
    };
}

ours!(
    FixedIntrusive, "flagstone::FixedPool", 'p,
    FixedPool<T> => FixedHandle<'p, T>,
    FixedPool::new, FixedPool::capacity
);
with_strategy!(
    FixedChecked,
    "flagstone::FixedPool<Checked>",
    Checked<Intrusive>
);
with_strategy!(FixedStack, "flagstone::FixedPool<Stack>", Indexed<Stack>);
with_strategy!(
    FixedFreeList,
    "flagstone::FixedPool<FreeList>",
    Indexed<FreeList>
);
with_strategy!(FixedBitmap, "flagstone::FixedPool<Bitmap>", Indexed<Bitmap>);
ours!(
    Growing, "flagstone::GrowingPool", 'p,
    GrowingPool<T> => GrowingHandle<'p, T>,
    GrowingPool::new, GrowingPool::capacity
);
slab_cache!(CacheNoLock, "flagstone::SlabCache<NoLock>", NoLock);
slab_cache!(CacheSpinLock, "flagstone::SlabCache<SpinLock>", SpinLock);
slab_cache!(
    CacheDefaultLock,
    "flagstone::SlabCache<parking_lot>",
    DefaultLock
);

/// The index structure by itself.
pub(crate) struct OurBitmap(Bitmap);

impl Finder for OurBitmap {
    const NAME: &'static str = "flagstone::Bitmap";
    const ROLE: Role = Role::Ours;

    fn with_capacity(capacity: usize) -> Self {
        Self(Bitmap::new(capacity).unwrap_or_else(|_| exhausted()))
    }

    #[inline(always)]
    fn take(&mut self) -> usize {
        self.0.allocate().unwrap_or_else(|| exhausted())
    }

    #[inline(always)]
    fn give(&mut self, number: usize) {
        self.0.free(number).unwrap_or_else(|_| exhausted());
    }
}
