//! Slab caches as a kind of pool.
#![expect(unsafe_code, reason = "forwards unsafe doors")]

use std::{
    cell::Cell,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    rc::Rc,
};

use flagstone::{
    AllocError, AllocErrorKind, ConfigError, OwnedHandle,
    pool::Hooks,
    slab::{SlabBox, SlabCache, VacantSlabBox},
};
use lock_api::RawMutex;

use super::{Counted, Door, InPlace, Initializes, PoolKind, Setting, Spec, Unwrap, Walk};
use crate::provider::{Counting, FailNth, Supplied};

/// [`SlabCache`] behind the lock `R`, whose provider refuses more slabs than it needs, and of whose slots
/// all but as many as are asked for are taken. So it has an end, and finds each slot before it.
#[derive(Debug)]
pub struct Cached<R>(PhantomData<R>);

const SLAB: usize = 64 * 1024;

type Source = Counting<FailNth<Supplied>>;
type Cache<T, R> = SlabCache<T, R, SLAB, Source>;
type Vacant<T, R> = VacantSlabBox<T, R, SLAB, Source>;

/// The cache, and what is taken of it.
pub struct CachedPool<T, K, R: RawMutex + 'static> {
    cache: Cache<T, R>,
    capacity: usize,
    in_use: Rc<Cell<usize>>,
    _taken: Vec<Vacant<T, R>>,
    hooks: PhantomData<fn() -> K>,
}

impl<T, K, R: RawMutex + 'static> fmt::Debug for CachedPool<T, K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cache.fmt(f)
    }
}

impl<R: RawMutex + 'static> PoolKind for Cached<R> {
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> = CachedPool<T, K, R>;

    const CHECKED: bool = false;
    const REFUSES: AllocErrorKind = AllocErrorKind::OutOfMemory;

    fn settings() -> Vec<Setting> {
        Setting::fixed()
    }

    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        _hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError> {
        assert!(!K::ACTIVE, "a slab cache has no hooks");
        let source = Counting::new(FailNth::of(Supplied::of(setting.source)));
        let cache = Cache::<T, R>::with_parts(R::INIT, source)?;
        let mut taken = Vec::new();
        while let Ok(vacant) = cache.alloc_uninit() {
            taken.push(vacant);
            if taken.len() >= spec.slots {
                cache.provider().inner().refuse_all();
            }
        }
        taken.truncate(taken.len() - spec.slots);
        Ok(CachedPool {
            cache,
            capacity: spec.slots,
            in_use: Rc::default(),
            _taken: taken,
            hooks: PhantomData,
        })
    }
}

/// A slot that is counted as long as this is there.
#[derive(Debug)]
struct InUse(Rc<Cell<usize>>);

impl InUse {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A box, counted; or an empty slot. The count goes last.
pub struct Tallied<V>(V, InUse);

impl<V: Deref> Deref for Tallied<V> {
    type Target = V::Target;

    fn deref(&self) -> &V::Target {
        &self.0
    }
}

impl<V: DerefMut> DerefMut for Tallied<V> {
    fn deref_mut(&mut self) -> &mut V::Target {
        &mut self.0
    }
}

impl<V> fmt::Debug for Tallied<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tallied").finish_non_exhaustive()
    }
}

impl<T: 'static, K: 'static, R: RawMutex + 'static> Door for CachedPool<T, K, R> {
    type Value = T;
    type Handle<'d> = Tallied<SlabBox<T, R, SLAB, Source>>;

    fn alloc(&self, value: T) -> Result<Self::Handle<'_>, AllocError<T>> {
        let made = self.cache.alloc(value)?;
        Ok(Tallied(made, InUse::new(&self.in_use)))
    }

    fn alloc_with(&self, make: impl FnOnce() -> T) -> Result<Self::Handle<'_>, AllocError> {
        let made = self.cache.alloc_with(make)?;
        Ok(Tallied(made, InUse::new(&self.in_use)))
    }
}

impl<T, K, R: RawMutex + 'static> Counted for CachedPool<T, K, R> {
    fn capacity(&self) -> usize {
        self.capacity
    }

    fn in_use(&self) -> usize {
        self.in_use.get()
    }

    fn available(&self) -> usize {
        self.capacity - self.in_use.get()
    }

    fn is_full(&self) -> bool {
        self.available() == 0
    }

    fn is_empty(&self) -> bool {
        self.in_use.get() == 0
    }
}

impl<T: 'static, K: 'static, R: RawMutex + 'static> Unwrap for CachedPool<T, K, R> {
    fn into_inner(handle: Self::Handle<'_>) -> T {
        OwnedHandle::into_inner(handle.0)
    }

    fn into_raw(handle: Self::Handle<'_>) -> NonNull<T> {
        OwnedHandle::into_raw(handle.0)
    }

    unsafe fn adopt(&self, value: NonNull<T>) -> Self::Handle<'_> {
        // SAFETY: the caller's promise.
        let made = unsafe { Cache::<T, R>::from_raw(value) };
        Tallied(made, InUse::new(&self.in_use))
    }
}

impl<T: 'static, K: 'static, R: RawMutex + 'static> InPlace for CachedPool<T, K, R> {
    type Vacant<'d> = Tallied<Vacant<T, R>>;

    fn alloc_uninit(&self) -> Result<Self::Vacant<'_>, AllocError> {
        let vacant = self.cache.alloc_uninit()?;
        Ok(Tallied(vacant, InUse::new(&self.in_use)))
    }

    fn write<'d>(vacant: Self::Vacant<'d>, value: T) -> Self::Handle<'d>
    where
        Self: 'd,
    {
        Tallied(vacant.0.write(value), vacant.1)
    }
}

/// It makes no values.
impl<T: 'static, K: 'static, R: RawMutex + 'static> Initializes for CachedPool<T, K, R> {}

/// Its forgotten values cannot be found.
impl<T: 'static, K: 'static, R: RawMutex + 'static> Walk for CachedPool<T, K, R> {
    fn clear(&mut self) {
        assert!(self.is_empty(), "this kind of pool is not walked");
    }
}
