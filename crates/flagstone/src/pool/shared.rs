//! A pool whose values several handles share.
#![expect(unsafe_code, reason = "hands slots and tickets to shared handles")]

#[cfg(feature = "alloc")]
use alloc::{rc::Rc, sync::Arc};
use core::{fmt, mem::ManuallyDrop, ptr::NonNull};

#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
use lock_api::RawMutex;

#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
use super::ThreadSafePool;
#[cfg(feature = "alloc")]
use super::{
    FixedPool, GrowingPool, Hooks, Strategy,
    store::{ArcHome, RcHome},
};
use super::{Rooted, Shareable};
#[cfg(feature = "alloc")]
use crate::provider::Provider;
use crate::{
    error::AllocError,
    handle::{OwnedHandle, SharedHandle, WeakHandle},
    raw::{Home, PutBack, SharedHome, Ticket, Tickets, ValueHome},
    sync::unlocked,
};

/// A pool whose values are shared: [`SharedHandle`]s can be cloned, and
/// [`WeakHandle`]s look without keeping.
///
/// It stands on any pool. On one for a single thread the handles are like `Rc`, on a
/// [pool behind a lock](crate::ThreadSafePool) like `Arc`; cloning and dropping one costs what it costs
/// there.
///
/// ```text
///  SharedHandle ──▶ value in its slot        slab of the pool below, may go back to the provider
///       ╰─────────▶ ticket                   count, generation: stays until this pool ends
///  WeakHandle ─────────╯ if the generation is still the same
/// ```
///
/// A shared value costs a ticket of 32 bytes beside its slot (on 64-bit targets).
///
/// | call | time | allocates |
/// |---|---|---|
/// | `alloc` | that of the pool below, and a ticket: O(1) | tickets, when there are more values than ever |
/// | clone, drop of a handle | O(1), one change of the count | no |
/// | drop of the last handle | that of the pool below, and a ticket: O(1) | no |
/// | `downgrade`, `upgrade` | O(1) | no |
///
/// ```
/// use flagstone::{SharedHandle, SharedPool, ThreadSafePool};
///
/// let pool = SharedPool::new(ThreadSafePool::new(100));
/// let text = pool.alloc(String::from("for all"))?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         let text = SharedHandle::clone(&text);
///         scope.spawn(move || assert_eq!(*text, "for all"));
///     }
/// });
/// # Ok::<(), flagstone::AllocError<String>>(())
/// ```
pub struct SharedPool<Q: Shareable> {
    pool: Q,
    /// Tickets of values whose handles borrow this pool.
    lent: Tickets<Q::Count, Q::Lock>,
    /// Tickets of values whose handles keep this pool. A ticket serves one kind of home for ever,
    /// because a stale weak handle of an earlier value may be the last to let go of a later one.
    kept: Tickets<Q::Count, Q::Lock>,
}

impl<Q: Shareable> SharedPool<Q> {
    /// Shares the values of `pool`.
    #[must_use]
    pub fn new(pool: Q) -> Self {
        Self::with_locks(pool, [unlocked(), unlocked()])
    }

    /// As [`new`](Self::new), with two locks that are made beforehand: one for the tickets of
    /// borrowed handles, one for those of handles that keep the pool.
    #[must_use]
    pub fn with_locks(pool: Q, [lent, kept]: [Q::Lock; 2]) -> Self {
        Self {
            pool,
            lent: Tickets::new(lent),
            kept: Tickets::new(kept),
        }
    }

