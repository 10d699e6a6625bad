//! Free slots one by one.

use core::{ptr, ptr::NonNull};

use crate::{
    corruption::hooks,
    sync::atomic::{AtomicPtr, Ordering},
};

/// What stands for "closed" where the first slot would be.
fn closed() -> *mut u8 {
    ptr::without_provenance_mut(usize::MAX)
}

/// A list of free slots that many threads add to, and that is only ever taken as a whole: so no
/// thread reads a link of a slot that another may have taken, and there is nothing a reused address
/// could deceive.
///
/// # Invariants
///
/// 1. `head` is null, or a free slot that belongs to the list and starts with the address of the next
///    or null, or `closed()`: for ever, or while slots are wanted elsewhere.
/// 2. Slots are at least a pointer wide.
pub(super) struct Loose {
    head: AtomicPtr<u8>,
}

impl Loose {
    pub(super) fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Whether there is a slot, at a moment that may be over.
    pub(super) fn is_empty(&self) -> bool {
        self.look().is_none()
    }

    /// The first slot, at a moment that may be over.
    fn look(&self) -> Option<NonNull<u8>> {
        // Acquire: whoever saw a slot given back sees it here. A hint all the same.
        NonNull::new(self.head.load(Ordering::Acquire)).filter(|slot| slot.as_ptr() != closed())
    }

    /// Adds a slot; `false`, and nothing done, when the list is closed.
    ///
    /// # Safety
    ///
    /// The slot is free, `stride` bytes wide, and the caller's.
    pub(super) unsafe fn push(&self, slot: NonNull<u8>, stride: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.add(slot, stride, false) }
    }

    /// As [`push`](Self::push), of a pool that is there, whether or not the list is shut.
    ///
    /// # Safety
    ///
    /// As for `push`.
    pub(super) unsafe fn push_anyway(&self, slot: NonNull<u8>, stride: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.add(slot, stride, true) };
    }

    /// # Safety
    ///
    /// As for `push`.
    unsafe fn add(&self, slot: NonNull<u8>, stride: usize, anyway: bool) -> bool {
        // Relaxed: a guess that the exchange verifies.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let mut first = head;
            if head == closed() {
                if !anyway {
                    return false;
                }
                first = ptr::null_mut();
            }
            // SAFETY: the caller's promise.
            unsafe { link(slot, first, stride) };
            // Release: pairs with the Acquire of who takes the list. Relaxed on failure: the head is
            // only written into a link.
            match self.head.compare_exchange_weak(
                head,
                slot.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all slots. A list that is shut stays so.
    pub(super) fn take(&self) -> Option<NonNull<u8>> {
        let mut first = self.look()?;
        loop {
            // Acquire: pairs with the Release of every push; exchanges in between carry it on. If the slot was
            // taken and has come back meanwhile, it is the first of all that are there.
            match self.head.compare_exchange_weak(
                first.as_ptr(),
                ptr::null_mut(),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(first),
                Err(_) => first = self.look()?,
            }
        }
    }

    /// Lets no slot in until it is [opened](Self::open), if it is empty; whether none is let in now.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(super) fn shut(&self) -> bool {
        // Release, as every change but that of who takes: nothing is read through it, as who is refused asks under
        // the queue's lock. Relaxed on failure: nothing is read.
        let shut = self.head.compare_exchange(
            ptr::null_mut(),
            closed(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        shut.is_ok() || shut == Err(closed())
    }

    /// Lets slots in again, if none was let in. Not after [`close`](Self::close).
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(super) fn open(&self) {
        // Relaxed on failure: slots are in it, or it was open. Release: as in `shut`.
        let _ = self.head.compare_exchange(
            closed(),
            ptr::null_mut(),
            Ordering::Release,
            Ordering::Relaxed,
        );
    }

    /// Puts the rest of a list back that was taken, in one step, if no slot was added meanwhile.
    ///
    /// # Safety
    ///
    /// `rest` is the caller's, and so are the slots that hang on it.
    pub(super) unsafe fn restore(&self, rest: NonNull<u8>) -> bool {
        // Release: pairs with the Acquire of who takes the list. Relaxed on failure: nothing is read.
        self.head
            .compare_exchange(
                ptr::null_mut(),
                rest.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Takes all slots, and refuses others from now on.
    pub(super) fn close(&self) -> Option<NonNull<u8>> {
        // Acquire: as in `take`.
        NonNull::new(self.head.swap(closed(), Ordering::Acquire))
            .filter(|slot| slot.as_ptr() != closed())
    }
}

/// Writes the address of the next slot into a free one.
///
/// # Safety
///
/// `slot` is the caller's, free, and `stride` bytes wide, a pointer at least.
unsafe fn link(slot: NonNull<u8>, next: *mut u8, stride: usize) {
    hooks::slot_opened(slot, stride);
    // Unaligned, because slots of byte arrays need not be aligned for a pointer.
    // SAFETY: the caller's promise.
    unsafe { slot.cast::<*mut u8>().write_unaligned(next) };
    hooks::slot_closed(slot, stride);
}

/// The slot after one of a list that was taken.
///
/// # Safety
///
/// `slot` is the caller's and starts with a link.
pub(super) unsafe fn next(slot: NonNull<u8>, stride: usize) -> Option<NonNull<u8>> {
    hooks::slot_opened(slot, stride);
    // SAFETY: the caller's promise.
    let next = unsafe { slot.cast::<*mut u8>().read_unaligned() };
    hooks::slot_closed(slot, stride);
    NonNull::new(next)
}
