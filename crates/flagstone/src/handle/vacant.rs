//! Exclusive ownership of a slot that holds nothing yet.
#![expect(unsafe_code, reason = "writes into the slot it owns")]

use core::{
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ptr::NonNull,
};

use super::OwnedHandle;
use crate::raw::Home;

/// Owns an empty slot: to reserve it before the value exists, or to build a large value in place.
///
/// Any number may be out at once. Dropping it frees the slot.
///
/// ```
/// use flagstone::FixedPool;
///
/// let pool = FixedPool::<[u8; 1024]>::new(1);
/// let mut slot = pool.alloc_uninit()?;
/// assert!(pool.is_full());
/// let handle = slot.write([7; 1024]);
/// assert_eq!(handle[1023], 7);
/// # Ok::<(), flagstone::AllocError>(())
/// ```
///
/// If it is forgotten (`core::mem::forget`), the pool cannot tell its slot from one with a value,
/// so a pool that is dropped with forgotten vacant handles leaks its chunks and provider, and drops
/// no values, rather than guess.
///
/// # Invariants
///
/// 1. `slot` is a slot in use, large enough for a `T`, that holds no value and belongs to this
///    handle alone.
/// 2. `home` is the home of that slot, alive as long as `'p`.
///
/// It is invariant in `T`, for what is written to the slot is what the home believes to be there.
pub struct VacantHandle<'p, T, H: Home> {
    slot: NonNull<MaybeUninit<T>>,
    home: H,
    // For as long as the pool; invariant in `T`.
    life: PhantomData<(&'p (), *mut T)>,
}

impl<'p, T, H: Home> VacantHandle<'p, T, H> {
    /// # Safety
    ///
    /// The two invariants of the type.
    pub(crate) unsafe fn new(slot: NonNull<T>, home: H) -> Self {
        Self {
            slot: slot.cast(),
            home,
            life: PhantomData,
        }
    }

    /// Puts `value` into the slot. The pool's acquire hook runs; if it panics, the value is dropped
    /// and the slot freed.
    pub fn write(mut self, value: T) -> OwnedHandle<'p, T, H> {
        self.as_uninit_mut().write(value);
        // SAFETY: initialised on the line above.
        unsafe { self.assume_init() }
    }

    /// The slot's memory, to be filled in place.
    pub fn as_uninit_mut(&mut self) -> &mut MaybeUninit<T> {
        // SAFETY: ours alone (invariant 1), and `MaybeUninit` needs no value.
        unsafe { self.slot.as_mut() }
    }

    /// Declares the value in the slot complete. The pool's acquire hook runs, as in
    /// [`write`](Self::write).
    ///
    /// # Safety
    ///
    /// The slot holds a valid `T`.
    #[must_use]
    pub unsafe fn assume_init(self) -> OwnedHandle<'p, T, H> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so the home is moved out once.
        let home = unsafe { core::ptr::read(&raw const this.home) };
        let slot = this.slot.cast::<T>();
        // SAFETY: the slot was handed out empty to us and holds a value by the caller's promise.
        unsafe { home.occupy(slot.cast()) };
        // SAFETY: a slot in use with a value that is ours; if the hook panics, nobody uses it.
        unsafe { home.welcome(slot.cast()) };
        // SAFETY: the slot holds a live value and is ours alone; the home is its own.
        unsafe { OwnedHandle::new(slot, home) }
    }
}

impl<T, H: Home> Drop for VacantHandle<'_, T, H> {
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2; nothing uses the slot afterwards.
        unsafe { self.home.vacate(self.slot.cast()) }
    }
}

// SAFETY: sending it sends an empty slot and the home; a value is put in on the other thread and
// may come back, which needs `T: Send`.
unsafe impl<T: Send, H: Home + Send> Send for VacantHandle<'_, T, H> {}

// SAFETY: `&VacantHandle` gives out nothing at all.
unsafe impl<T, H: Home> Sync for VacantHandle<'_, T, H> {}

impl<T, H: Home> Unpin for VacantHandle<'_, T, H> {}

impl<T, H: Home> fmt::Debug for VacantHandle<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantHandle").field(&self.slot).finish()
    }
}