    /// Places `value`, with one handle for now.
    ///
    /// # Errors
    ///
    /// Gives `value` back when the pool below has no slot, or its provider no memory for a ticket.
    #[inline]
    pub fn alloc(&self, value: Q::Value) -> Result<LentHandle<'_, Q>, AllocError<Q::Value>> {
        let ticket = match self.lent.take(self.pool.provider()) {
            Ok(ticket) => ticket,
            Err(error) => return Err(AllocError::new(value, error.into())),
        };
        // SAFETY: just taken, and not used if this runs.
        let back = PutBack::new(|| unsafe { self.lent.put(ticket) });
        let handle = self.pool.place(value)?;
        back.disarm();
        // SAFETY: a ticket between lives for homes of that type; the handle is of our pool.
        Ok(unsafe { begin(ticket, handle, LentHome(self)) })
    }

    /// Places what `make` returns. `make` runs when slot and ticket are there and may use the pool;
    /// if it panics, they go back.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc); `make` is not called then.
    #[inline]
    pub fn alloc_with(
        &self,
        make: impl FnOnce() -> Q::Value,
    ) -> Result<LentHandle<'_, Q>, AllocError> {
        let ticket = self.lent.take(self.pool.provider());
        let ticket = ticket.map_err(|error| AllocError::new((), error.into()))?;
        // SAFETY: just taken, and not used if this runs.
        let back = PutBack::new(|| unsafe { self.lent.put(ticket) });
        let handle = self.pool.place_with(make)?;
        back.disarm();
        // SAFETY: a ticket between lives for homes of that type; the handle is of our pool.
        Ok(unsafe { begin(ticket, handle, LentHome(self)) })
    }

    /// The pool below, for its counts, and for values that are not to be shared.
    #[must_use]
    pub fn pool(&self) -> &Q {
        &self.pool
    }

    /// Drops the values that were left in the pool by forgotten handles, as the pool below does, and
    /// takes their tickets back. O(tickets) besides.
    pub fn clear(&mut self) {
        // SAFETY: handles, weak ones too, borrow this pool or keep it, so there is none any more.
        unsafe { self.lent.reclaim() };
        // SAFETY: as above; a forgotten one that keeps it would keep it for ever.
        unsafe { self.kept.reclaim() };
        self.pool.clear();
    }

    /// The pool below; its values are no longer shared, because no handle exists. What forgotten
    /// handles left in it is still there.
    ///
    /// (There is no `&mut` to it: with that, another pool could be put in its place, whose provider
    /// does not know the tickets.)
    ///
    /// ```
    /// use flagstone::{FixedPool, SharedPool};
    ///
    /// let pool = SharedPool::new(FixedPool::new(2));
    /// core::mem::forget(pool.alloc(7)?);
    /// assert_eq!(pool.into_pool().drain().next(), Some(7));
    /// # Ok::<(), flagstone::AllocError<i32>>(())
    /// ```
    #[must_use]
    pub fn into_pool(self) -> Q {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so the pool is moved out once.
        let pool = unsafe { core::ptr::read(&raw const this.pool) };
        // SAFETY: as above; its lock ends with it.
        let mut lent = unsafe { core::ptr::read(&raw const this.lent) };
        // SAFETY: as above.
        let mut kept = unsafe { core::ptr::read(&raw const this.kept) };
        // SAFETY: handles borrow the pool or keep it, so there is none any more.
        unsafe { lent.end(pool.provider()) };
        // SAFETY: as above.
        unsafe { kept.end(pool.provider()) };
        pool
    }
}

/// A shared value whose handles borrow the [`SharedPool`] over `Q`.
pub type LentHandle<'p, Q> = SharedHandle<'p, <Q as Rooted>::Value, LentHome<'p, Q>>;

/// A weak handle that borrows the [`SharedPool`] over `Q`.
pub type LentWeak<'p, Q> = WeakHandle<'p, <Q as Rooted>::Value, LentHome<'p, Q>>;

/// A shared value whose handles keep the [`SharedPool`] over `Q` in an [`Rc`].
#[cfg(feature = "alloc")]
pub type RcShared<Q> = SharedHandle<'static, <Q as Rooted>::Value, RcHome<SharedPool<Q>>>;

/// A weak handle that keeps the [`SharedPool`] over `Q`, though not the value, in an [`Rc`].
#[cfg(feature = "alloc")]
pub type RcWeak<Q> = WeakHandle<'static, <Q as Rooted>::Value, RcHome<SharedPool<Q>>>;

/// A shared value whose handles keep the [`SharedPool`] over `Q` in an [`Arc`].
#[cfg(feature = "alloc")]
pub type ArcShared<Q> = SharedHandle<'static, <Q as Rooted>::Value, ArcHome<SharedPool<Q>>>;

/// A weak handle that keeps the [`SharedPool`] over `Q`, though not the value, in an [`Arc`].
#[cfg(feature = "alloc")]
pub type ArcWeak<Q> = WeakHandle<'static, <Q as Rooted>::Value, ArcHome<SharedPool<Q>>>;

/// Makes the first shared handle of a value.
///
/// # Safety
///
/// `ticket` was taken from the tickets for homes of type `H`, and is the caller's; `home` is a home
/// of the handle's pool.
#[inline(always)]
unsafe fn begin<'p, 'q, T, G: Home, H: SharedHome>(
    ticket: NonNull<Ticket<H::Count>>,
    handle: OwnedHandle<'q, T, G>,
    home: H,
) -> SharedHandle<'p, T, H> {
    let (slot, _borrowed) = OwnedHandle::into_parts(handle);
    // SAFETY: tickets stay until the pool ends.
    unsafe { ticket.as_ref() }.begin(slot.cast(), home.into_root());
    // SAFETY: a live value whose slot was that handle's; the ticket's life began with this handle.
    unsafe { SharedHandle::new(slot, ticket) }
}

/// Handles that keep the pool instead of borrowing it: one count of the pool for each value.
#[cfg(feature = "alloc")]
macro_rules! keeping {
    ($root:ident, $home:ident, $handle:ident, [$($bounds:tt)*], $pool:ty) => {
        impl<T, $($bounds)*> SharedPool<$pool> {
            /// As [`alloc`](Self::alloc), but the handles keep this pool, which ends with the last
            /// of them.
            ///
            /// # Errors
            ///
            /// As [`alloc`](Self::alloc).
            pub fn alloc_static(
                self: &$root<Self>,
                value: T,
            ) -> Result<$handle<$pool>, AllocError<T>> {
                let ticket = match self.kept.take(self.pool.provider()) {
                    Ok(ticket) => ticket,
                    Err(error) => return Err(AllocError::new(value, error.into())),
                };
                // SAFETY: just taken, and not used if this runs.
                let back = PutBack::new(|| unsafe { self.kept.put(ticket) });
                let handle = self.pool.alloc(value)?;
                back.disarm();
                // SAFETY: a ticket between lives for homes of that type; the handle is of our pool.
                Ok(unsafe { begin(ticket, handle, $home($root::clone(self))) })
            }
        }
    };
}

