//! Shared ownership of a value in a slot.
#![expect(unsafe_code, reason = "dereferences the slot it shares")]

use core::{
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ops::Deref,
    ptr::NonNull,
};

use super::WeakHandle;
use crate::raw::{Counter, PutBack, SharedHome, Ticket, ValueHome};

/// Owns one value in a pool together with other handles, as `Rc` and `Arc` own one on the heap: the
/// last of them drops the value and frees the slot.
///
/// Comes from a [`SharedPool`](crate::SharedPool). Two words: the address of the value and that of
/// its *ticket*, where the count is. Operations on the handle itself are associated functions.
///
/// ```
/// use flagstone::{GrowingPool, SharedHandle, SharedPool};
///
/// let pool = SharedPool::new(GrowingPool::new(8));
/// let first = pool.alloc(String::from("shared"))?;
/// let second = SharedHandle::clone(&first);
/// drop(first);
/// assert_eq!(*second, "shared");
///
/// let weak = SharedHandle::downgrade(&second);
/// assert_eq!(SharedHandle::try_unwrap(second).unwrap(), "shared");
/// assert!(weak.upgrade().is_none());
/// # Ok::<(), flagstone::AllocError<String>>(())
/// ```
///
/// There is no `get_mut`: weak handles are not counted, so nobody could tell whether one is just
/// being upgraded.
///
/// # Invariants
///
/// 1. `value` points to the live value in the slot of `ticket`, to a part of it, or to something
///    that lives for ever.
/// 2. `ticket` is in a life in which this handle is counted. It is one of the tickets for homes of
///    type `H`, whose pool is alive as long as `'p`.
pub struct SharedHandle<'p, T: ?Sized, H: SharedHome> {
    value: NonNull<T>,
    ticket: NonNull<Ticket<H::Count>>,
    // Shares a `T` and a home, for as long as the pool.
    shares: PhantomData<(&'p (), H, T)>,
}

impl<'p, T: ?Sized, H: SharedHome> SharedHandle<'p, T, H> {
    /// # Safety
    ///
    /// The two invariants of the type.
    #[inline(always)]
    pub(crate) unsafe fn new(value: NonNull<T>, ticket: NonNull<Ticket<H::Count>>) -> Self {
        Self {
            value,
            ticket,
            shares: PhantomData,
        }
    }

    #[inline(always)]
    fn ticket(&self) -> &Ticket<H::Count> {
        // SAFETY: tickets stay as long as a home of the pool exists (invariant 2).
        unsafe { self.ticket.as_ref() }
    }

    /// The address of the value.
    #[must_use]
    pub const fn as_ptr(handle: &Self) -> NonNull<T> {
        handle.value
    }

    /// How many handles share the value at this moment. (A weak handle that finds its value gone may
    /// count for an instant as a handle of the value that has its ticket now.)
    #[must_use]
    pub fn strong_count(handle: &Self) -> usize {
        handle.ticket().count().handles()
    }

    /// Whether two handles share one value, whatever part of it they point to.
    #[must_use]
    pub fn same_value<U: ?Sized>(handle: &Self, other: &SharedHandle<'_, U, H>) -> bool {
        handle.ticket == other.ticket
    }

    /// A handle that does not keep the value.
    #[must_use]
    pub fn downgrade(handle: &Self) -> WeakHandle<'p, T, H> {
        let ticket = handle.ticket();
        // SAFETY: the root of a ticket in a life; the home that is made of it is not dropped.
        let home = ManuallyDrop::new(unsafe { H::from_root(ticket.root()) });
        let generation = ticket.count().generation();
        // SAFETY: the ticket is one of that home's pool; the generation is that of its present life,
        // in which it is the ticket of this value.
        unsafe { WeakHandle::new(handle.value, handle.ticket, generation, H::clone(&home)) }
    }

    /// Turns a handle to a value into one to a part of it, or to the value seen as another type:
    /// a field, a slice of an array, a trait object. The whole value stays as long as one of its
    /// handles does.
    ///
    /// ```
    /// use flagstone::{FixedPool, SharedHandle, SharedPool};
    ///
    /// let pool = SharedPool::new(FixedPool::new(1));
    /// let pair = pool.alloc((1, [2, 3]))?;
    /// let slice = SharedHandle::map(pair.clone(), |pair| &pair.1[..]);
    /// let shown = SharedHandle::map(pair, |pair| pair as &dyn std::fmt::Debug);
    /// assert_eq!(*slice, [2, 3]);
    /// assert_eq!(format!("{shown:?}"), "(1, [2, 3])");
    /// # Ok::<(), flagstone::AllocError<(i32, [i32; 2])>>(())
    /// ```
    pub fn map<U: ?Sized>(handle: Self, part: impl FnOnce(&T) -> &U) -> SharedHandle<'p, U, H> {
        // A panic drops the handle.
        let value = NonNull::from(part(&handle)); // USER CODE
        let handle = ManuallyDrop::new(handle);
        // SAFETY: a part of the live value, or something that lives for ever; the new handle is
        // counted in the place of the old one.
        unsafe { SharedHandle::new(value, handle.ticket) }
    }
}

