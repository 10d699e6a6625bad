//! How objects that stay constructed are made ready for their next user.

/// When a [`RecyclePool`](crate::RecyclePool) or a [`RecycleCache`](crate::slab::RecycleCache) resets its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetAt {
    /// When the handle is dropped: what the object holds is given up at once, and no secret waits
    /// for the next user.
    Release,
    /// When the object is handed out again: the release is as short as it can be.
    Acquire,
}

/// Makes, resets, checks and discards the objects of a [`RecyclePool`](crate::RecyclePool) or of a
/// [`RecycleCache`](crate::slab::RecycleCache); a type parameter, so that what does nothing costs nothing.
///
/// ```text
///  create ──▶ in use ── handle dropped ─▶ reset ─▶ idle ── acquire ─▶ is_valid ─▶ in use
///                                          │ panics                      │ no
///                                          ╰─▶ dropped, slot free        ╰─▶ slot free ─▶ discard
/// ```
///
/// All calls run outside every borrow of the pool's state, so they may use the pool. One that
/// panics loses nothing: the object at hand is dropped, its slot is free, and the panic continues.
///
/// ```
/// use std::cell::Cell;
/// use flagstone::pool::{Recycle, RecyclePool};
///
/// struct Connection {
///     open: bool,
///     buffer: Vec<u8>,
/// }
///
/// #[derive(Default)]
/// struct Connect {
///     closed: Cell<u32>,
/// }
///
/// impl Recycle<Connection> for Connect {
///     fn create(&self) -> Connection {
///         Connection { open: true, buffer: Vec::with_capacity(4096) }
///     }
///     fn reset(&self, connection: &mut Connection) {
///         connection.buffer.clear(); // its memory stays
///     }
///     fn is_valid(&self, connection: &Connection) -> bool {
///         connection.open
///     }
///     fn discard(&self, connection: Connection) {
///         self.closed.set(self.closed.get() + 1);
///         drop(connection);
///     }
/// }
///
/// let pool = RecyclePool::new(8, Connect::default());
/// pool.acquire()?.open = false; // it breaks
/// let next = pool.acquire()?; // so it is discarded, and another one made
/// assert!(next.open);
/// assert_eq!(pool.recycle().closed.get(), 1);
/// # Ok::<(), flagstone::AllocError>(())
/// ```
#[doc(alias("PoolAllocator", "Manager"))]
pub trait Recycle<T> {
    /// When [`reset`](Self::reset) runs. To change it for a type that is not yours, wrap it in
    /// [`AtAcquire`].
    const RESET_AT: ResetAt = ResetAt::Release;

    /// Makes an object, ready to be used.
    fn create(&self) -> T;

    /// Makes a used object as good as new.
    fn reset(&self, object: &mut T) {
        let _ = object;
    }

    /// Whether an idle object may be handed out again; asked before it is.
    fn is_valid(&self, object: &T) -> bool {
        let _ = object;
        true
    }

    /// Takes an object that the pool gives up: one that is not valid, or an idle one when the pool
    /// is cleared or dropped. Its slot is free already, or with who waited for it. (An object whose `reset` or `is_valid`
    /// panicked is dropped without this call.)
    fn discard(&self, object: T) {
        drop(object);
    }
}

impl<T, K: Recycle<T> + ?Sized> Recycle<T> for &K {
    const RESET_AT: ResetAt = K::RESET_AT;

    #[inline]
    fn create(&self) -> T {
        (**self).create()
    }

    #[inline]
    fn reset(&self, object: &mut T) {
        (**self).reset(object);
    }

    #[inline]
    fn is_valid(&self, object: &T) -> bool {
        (**self).is_valid(object)
    }

    #[inline]
    fn discard(&self, object: T) {
        (**self).discard(object);
    }
}

/// The same calls as `K`, with the reset moved to the moment an object is handed out again.
///
/// ```
/// use flagstone::pool::{AtAcquire, FnRecycle, RecyclePool};
///
/// let recycle = FnRecycle::new(String::new, |text: &mut String| text.clear());
/// let pool = RecyclePool::new(4, AtAcquire(recycle));
/// pool.acquire()?.push_str("kept until somebody else comes");
/// assert!(pool.acquire()?.is_empty());
/// # Ok::<(), flagstone::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AtAcquire<K>(pub K);

impl<T, K: Recycle<T>> Recycle<T> for AtAcquire<K> {
    const RESET_AT: ResetAt = ResetAt::Acquire;

    #[inline]
    fn create(&self) -> T {
        self.0.create()
    }

    #[inline]
    fn reset(&self, object: &mut T) {
        self.0.reset(object);
    }

    #[inline]
    fn is_valid(&self, object: &T) -> bool {
        self.0.is_valid(object)
    }

    #[inline]
    fn discard(&self, object: T) {
        self.0.discard(object);
    }
}

/// Objects made and reset by two closures; always valid, and dropped when they are given up.
///
/// ```
/// use flagstone::pool::{FnRecycle, RecyclePool};
///
/// let pool = RecyclePool::new(4, FnRecycle::new(Vec::new, |list: &mut Vec<u32>| list.clear()));
/// pool.acquire()?.extend([1, 2, 3]);
/// assert!(pool.acquire()?.is_empty());
/// # Ok::<(), flagstone::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FnRecycle<C, R> {
    create: C,
    reset: R,
}

impl<C, R> FnRecycle<C, R> {
    /// Objects of `create`, made as good as new by `reset`.
    pub const fn new<T>(create: C, reset: R) -> Self
    where
        C: Fn() -> T,
        R: Fn(&mut T),
    {
        Self { create, reset }
    }
}

impl<T, C: Fn() -> T, R: Fn(&mut T)> Recycle<T> for FnRecycle<C, R> {
    #[inline]
    fn create(&self) -> T {
        (self.create)()
    }

    #[inline]
    fn reset(&self, object: &mut T) {
        (self.reset)(object);
    }
}
