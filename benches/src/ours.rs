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

/// The pools differ in how they are made and in their handles.
macro_rules! ours {
    ($adapter:ident, $name:literal, $pool:ty, $handle:ident $(<$strategy:ty>)?, $new:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T>($pool);

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Ours;
            type Value = T;
            type Handle<'p> = $handle<'p, T $(, $strategy)?>;

            fn with_capacity(capacity: usize) -> Self {
                Self($new(capacity))
            }

            #[inline(always)]
            fn alloc(&self, value: T) -> Self::Handle<'_> {
                self.0.alloc(value).unwrap_or_else(|_| exhausted())
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

            fn slots_per_slab() -> usize {
                $adapter::<T>::with_capacity(1).0.capacity()
            }
        }
    };
}

/// A fixed pool under a strategy other than the default.
macro_rules! with_strategy {
    ($adapter:ident, $name:literal, $strategy:ty) => {
        ours!(
            $adapter,
            $name,
            FixedPool<T, $strategy>,
            FixedHandle<$strategy>,
            |capacity| FixedPool::with_strategy(capacity).unwrap_or_else(|_| exhausted())
        );
    };
}

ours!(
    FixedIntrusive,
    "flagstone::FixedPool",
    FixedPool<T>,
    FixedHandle,
    FixedPool::new
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
    Growing,
    "flagstone::GrowingPool",
    GrowingPool<T>,
    GrowingHandle,
    GrowingPool::new
);

/// A slab cache behind a lock, with slabs of 64 KiB as the pools have.
macro_rules! slab_cache {
    ($adapter:ident, $name:literal, $lock:ty) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T>(SlabCache<T, $lock>);

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Ours;
            type Value = T;
            type Handle<'p> = SlabBox<T, $lock>;

            fn with_capacity(_: usize) -> Self {
                Self(SlabCache::new().unwrap_or_else(|_| exhausted()))
            }

            #[inline(always)]
            fn alloc(&self, value: T) -> Self::Handle<'_> {
                self.0.alloc(value).unwrap_or_else(|_| exhausted())
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

            fn slots_per_slab() -> usize {
                SlabCache::<T, $lock>::SLOTS_PER_SLAB
            }
        }
    };
}

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
