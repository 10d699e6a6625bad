//! A handle that does not keep its value.
#![expect(unsafe_code, reason = "reads a ticket and becomes a shared handle")]

use core::{fmt, ptr::NonNull};

use super::SharedHandle;
use crate::raw::{Counter, SharedHome, Ticket};

/// Points to a value that [`SharedHandle`]s share, without keeping it: for links back to a parent,
/// for caches, for whoever only looks.
///
/// It keeps or borrows the pool, as the handle it came from does. Once the value is gone it never
/// upgrades again, whatever lies in the slot meanwhile and even if the slab was returned: the
/// value's ticket outlives the slab, and has a generation of 64 bits.
///
/// Cloning and dropping one touches no count.
///
/// # Invariants
///
/// 1. `ticket` is one of `home`'s pool for homes of type `H`.
/// 2. In the life of `ticket` that has the number `generation`, `value` points to what a shared
///    handle of it points to.
pub struct WeakHandle<'p, T: ?Sized, H: SharedHome> {
    value: NonNull<T>,
    ticket: NonNull<Ticket<H::Count>>,
    generation: u64,
    home: H,
    life: core::marker::PhantomData<&'p ()>,
}

impl<'p, T: ?Sized, H: SharedHome> WeakHandle<'p, T, H> {
    /// # Safety
    ///
    /// The two invariants of the type.
    pub(crate) unsafe fn new(
        value: NonNull<T>,
        ticket: NonNull<Ticket<H::Count>>,
        generation: u64,
        home: H,
    ) -> Self {
        Self {
            value,
            ticket,
            generation,
            home,
            life: core::marker::PhantomData,
        }
    }

    fn ticket(&self) -> &Ticket<H::Count> {
        // SAFETY: tickets stay as long as a home of the pool exists (invariant 1).
        unsafe { self.ticket.as_ref() }
    }

    /// A shared handle, if the value still has one.
    #[must_use]
    pub fn upgrade(&self) -> Option<SharedHandle<'p, T, H>> {
        let count = self.ticket().count();
        // Most stale handles are found out here. The answer may be an old one: see below.
        if count.generation() != self.generation || !count.add_unless_zero() {
            return None;
        }
        // SAFETY: counted above, in some life of the ticket; not dereferenced before it is known in
        // which.
        let handle = unsafe { SharedHandle::new(self.value, self.ticket) };
        // Counted, so that life goes on, and its number is seen. If it is a later one, the ticket
        // was used again in between: the handle, which may be its last by now, is dropped.
        (count.generation() == self.generation).then_some(handle)
    }

    /// Whether the value is gone for good. `false` may be old by the time it is read.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let count = self.ticket().count();
        count.generation() != self.generation || count.handles() == 0
    }

    /// Whether both point to one value, whatever part of it, be it gone or not.
    #[must_use]
    pub fn same_value<U: ?Sized>(&self, other: &WeakHandle<'_, U, H>) -> bool {
        self.ticket == other.ticket && self.generation == other.generation
    }
}

impl<T: ?Sized, H: SharedHome> Clone for WeakHandle<'_, T, H> {
    fn clone(&self) -> Self {
        Self {
            home: self.home.clone(),
            ..*self
        }
    }
}

impl<T: ?Sized, H: SharedHome> fmt::Debug for WeakHandle<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_stale() {
            "WeakHandle(stale)"
        } else {
            "WeakHandle"
        })
    }
}

// SAFETY: it becomes a shared handle wherever it is: as for those.
unsafe impl<T, H> Send for WeakHandle<'_, T, H>
where
    T: ?Sized + Send + Sync,
    H: SharedHome + Send + Sync,
    H::Count: Sync,
{
}

// SAFETY: as above.
unsafe impl<T, H> Sync for WeakHandle<'_, T, H>
where
    T: ?Sized + Send + Sync,
    H: SharedHome + Send + Sync,
    H::Count: Sync,
{
}

impl<T: ?Sized, H: SharedHome> Unpin for WeakHandle<'_, T, H> {}
