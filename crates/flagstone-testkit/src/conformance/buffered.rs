//! The buffer pool as a kind of pool of values.
#![expect(unsafe_code, reason = "forwards unsafe doors")]

use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use flagstone::{
    AllocError, BufferPool, ConfigError,
    pool::{Buffer, Hooks, PoolConfig},
};

use super::{Counted, Door, InPlace, Initializes, PoolKind, Setting, Spec, Unwrap, Walk};
use crate::provider::{Counting, Supplied};

/// [`BufferPool`] with buffers of about `BYTES` bytes and one element at least, of which the first
/// holds a value. So the promises about values, their destructors and their panics are asked of it
/// as of any pool; those about hooks, initializers and walks are not, because it has no such doors.
///
/// Small buffers all fit one slab; large ones take several.
#[derive(Debug)]
pub struct Buffered<const BYTES: usize>;

type Inner<T> = BufferPool<T, Counting<Supplied>>;
type InnerBuffer<'d, T> = Buffer<'d, T, Counting<Supplied>>;

/// The pool.
pub struct BufferedPool<T, K> {
    inner: Inner<T>,
    hooks: PhantomData<fn() -> K>,
}

impl<T, K> fmt::Debug for BufferedPool<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// A buffer with a value in it.
pub struct First<'d, T>(InnerBuffer<'d, T>);

impl<T> Deref for First<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0[0]
    }
}

impl<T> DerefMut for First<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0[0]
    }
}

impl<T: fmt::Debug> fmt::Debug for First<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

fn put<T>(mut buffer: InnerBuffer<'_, T>, value: T) -> First<'_, T> {
    assert!(buffer.push(value).is_ok(), "a buffer begins empty");
    First(buffer)
}

impl<const BYTES: usize> PoolKind for Buffered<BYTES> {
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> = BufferedPool<T, K>;

    const CHECKED: bool = false;

    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        _hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError> {
        assert!(!K::ACTIVE, "a buffer pool has no such hooks");
        let mut builder = PoolConfig::builder()
            .capacity(setting.growth.begins_with(spec.slots))
            .max_capacity(Some(spec.slots))
            .growth_strategy(setting.growth.strategy())
            .pre_initialize(spec.pre_initialize);
        if let Some(alignment) = spec.alignment {
            builder = builder.alignment(alignment);
        }
        let elements = BYTES.checked_div(size_of::<T>()).unwrap_or(BYTES).max(1);
        let provider = Supplied::counting(setting.source);
        let inner = BufferPool::with_parts(elements, builder.build()?, provider)?;
        Ok(BufferedPool {
            inner,
            hooks: PhantomData,
        })
    }
}

impl<T, K> Door for BufferedPool<T, K> {
    type Value = T;
    type Handle<'d>
        = First<'d, T>
    where
        Self: 'd;

    fn alloc(&self, value: T) -> Result<First<'_, T>, AllocError<T>> {
        match self.inner.alloc() {
            Ok(buffer) => Ok(put(buffer, value)),
            Err(error) => Err(error.map(|()| value)),
        }
    }

    fn alloc_with(&self, make: impl FnOnce() -> T) -> Result<First<'_, T>, AllocError> {
        let buffer = self.inner.alloc()?;
        Ok(put(buffer, make()))
    }
}

impl<T, K> Counted for BufferedPool<T, K> {
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

impl<T, K> Unwrap for BufferedPool<T, K> {
    fn into_inner(mut handle: First<'_, T>) -> T {
        handle.0.pop().expect("a value was put in")
    }

    fn into_raw(handle: First<'_, T>) -> NonNull<T> {
        handle.0.into_raw_parts().0
    }

    unsafe fn adopt(&self, value: NonNull<T>) -> First<'_, T> {
        // SAFETY: the caller's promise; `into_raw` gave up a buffer of one value.
        First(unsafe { self.inner.from_raw_parts(value, 1) })
    }
}

impl<T, K> InPlace for BufferedPool<T, K> {
    type Vacant<'d>
        = InnerBuffer<'d, T>
    where
        Self: 'd;

    fn alloc_uninit(&self) -> Result<InnerBuffer<'_, T>, AllocError> {
        self.inner.alloc()
    }

    fn write<'d>(vacant: InnerBuffer<'d, T>, value: T) -> First<'d, T>
    where
        Self: 'd,
    {
        put(vacant, value)
    }
}

impl<T, K> Initializes for BufferedPool<T, K> {}

/// Only `clear` is a door of the pool.
impl<T, K> Walk for BufferedPool<T, K> {
    fn clear(&mut self) {
        self.inner.clear();
    }
}
