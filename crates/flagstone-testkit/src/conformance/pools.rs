//! The pools of the library as kinds.
#![expect(unsafe_code, reason = "forwards unsafe doors")]

use std::{marker::PhantomData, ptr::NonNull};

use flagstone::{
    AllocError, ConfigError, FixedPool, GrowingPool, LockFreePool, OwnedHandle, ThreadSafePool,
    pool::{
        FixedHandle, FixedVacant, FromCapacity, GrowingHandle, GrowingVacant, Hooks,
        LockFreeHandle, LockFreeVacant, PoolConfig, Strategy, ThreadSafeHandle, ThreadSafeVacant,
    },
    provider::Provider,
};

use super::{Counted, Door, InPlace, Initializes, PoolKind, Setting, Spec, Unwrap, Walk};
use crate::provider::{Counting, Supplied};

/// [`FixedPool`] under the strategy `S`.
#[derive(Debug)]
pub struct Fixed<S>(PhantomData<S>);

/// Strategies that a [`Fixed`] kind can have.
pub trait TestedStrategy: Strategy + FromCapacity + 'static {
    /// Whether it keeps a bit per slot.
    const CHECKED: bool;
}

impl TestedStrategy for flagstone::pool::Intrusive {
    const CHECKED: bool = false;
}

impl<S: FromCapacity + 'static> TestedStrategy for flagstone::pool::Checked<S> {
    const CHECKED: bool = true;
}

impl<I: flagstone::index::WithCapacity + 'static> TestedStrategy for flagstone::pool::Indexed<I> {
    const CHECKED: bool = true;
}

impl<S: TestedStrategy> PoolKind for Fixed<S> {
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> = FixedPool<T, S, K, Counting<Supplied>>;

    const CHECKED: bool = S::CHECKED;

    fn settings() -> Vec<Setting> {
        Setting::fixed()
    }

    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError> {
        let strategy = S::from_capacity(spec.slots)?;
        let config = config(spec, setting)?;
        FixedPool::with_parts(config, strategy, hooks, Supplied::counting(setting.source))
    }
}

/// [`GrowingPool`] with slabs of at least `SLAB_BYTES`.
#[derive(Debug)]
pub struct Growing<const SLAB_BYTES: usize>;

impl<const SLAB_BYTES: usize> PoolKind for Growing<SLAB_BYTES> {
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> =
        GrowingPool<T, K, Counting<Supplied>, SLAB_BYTES>;

    const CHECKED: bool = false;

    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError> {
        let config = config(spec, setting)?;
        GrowingPool::with_parts(config, hooks, Supplied::counting(setting.source))
    }
}

/// [`ThreadSafePool`] behind the lock `R`.
#[derive(Debug)]
pub struct ThreadSafe<R>(PhantomData<R>);

impl<R: lock_api::RawMutex + 'static> PoolKind for ThreadSafe<R> {
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> =
        ThreadSafePool<T, R, K, Counting<Supplied>, 4096>;

    const CHECKED: bool = false;

    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError> {
        let config = config(spec, setting)?;
        let provider = Supplied::counting(setting.source);
        ThreadSafePool::with_parts(config, R::INIT, hooks, provider)
    }
}

/// [`LockFreePool`], counting exactly or not.
#[derive(Debug)]
pub struct LockFreeMode<const EXACT: bool>;

/// [`LockFreePool`] as it usually is.
pub type LockFree = LockFreeMode<false>;

/// [`LockFreePool`], counting exactly.
pub type LockFreeExact = LockFreeMode<true>;

impl<const EXACT: bool> PoolKind for LockFreeMode<EXACT> {
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> =
        LockFreePool<T, K, Counting<Supplied>, 4096>;

    const CHECKED: bool = false;

    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError> {
        let config = config(spec, setting)?;
        let provider = Supplied::counting(setting.source);
        if EXACT {
            LockFreePool::exact_with_parts(config, hooks, provider)
        } else {
            LockFreePool::with_parts(config, hooks, provider)
        }
    }
}

fn config<T>(spec: Spec<T>, setting: Setting) -> Result<PoolConfig<T>, ConfigError> {
    let mut builder = PoolConfig::builder()
        .capacity(setting.growth.begins_with(spec.slots))
        .max_capacity(Some(spec.slots))
        .growth_strategy(setting.growth.strategy())
        .initialization(spec.initialization)
        .pre_initialize(spec.pre_initialize);
    if let Some(alignment) = spec.alignment {
        builder = builder.alignment(alignment);
    }
    builder.build()
}