impl<T, H: SharedHome + ValueHome<Value = T>> SharedHandle<'_, T, H> {
    /// Moves the value out and frees the slot, if this is the only handle.
    ///
    /// # Errors
    ///
    /// Gives the handle back when others share the value, or when it was [mapped](Self::map) to a
    /// part of it.
    pub fn try_unwrap(handle: Self) -> Result<T, Self> {
        let ticket = handle.ticket();
        let slot = ticket.slot();
        if slot != handle.value.cast() || !ticket.count().take_only() {
            return Err(handle);
        }
        let ticket = ManuallyDrop::new(handle).ticket;
        let mut value = MaybeUninit::<T>::uninit();
        let into = NonNull::from(&mut value).cast();
        // SAFETY: the count is 0 and this was the last handle.
        unsafe { last::<H>(ticket, |home| home.release(slot, into)) };
        // SAFETY: `release` returned, so it has moved the value here.
        Ok(unsafe { value.assume_init() })
    }
}

/// The value of a ticket leaves by `leave`, and the ticket goes back; each even if the one before
/// panics.
///
/// # Safety
///
/// The ticket's count has fallen to 0, and the caller was told so; it is one for homes of type `H`;
/// `leave` retires or releases the value in its slot.
unsafe fn last<H: SharedHome>(ticket: NonNull<Ticket<H::Count>>, leave: impl FnOnce(&H)) {
    // SAFETY: tickets stay as long as a home of the pool exists, and this life's does.
    let root = unsafe { ticket.as_ref() }.root();
    // Dropped last: it may be all that keeps the pool.
    // SAFETY: the root that this life began with; the count is 0, so no other home is made of it.
    let home = unsafe { H::from_root(root) };
    // SAFETY: the ticket is the caller's alone and not used once this has run.
    let back = PutBack::new(|| unsafe { home.put_ticket(ticket) });
    leave(&home);
    drop(back);
}

impl<T: ?Sized, H: SharedHome> Drop for SharedHandle<'_, T, H> {
    #[inline(always)]
    fn drop(&mut self) {
        /// The last handle drops the value.
        #[inline(never)]
        unsafe fn end<H: SharedHome>(ticket: NonNull<Ticket<H::Count>>) {
            // SAFETY: tickets stay as long as a home of the pool exists, and this life's does.
            let slot = unsafe { ticket.as_ref() }.slot();
            // SAFETY: the caller's promise; the value is live and nobody has a handle any more.
            unsafe { last::<H>(ticket, |home| home.retire(slot)) }
        }

        if self.ticket().count().drop_one() {
            // SAFETY: invariant 2, and the count has just told us.
            unsafe { end::<H>(self.ticket) }
        }
    }
}

impl<T: ?Sized, H: SharedHome> Clone for SharedHandle<'_, T, H> {
    /// One handle more; aborts the process when there are more than can be counted.
    #[inline(always)]
    fn clone(&self) -> Self {
        self.ticket().count().add();
        // SAFETY: as for this handle; the new one was counted above.
        unsafe { Self::new(self.value, self.ticket) }
    }
}

impl<T: ?Sized, H: SharedHome> Deref for SharedHandle<'_, T, H> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: live while a handle is counted (invariants 1 and 2); nobody has `&mut` to it.
        unsafe { self.value.as_ref() }
    }
}

// SAFETY: as for `Arc`: handles on several threads give out `&T`, and the last one drops the value
// wherever it is, which the home allows if it is `Send`. The home is cloned through shared tickets,
// and the count is touched by all: both must be `Sync`. A method that gives out `&mut T` must not be
// added.
unsafe impl<T, H> Send for SharedHandle<'_, T, H>
where
    T: ?Sized + Send + Sync,
    H: SharedHome + Send + Sync,
    H::Count: Sync,
{
}

// SAFETY: as above; `&SharedHandle` can be cloned.
unsafe impl<T, H> Sync for SharedHandle<'_, T, H>
where
    T: ?Sized + Send + Sync,
    H: SharedHome + Send + Sync,
    H::Count: Sync,
{
}

// The handle is a pointer: moving it does not move the value.
impl<T: ?Sized, H: SharedHome> Unpin for SharedHandle<'_, T, H> {}

impl<T: ?Sized, H: SharedHome> fmt::Pointer for SharedHandle<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
