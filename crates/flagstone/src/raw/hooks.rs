//! What a pool calls when a value enters and leaves a slot.

use core::ptr::NonNull;

/// Calls around the life of a value in a slot, chosen as a type parameter of the pool.
///
/// Order: the value is written, then `on_acquire`; later `on_release`, then the value is dropped or
/// moved out, then the slot is free. Every value that was acquired is released once, also by
/// `into_inner`, `clear` and `drain`, but not when the pool itself is dropped with values in it. A
/// hook that panics loses nothing: the value is dropped, the
/// slot goes back, and the panic continues. Hooks run outside every borrow of the pool's state, so
/// they may use the pool.
///
/// ```
/// use core::cell::Cell;
/// use flagstone::pool::{FixedPool, Hooks};
///
/// struct Count<'a>(&'a Cell<i32>);
///
/// impl<T> Hooks<T> for Count<'_> {
///     fn on_acquire(&self, _value: &mut T) {
///         self.0.set(self.0.get() + 1);
///     }
///     fn on_release(&self, _value: &mut T) {
///         self.0.set(self.0.get() - 1);
///     }
/// }
///
/// let live = Cell::new(0);
/// let pool = FixedPool::with_hooks(4, Count(&live))?;
/// let handle = pool.alloc("x").unwrap();
/// assert_eq!(live.get(), 1);
/// drop(handle);
/// assert_eq!(live.get(), 0);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
pub trait Hooks<T> {
    /// Whether the hooks do anything; with `false` they cost no instruction.
    const ACTIVE: bool = true;

    /// Whether [`dispose`](Self::dispose) or [`scrub`](Self::scrub) do other than they do by
    /// default: whether there is a drop policy.
    const DISPOSES: bool = false;

    /// The value has just been placed.
    fn on_acquire(&self, value: &mut T) {
        let _ = value;
    }

    /// The value is about to leave its slot.
    fn on_release(&self, value: &mut T) {
        let _ = value;
    }

    /// Ends a value whose handle was dropped, or that was left in the pool: by default it is dropped
    /// in its slot. The drop policies ([`ZeroOnFree`](super::ZeroOnFree),
    /// [`HandOver`](super::HandOver), [`Deferred`](super::Deferred)) are what says otherwise.
    ///
    /// If it panics, the value must be gone all the same; the slot goes back.
    ///
    /// # Safety
    ///
    /// `value` is live and the caller's, who does not use it again.
    #[inline(always)]
    unsafe fn dispose(&self, value: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { value.drop_in_place() } // USER CODE
    }

    /// Treats the memory of a slot that is about to be free. The value was ended or moved out, or
    /// there never was one.
    ///
    /// # Safety
    ///
    /// `slot` has room for a `T`, holds none, and is the caller's.
    #[inline(always)]
    unsafe fn scrub(&self, slot: NonNull<T>) {
        let _ = slot;
    }
}

/// Hooks that somebody else owns, such as a [`Deferred`](super::Deferred) whose owner flushes it.
impl<T, K: Hooks<T>> Hooks<T> for &K {
    const ACTIVE: bool = K::ACTIVE;
    const DISPOSES: bool = K::DISPOSES;

    fn on_acquire(&self, value: &mut T) {
        (**self).on_acquire(value);
    }

    fn on_release(&self, value: &mut T) {
        (**self).on_release(value);
    }

    unsafe fn dispose(&self, value: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { (**self).dispose(value) }
    }

    unsafe fn scrub(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { (**self).scrub(slot) }
    }
}

/// No hooks: the default, for any type, at no cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoHooks;

impl<T> Hooks<T> for NoHooks {
    const ACTIVE: bool = false;
}

/// A type that wants to know when it enters and leaves a pool; used through [`PoolableHooks`].
///
/// ```
/// use flagstone::pool::{FixedPool, Poolable, PoolableHooks};
///
/// #[derive(Default)]
/// struct Connection {
///     open: bool,
/// }
///
/// impl Poolable for Connection {
///     fn on_acquire(&mut self) {
///         self.open = true;
///     }
///     fn on_release(&mut self) {
///         self.open = false;
///     }
/// }
///
/// let pool = FixedPool::with_hooks(4, PoolableHooks)?;
/// let connection = pool.alloc(Connection::default()).unwrap();
/// assert!(connection.open);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
pub trait Poolable {
    /// The value has just been placed in a slot.
    fn on_acquire(&mut self) {}
    /// The value is about to be dropped or moved out of its slot.
    fn on_release(&mut self) {}
}

/// Calls the hooks that the values themselves have ([`Poolable`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolableHooks;

impl<T: Poolable> Hooks<T> for PoolableHooks {
    fn on_acquire(&self, value: &mut T) {
        value.on_acquire();
    }

    fn on_release(&self, value: &mut T) {
        value.on_release();
    }
}

/// Hooks from two closures, for types that are not yours.
///
/// ```
/// use flagstone::pool::{FixedPool, FnHooks};
///
/// let pool = FixedPool::with_hooks(4, FnHooks::new(|v: &mut Vec<u8>| v.reserve(64), |_| {}))?;
/// assert!(pool.alloc(Vec::new()).unwrap().capacity() >= 64);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FnHooks<A, R> {
    acquire: A,
    release: R,
}

impl<A, R> FnHooks<A, R> {
    /// Hooks that call `acquire` for a value just placed and `release` for one about to leave.
    pub const fn new<T>(acquire: A, release: R) -> Self
    where
        A: Fn(&mut T),
        R: Fn(&mut T),
    {
        Self { acquire, release }
    }
}

impl<T, A: Fn(&mut T), R: Fn(&mut T)> Hooks<T> for FnHooks<A, R> {
    fn on_acquire(&self, value: &mut T) {
        (self.acquire)(value);
    }

    fn on_release(&self, value: &mut T) {
        (self.release)(value);
    }
}
