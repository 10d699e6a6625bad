//! The recycling pool as a kind of pool of values.
#![expect(unsafe_code, reason = "forwards unsafe doors")]

use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use flagstone::{
    AllocError, ConfigError, OwnedHandle, RecyclePool,
    pool::{Hooks, PoolConfig, Recycle, Recycled},
};

use super::{Counted, Door, InPlace, Initializes, PoolKind, Setting, Spec, Unwrap, Walk};
use crate::provider::{Counting, Supplied};

/// [`RecyclePool`] with objects that are empty until a value is put in, and emptied by their reset.
/// So the promises about values, their destructors and their panics are asked of it as of any pool;
/// those about hooks, initializers and walks are not, because it has no such doors.
#[derive(Debug)]
pub struct Recycling;

/// Makes empty objects and empties used ones.
#[derive(Debug)]
pub struct Emptied;

impl<T> Recycle<Option<T>> for Emptied {
    fn create(&self) -> Option<T> {
        None
    }

    fn reset(&self, object: &mut Option<T>) {
        *object = None;
    }
}

type Inner<T> = RecyclePool<Option<T>, Emptied, Counting<Supplied>>;
type InnerHandle<'d, T> = Recycled<'d, Option<T>, Emptied, Counting<Supplied>>;

/// The pool.
pub struct RecyclingPool<T, K> {
    inner: Inner<T>,
    hooks: PhantomData<fn() -> K>,
}

impl<T, K> fmt::Debug for RecyclingPool<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// An object with a value in it.
pub struct Filled<'d, T>(InnerHandle<'d, T>);

impl<T> Deref for Filled<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        (*self.0).as_ref().expect("a value was put in")
    }
}

impl<T> DerefMut for Filled<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        (*self.0).as_mut().expect("a value was put in")
    }
}

impl<T: fmt::Debug> fmt::Debug for Filled<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PoolKind for Recycling {
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> = RecyclingPool<T, K>;

    const CHECKED: bool = false;

    fn settings() -> Vec<Setting> {
        Setting::fixed()
    }

    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        _hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError> {
        assert!(!K::ACTIVE, "a recycling pool has no such hooks");
        let mut builder = PoolConfig::builder()
            .capacity(spec.slots)
            .pre_initialize(spec.pre_initialize);
        if let Some(alignment) = spec.alignment {
            // The object has the alignment of the value, or more.
            builder = builder.alignment(alignment.max(align_of::<Option<T>>()));
        }
        let provider = Supplied::counting(setting.source);
        let inner = RecyclePool::with_parts(builder.build()?, Emptied, provider)?;
        Ok(RecyclingPool {
            inner,
            hooks: PhantomData,
        })
    }
}

impl<T, K> Door for RecyclingPool<T, K> {
    type Value = T;
    type Handle<'d>
        = Filled<'d, T>
    where
        Self: 'd;

    fn alloc(&self, value: T) -> Result<Filled<'_, T>, AllocError<T>> {
        match self.inner.acquire() {
            Ok(mut handle) => {
                *handle = Some(value);
                Ok(Filled(handle))
            }
            Err(error) => Err(error.map(|()| value)),
        }
    }

    fn alloc_with(&self, make: impl FnOnce() -> T) -> Result<Filled<'_, T>, AllocError> {
        let mut handle = self.inner.acquire()?;
        *handle = Some(make());
        Ok(Filled(handle))
    }
}

impl<T, K> Counted for RecyclingPool<T, K> {
    fn capacity(&self) -> usize {
        self.inner.capacity()
    }
    fn in_use(&self) -> usize {
        self.inner.in_use()
    }
    fn available(&self) -> usize {
        self.inner.available()
    }
    fn is_full(&self) -> bool {
        self.inner.is_full()
    }
    fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }
}

impl<T, K> Unwrap for RecyclingPool<T, K> {
    fn into_inner(handle: Filled<'_, T>) -> T {
        OwnedHandle::into_inner(handle.0).expect("a value was put in")
    }

    fn into_raw(handle: Filled<'_, T>) -> NonNull<T> {
        OwnedHandle::into_raw(handle.0).cast()
    }

    unsafe fn adopt(&self, value: NonNull<T>) -> Filled<'_, T> {
        // SAFETY: the caller's promise; `into_raw` gave the object's own pointer.
        Filled(unsafe { self.inner.from_raw(value.cast()) })
    }
}

impl<T, K> InPlace for RecyclingPool<T, K> {
    type Vacant<'d>
        = InnerHandle<'d, T>
    where
        Self: 'd;

    fn alloc_uninit(&self) -> Result<InnerHandle<'_, T>, AllocError> {
        self.inner.acquire()
    }

    fn write<'d>(mut vacant: InnerHandle<'d, T>, value: T) -> Filled<'d, T>
    where
        Self: 'd,
    {
        *vacant = Some(value);
        Filled(vacant)
    }
}

impl<T, K> Initializes for RecyclingPool<T, K> {}

/// Only `clear` is a door of the pool.
impl<T, K> Walk for RecyclingPool<T, K> {
    fn clear(&mut self) {
        self.inner.clear();
    }
}
