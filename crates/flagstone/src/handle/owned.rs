//! Exclusive ownership of a value in a slot.
#![expect(unsafe_code, reason = "dereferences the slot it owns")]

use core::{
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    pin::Pin,
    ptr::NonNull,
};

use crate::raw::{Home, Mapped, PinHome, ValueHome};

/// Owns one value in a pool, as `Box` owns one on the heap: reads and writes go straight to the
/// slot, dropping it drops the value and frees the slot.
///
/// Two words for a contiguous pool, one for a pool of slabs. Operations on the handle itself are
/// associated functions (`OwnedHandle::into_inner(handle)`), so that methods of `T` are not hidden.
///
/// ```
/// use flagstone::{FixedPool, OwnedHandle};
///
/// let pool = FixedPool::new(2);
/// let mut name = pool.alloc(String::from("flag"))?;
/// name.push_str("stone");
/// assert_eq!(*name, "flagstone");
/// assert_eq!(OwnedHandle::into_inner(name), "flagstone");
/// assert_eq!(pool.available(), 2);
/// # Ok::<(), flagstone::AllocError<String>>(())
/// ```
///
/// The handle cannot outlive its pool, and the pool cannot move or be dropped while it exists:
///
/// ```compile_fail,E0505
/// # use flagstone::FixedPool;
/// let pool = FixedPool::new(1);
/// let handle = pool.alloc(1).unwrap();
/// drop(pool);
/// println!("{}", *handle);
/// ```
///
/// # Invariants
///
/// 1. `slot` points to a live `T` in a slot in use, which belongs to this handle alone. It is the
///    address of that slot, unless the home is a [`Mapped`] one, which remembers the slot itself.
/// 2. `home` is the home of that slot, alive as long as `'p`.
///
/// It is invariant in `T`, unlike a `Box`: the home, and with it hooks, policies and whoever is handed
/// the slot next, believes the slot to hold the very type that was placed, so nothing that lives
/// shorter may be written to it.
pub struct OwnedHandle<'p, T: ?Sized, H: Home> {
    slot: NonNull<T>,
    home: H,
    // Owns a `T`, for as long as the pool; invariant in `T`.
    owns: PhantomData<(&'p (), *mut T, T)>,
}

impl<'p, T: ?Sized, H: Home> OwnedHandle<'p, T, H> {
    /// # Safety
    ///
    /// The two invariants of the type.
    #[inline(always)]
    pub(crate) unsafe fn new(slot: NonNull<T>, home: H) -> Self {
        Self {
            slot,
            home,
            owns: PhantomData,
        }
    }

    /// The address of the value.
    #[must_use]
    pub const fn as_ptr(handle: &Self) -> NonNull<T> {
        handle.slot
    }

    /// Turns a handle to a value into one to a part of it, or to the value seen as another type:
    /// a field, a slice of an array, a trait object. The whole value stays, and is dropped with the
    /// new handle. One word more than before.
    ///
    /// ```
    /// use flagstone::{FixedPool, OwnedHandle};
    ///
    /// let numbers = FixedPool::new(1);
    /// let slice = OwnedHandle::map(numbers.alloc([3, 1, 2])?, |array| &mut array[1..]);
    /// assert_eq!(*slice, [1, 2]);
    ///
    /// let texts = FixedPool::new(1);
    /// let shown = OwnedHandle::map(texts.alloc("text")?, |text| {
    ///     text as &mut dyn std::fmt::Display
    /// });
    /// assert_eq!(shown.to_string(), "text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<U: ?Sized>(
        mut handle: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> OwnedHandle<'p, U, Mapped<H>> {
        // A panic drops the handle, and with it the value.
        let part = NonNull::from(part(&mut handle)); // USER CODE
        let (slot, home) = Self::into_parts(handle);
        // SAFETY: the slot and home were this handle's, and are given on together.
        let home = unsafe { Mapped::new(slot.cast(), home) };
        // SAFETY: a part of the live value, ours alone as the whole was, or something that lives for
        // ever; the home knows the slot.
        unsafe { OwnedHandle::new(part, home) }
    }

    /// How the slot goes back. Not public: a handle is `Sync` although its home may not be.
    pub(crate) fn home(handle: &Self) -> &H {
        &handle.home
    }

    /// The parts of the handle, which is given up.
    pub(crate) fn into_parts(handle: Self) -> (NonNull<T>, H) {
        let handle = ManuallyDrop::new(handle);
        // SAFETY: `handle` is never dropped, so the home is moved out once.
        let home = unsafe { core::ptr::read(&raw const handle.home) };
        (handle.slot, home)
    }
}

