//! A depot for whose slots nobody can wait.

use core::ptr::NonNull;

use super::{
    depot::Depot,
    desk::{Desk, Panicked},
    put::Put,
};

impl Depot {
    pub(super) fn serve(&self) -> Panicked {
        Panicked::default()
    }

    /// Takes a slot back that was refused, because the pool is gone.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn refused(
        this: NonNull<Self>,
        _: NonNull<u8>,
        _: impl FnMut() -> bool,
    ) -> Put {
        // SAFETY: the slot keeps the depot; an atomic, so that nothing else is borrowed when it is gone.
        Put::back(unsafe { &(*this.as_ptr()).owed })
    }

    pub(super) fn hand_over(&self, _: NonNull<u8>, _: &mut Panicked) -> bool {
        false
    }

    pub(super) fn end_line(&self) {
        let Desk = self.desk;
    }
}