/// Forwards the calls that both pools spell the same.
macro_rules! doors {
    ($pool:ident<$($arg:ident),*>, $handle:ty, $vacant:ty, [$($bounds:tt)*]) => {
        impl<$($bounds)*> Door for $pool<$($arg),*> {
            type Value = T;
            type Handle<'d> = $handle where Self: 'd;

            fn alloc(&self, value: T) -> Result<Self::Handle<'_>, AllocError<T>> {
                $pool::alloc(self, value)
            }

            fn alloc_with(
                &self,
                make: impl FnOnce() -> T,
            ) -> Result<Self::Handle<'_>, AllocError> {
                $pool::alloc_with(self, make)
            }
        }

        impl<$($bounds)*> Counted for $pool<$($arg),*> {
            fn capacity(&self) -> usize {
                $pool::capacity(self)
            }
            fn in_use(&self) -> usize {
                $pool::in_use(self)
            }
            fn available(&self) -> usize {
                $pool::available(self)
            }
            fn is_full(&self) -> bool {
                $pool::is_full(self)
            }
            fn is_empty(&self) -> bool {
                $pool::is_empty(self)
            }
        }

        impl<$($bounds)*> Unwrap for $pool<$($arg),*> {
            fn into_inner(handle: Self::Handle<'_>) -> T {
                OwnedHandle::into_inner(handle)
            }

            fn into_raw(handle: Self::Handle<'_>) -> NonNull<T> {
                OwnedHandle::into_raw(handle)
            }

            unsafe fn adopt(&self, value: NonNull<T>) -> Self::Handle<'_> {
                // SAFETY: the caller's promise.
                unsafe { self.from_raw(value) }
            }
        }

        impl<$($bounds)*> InPlace for $pool<$($arg),*> {
            type Vacant<'d> = $vacant where Self: 'd;

            fn alloc_uninit(&self) -> Result<Self::Vacant<'_>, AllocError> {
                $pool::alloc_uninit(self)
            }

            fn write<'d>(vacant: Self::Vacant<'d>, value: T) -> Self::Handle<'d>
            where
                Self: 'd,
            {
                vacant.write(value)
            }
        }

        impl<$($bounds)*> Initializes for $pool<$($arg),*> {
            fn alloc_init(&self) -> Result<Self::Handle<'_>, AllocError> {
                $pool::alloc_init(self)
            }
        }

    };
}

/// Forwards the walks that pools spell the same.
macro_rules! walks {
    ($pool:ident<$($arg:ident),*>, [$($bounds:tt)*]) => {
        impl<$($bounds)*> Walk for $pool<$($arg),*>
        where
            T: Unpin,
        {
            fn iter_mut(&mut self) -> impl Iterator<Item = &mut T>
            where
                T: Unpin,
            {
                $pool::iter_mut(self)
            }

            fn drain(&mut self) -> impl Iterator<Item = T>
            where
                T: Unpin,
            {
                $pool::drain(self)
            }

            fn clear(&mut self) {
                $pool::clear(self);
            }
        }
    };
}

doors!(FixedPool<T, S, K, P>, FixedHandle<'d, T, S, K, P>, FixedVacant<'d, T, S, K, P>,
    [T, S: Strategy, K: Hooks<T>, P: Provider]);
walks!(FixedPool<T, S, K, P>, [T, S: Strategy, K: Hooks<T>, P: Provider]);
doors!(GrowingPool<T, K, P, SLAB_BYTES>,
    GrowingHandle<'d, T, K, P, SLAB_BYTES>, GrowingVacant<'d, T, K, P, SLAB_BYTES>,
    [T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize]);
walks!(GrowingPool<T, K, P, SLAB_BYTES>,
    [T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize]);
doors!(ThreadSafePool<T, R, K, P, SLAB_BYTES>,
    ThreadSafeHandle<'d, T, R, K, P, SLAB_BYTES>, ThreadSafeVacant<'d, T, R, K, P, SLAB_BYTES>,
    [T, R: lock_api::RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize]);
walks!(ThreadSafePool<T, R, K, P, SLAB_BYTES>,
    [T, R: lock_api::RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize]);
doors!(LockFreePool<T, K, P, SLAB_BYTES>,
    LockFreeHandle<T, K, P, SLAB_BYTES>, LockFreeVacant<T, K, P, SLAB_BYTES>,
    [T: 'static, K: Hooks<T> + 'static, P: Provider + 'static, const SLAB_BYTES: usize]);

/// Its forgotten values cannot be found.
impl<T: 'static, K: Hooks<T> + 'static, P: Provider + 'static, const SLAB_BYTES: usize> Walk
    for LockFreePool<T, K, P, SLAB_BYTES>
{
    fn clear(&mut self) {
        assert!(self.is_empty(), "this kind of pool is not walked");
    }
}