impl<T: ?Sized, H: PinHome> OwnedHandle<'_, T, H> {
    /// Pins the value: its slot does not move, and the value is dropped before the slot is used for
    /// anything else, even if the handle or the pool is forgotten.
    ///
    /// Only for pools without hooks, which would get `&mut T`, and on providers that are `'static`,
    /// because borrowed memory is used again after a pool in it was forgotten. (A handle to a value
    /// that is `Unpin` can always be pinned with `Pin::new`.)
    ///
    /// ```
    /// use core::{future::Future, pin::Pin, task::{Context, Poll, Waker}};
    /// use flagstone::{FixedPool, OwnedHandle};
    ///
    /// let pool = FixedPool::new(1);
    /// let mut future: Pin<OwnedHandle<'_, _, _>> =
    ///     OwnedHandle::into_pin(pool.alloc(async { 7 }).ok().unwrap());
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(7));
    /// ```
    pub fn into_pin(handle: Self) -> Pin<Self> {
        // SAFETY: the slot never moves; `Pin` takes away the handle's own ways to move the value,
        // and `PinHome` promises that there are no others and that it is dropped in time.
        unsafe { Pin::new_unchecked(handle) }
    }
}

impl<T, H: ValueHome<Value = T>> OwnedHandle<'_, T, H> {
    /// Gives up the handle without dropping the value: the slot stays in use until the pointer
    /// comes back through the pool's `from_raw`, or the pool is cleared or dropped, which drops
    /// the value; a handle that kept its pool alive keeps it no longer. Keep the pointer itself: one
    /// made from a reference to the value is not good enough, because it may be used for the value
    /// only.
    #[must_use = "the slot stays in use until the pointer comes back"]
    pub fn into_raw(handle: Self) -> NonNull<T> {
        Self::into_parts(handle).0
    }

    /// Moves the value out and frees the slot. The pool's release hook runs first; if it panics, the
    /// value is dropped and the slot freed.
    pub fn into_inner(handle: Self) -> T {
        let (slot, home) = Self::into_parts(handle);
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: invariants 1 and 2; the slot is not used afterwards; room for a `T` is ours.
        unsafe { home.release(slot.cast(), NonNull::from(&mut value).cast()) };
        // SAFETY: `release` returned, so it has moved the value here.
        unsafe { value.assume_init() }
    }
}

impl<T: ?Sized, H: Home> Deref for OwnedHandle<'_, T, H> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: a live `T` (invariant 1); `&self` rules out a mutable reference through us.
        unsafe { self.slot.as_ref() }
    }
}

impl<T: ?Sized, H: Home> DerefMut for OwnedHandle<'_, T, H> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: a live `T` that is ours alone (invariant 1); `&mut self` rules out any other
        // reference through us.
        unsafe { self.slot.as_mut() }
    }
}

impl<T: ?Sized, H: Home> Drop for OwnedHandle<'_, T, H> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2, and nothing uses the slot after the handle's own drop.
        unsafe { self.home.retire(self.slot.cast()) }
    }
}

// SAFETY: the handle owns the value, so sending it sends a `T`; it also sends the home, through
// which the slot is freed on the other thread. A method that reaches further than the slot and its
// home must not be added without another bound.
unsafe impl<T: ?Sized + Send, H: Home + Send> Send for OwnedHandle<'_, T, H> {}

// SAFETY: `&OwnedHandle` gives out `&T` and facts of the pool's geometry that never change, nothing
// else; a method that changes the pool through `&self` must not be added.
unsafe impl<T: ?Sized + Sync, H: Home> Sync for OwnedHandle<'_, T, H> {}

// The handle is a pointer: moving it does not move the value.
impl<T: ?Sized, H: Home> Unpin for OwnedHandle<'_, T, H> {}

impl<T: ?Sized, H: Home> fmt::Pointer for OwnedHandle<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)
    }
}