#[cfg(feature = "alloc")]
keeping!(Rc, RcHome, RcShared, [S: Strategy, K: Hooks<T>, P: Provider], FixedPool<T, S, K, P>);
#[cfg(feature = "alloc")]
keeping!(Rc, RcHome, RcShared, [K: Hooks<T>, P: Provider, const SLAB_BYTES: usize],
    GrowingPool<T, K, P, SLAB_BYTES>);
#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
keeping!(Arc, ArcHome, ArcShared, [R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize],
    ThreadSafePool<T, R, K, P, SLAB_BYTES>);

impl<Q: Shareable> Drop for SharedPool<Q> {
    /// Gives the tickets' memory back.
    fn drop(&mut self) {
        let provider = self.pool.provider();
        // SAFETY: handles borrow the pool or keep it, so there is none any more.
        unsafe { self.lent.end(provider) };
        // SAFETY: as above.
        unsafe { self.kept.end(provider) };
    }
}

impl<Q: Shareable + fmt::Debug> fmt::Debug for SharedPool<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedPool").field(&self.pool).finish()
    }
}

// SAFETY: its slots are those of the pool below.
unsafe impl<Q: Shareable> Rooted for SharedPool<Q> {
    type Value = Q::Value;
    type Home<'p>
        = Q::Home<'p>
    where
        Self: 'p;

    #[inline(always)]
    fn home(&self) -> Q::Home<'_> {
        self.pool.home()
    }

    fn owns(&self, handle: &OwnedHandle<'_, Q::Value, Q::Home<'_>>) -> bool {
        self.pool.owns(handle)
    }
}

/// How a shared value is returned: a reference to its [`SharedPool`].
pub struct LentHome<'p, Q: Shareable>(&'p SharedPool<Q>);

impl<Q: Shareable> Clone for LentHome<'_, Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: Shareable> Copy for LentHome<'_, Q> {}

impl<Q: Shareable> fmt::Debug for LentHome<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LentHome({:p})", core::ptr::from_ref(self.0))
    }
}

// SAFETY: the pool is borrowed for 'p; everything else is the promise of the home below.
unsafe impl<Q: Shareable> Home for LentHome<'_, Q> {
    unsafe fn welcome(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.home().welcome(slot) }
    }

    #[inline]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.home().retire(slot) }
    }

    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.home().release(slot, into) }
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.home().vacate(slot) }
    }

    unsafe fn occupy(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.home().occupy(slot) }
    }
}

// SAFETY: a shared handle that was not mapped points to its slot.
unsafe impl<Q: Shareable> ValueHome for LentHome<'_, Q> {
    type Value = Q::Value;
}

// SAFETY: the root is the address of the pool, which is borrowed for 'p; its tickets for such homes
// are `lent`.
unsafe impl<Q: Shareable> SharedHome for LentHome<'_, Q> {
    type Count = Q::Count;

    #[inline(always)]
    fn into_root(self) -> NonNull<()> {
        NonNull::from(self.0).cast()
    }

    #[inline(always)]
    unsafe fn from_root(root: NonNull<()>) -> Self {
        // SAFETY: a reference of that lifetime, by the caller's promise.
        Self(unsafe { root.cast().as_ref() })
    }

    #[inline]
    unsafe fn put_ticket(&self, ticket: NonNull<Ticket<Q::Count>>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.lent.put(ticket) }
    }
}

/// Homes that keep the pool: their root is one count of it.
#[cfg(feature = "alloc")]
macro_rules! shared_home {
    ($home:ident, $root:ident) => {
        // SAFETY: the root is one count of the pool; its tickets for such homes are `kept`.
        unsafe impl<Q: Shareable> SharedHome for $home<SharedPool<Q>> {
            type Count = Q::Count;

            #[inline(always)]
            fn into_root(self) -> NonNull<()> {
                let root = $root::into_raw(self.0);
                // SAFETY: such pointers are not null.
                unsafe { NonNull::new_unchecked(root.cast_mut()) }.cast()
            }

            #[inline(always)]
            unsafe fn from_root(root: NonNull<()>) -> Self {
                // SAFETY: it came from `into_raw`, once, by the caller's promise.
                $home(unsafe { $root::from_raw(root.as_ptr().cast()) })
            }

            #[inline]
            unsafe fn put_ticket(&self, ticket: NonNull<Ticket<Q::Count>>) {
                // SAFETY: the caller's promise.
                unsafe { self.0.kept.put(ticket) }
            }
        }
    };
}

#[cfg(feature = "alloc")]
shared_home!(RcHome, Rc);
#[cfg(feature = "alloc")]
shared_home!(ArcHome, Arc);
