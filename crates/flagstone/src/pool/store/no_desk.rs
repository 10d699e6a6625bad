//! Where nobody can wait.

/// Nobody stands at it.
pub(super) struct Desk;

impl Desk {
    pub(super) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(super) const fn is_wanted(&self) -> bool {
        false
    }

    pub(super) const fn hand_over(&self, _: core::ptr::NonNull<u8>) -> bool {
        false
    }

    pub(super) const fn forget(&self) {}
}
