//! Pools whose handles keep them, as kinds.
#![expect(unsafe_code, reason = "forwards unsafe doors")]

use std::{marker::PhantomData, ptr::NonNull, rc::Rc, sync::Arc};

use flagstone::{
    AllocError, ConfigError, FixedPool, GrowingPool, OwnedHandle, ThreadSafePool,
    pool::{
        ArcHandle, FixedVacant, GrowingVacant, Hooks, Intrusive, RcHandle, Strategy,
        ThreadSafeVacant,
    },
    provider::Provider,
};

use super::{
    Counted, Door, Fixed, Growing, InPlace, Initializes, PoolKind, Setting, Spec, ThreadSafe,
    Unwrap, Walk,
};
use crate::provider::{Counting, Supplied};

/// A pool in an `Rc` or `Arc`, whose doors hand out handles that keep it.
///
/// A handle of it that is forgotten keeps it for ever, so the promises on forgotten values are not
/// its own.
#[derive(Debug)]
pub struct Kept<R>(R);

/// [`FixedPool`] in an [`Rc`].
#[derive(Debug)]
pub struct KeptFixed;

/// [`GrowingPool`] in an [`Rc`].
#[derive(Debug)]
pub struct KeptGrowing;

/// [`ThreadSafePool`] behind the lock `R` in an [`Arc`].
#[derive(Debug)]
pub struct KeptThreadSafe<R>(PhantomData<R>);

/// A kind of pools that stand on those of another kind.
macro_rules! kept {
    ($kind:ty, $inner:ty, $root:ident, [$($bounds:tt)*], $pool:ty) => {
        impl<$($bounds)*> PoolKind for $kind {
            type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> = Kept<$root<$pool>>;

            const CHECKED: bool = <$inner>::CHECKED;

            fn settings() -> Vec<Setting> {
                <$inner>::settings()
            }

            fn begins_with(setting: Setting, slots: usize) -> usize {
                <$inner>::begins_with(setting, slots)
            }

            fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
                setting: Setting,
                spec: Spec<T>,
                hooks: K,
            ) -> Result<Self::Pool<T, K>, ConfigError> {
                let pool = <$inner>::build(setting, spec, hooks)?;
                Ok(Kept($root::new(pool)))
            }
        }
    };
}

kept!(KeptFixed, Fixed<Intrusive>, Rc, [], FixedPool<T, Intrusive, K, Counting<Supplied>>);
kept!(KeptGrowing, Growing<4096>, Rc, [], GrowingPool<T, K, Counting<Supplied>, 4096>);
kept!(KeptThreadSafe<R>, ThreadSafe<R>, Arc, [R: lock_api::RawMutex + 'static],
    ThreadSafePool<T, R, K, Counting<Supplied>, 4096>);

/// An empty slot, and the pool that its handle will keep.
#[derive(Debug)]
pub struct KeptVacant<'d, R, V> {
    root: &'d R,
    vacant: V,
}

/// Doors that go through a handle that borrows the pool, and then make it keep the pool.
macro_rules! doors {
    ($root:ident<$pool:ident<$($arg:ident),*>>, $handle:ident, $vacant:ident, [$($bounds:tt)*]) => {
        impl<$($bounds)*> Door for Kept<$root<$pool<$($arg),*>>> {
            type Value = T;
            type Handle<'d> = $handle<$pool<$($arg),*>> where Self: 'd;

            fn alloc(&self, value: T) -> Result<Self::Handle<'_>, AllocError<T>> {
                self.0.alloc_static(value)
            }

            fn alloc_with(
                &self,
                make: impl FnOnce() -> T,
            ) -> Result<Self::Handle<'_>, AllocError> {
                let handle = self.0.alloc_with(make)?;
                Ok(self.0.make_static(handle).unwrap_or_else(|_| panic!("its own handle")))
            }
        }

        impl<$($bounds)*> Counted for Kept<$root<$pool<$($arg),*>>> {
            fn capacity(&self) -> usize {
                self.0.capacity()
            }
            fn in_use(&self) -> usize {
                self.0.in_use()
            }
            fn available(&self) -> usize {
                self.0.available()
            }
            fn is_full(&self) -> bool {
                self.0.is_full()
            }
            fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl<$($bounds)*> Unwrap for Kept<$root<$pool<$($arg),*>>> {
            fn into_inner(handle: Self::Handle<'_>) -> T {
                OwnedHandle::into_inner(handle)
            }

            fn into_raw(handle: Self::Handle<'_>) -> NonNull<T> {
                OwnedHandle::into_raw(handle)
            }

            unsafe fn adopt(&self, value: NonNull<T>) -> Self::Handle<'_> {
                // SAFETY: the caller's promise.
                let handle = unsafe { self.0.from_raw(value) };
                self.0.make_static(handle).unwrap_or_else(|_| panic!("its own handle"))
            }
        }

        impl<$($bounds)*> InPlace for Kept<$root<$pool<$($arg),*>>> {
            type Vacant<'d> = KeptVacant<'d, $root<$pool<$($arg),*>>, $vacant<'d, $($arg),*>>
            where
                Self: 'd;

            fn alloc_uninit(&self) -> Result<Self::Vacant<'_>, AllocError> {
                let vacant = self.0.alloc_uninit()?;
                Ok(KeptVacant { root: &self.0, vacant })
            }

            fn write<'d>(vacant: Self::Vacant<'d>, value: T) -> Self::Handle<'d>
            where
                Self: 'd,
            {
                let handle = vacant.vacant.write(value);
                vacant.root.make_static(handle).unwrap_or_else(|_| panic!("its own handle"))
            }
        }

        impl<$($bounds)*> Initializes for Kept<$root<$pool<$($arg),*>>> {
            fn alloc_init(&self) -> Result<Self::Handle<'_>, AllocError> {
                let handle = self.0.alloc_init()?;
                Ok(self.0.make_static(handle).unwrap_or_else(|_| panic!("its own handle")))
            }
        }

        /// Nobody gets at the values while a handle is out.
        impl<$($bounds)*> Walk for Kept<$root<$pool<$($arg),*>>>
        where
            T: Unpin,
        {
            fn iter_mut(&mut self) -> impl Iterator<Item = &mut T>
            where
                T: Unpin,
            {
                $root::get_mut(&mut self.0).expect("no handle is out").iter_mut()
            }

            fn drain(&mut self) -> impl Iterator<Item = T>
            where
                T: Unpin,
            {
                $root::get_mut(&mut self.0).expect("no handle is out").drain()
            }

            fn clear(&mut self) {
                $root::get_mut(&mut self.0).expect("no handle is out").clear();
            }
        }
    };
}

doors!(Rc<FixedPool<T, S, K, P>>, RcHandle, FixedVacant,
    [T: 'static, S: Strategy + 'static, K: Hooks<T> + 'static, P: Provider + 'static]);
doors!(Rc<GrowingPool<T, K, P, SLAB_BYTES>>, RcHandle, GrowingVacant,
    [T: 'static, K: Hooks<T> + 'static, P: Provider + 'static, const SLAB_BYTES: usize]);
doors!(Arc<ThreadSafePool<T, R, K, P, SLAB_BYTES>>, ArcHandle, ThreadSafeVacant,
    [T: 'static, R: lock_api::RawMutex + 'static, K: Hooks<T> + 'static, P: Provider + 'static,
     const SLAB_BYTES: usize]);
