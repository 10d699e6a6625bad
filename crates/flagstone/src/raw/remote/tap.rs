//! An owner with its core: what a cache is made of.

use core::ptr::NonNull;

use lock_api::RawMutex;

use super::{core::Core, owner::Owner, shape::RemoteShape, tenants::Tenants};
use crate::{error::OutOfMemory, provider::Provider};

/// Takes slots from slabs that it shares with its clones.
///
/// # Invariant
///
/// 1. `owner` is an owner of `core`, and no other's: it has a reference to it.
pub(crate) struct Tap<L: RawMutex + 'static, P: Provider, X: Tenants> {
    core: NonNull<Core<L, P, X>>,
    owner: Owner,
}

impl<L: RawMutex + 'static, P: Provider, X: Tenants> Tap<L, P, X> {
    /// The first of its kind, with a slab.
    pub(crate) fn new(
        shape: RemoteShape,
        lock: L,
        provider: P,
        tenants: X,
    ) -> Result<Self, OutOfMemory> {
        let tap = Self {
            core: Core::create(shape, lock, provider, tenants)?,
            owner: Owner::new(),
        };
        tap.supply()?;
        Ok(tap)
    }

    /// A free slot.
    ///
    /// # Safety
    ///
    /// The tap was made with that shape.
    #[inline(always)]
    pub(crate) unsafe fn take(&self, shape: RemoteShape) -> Result<NonNull<u8>, OutOfMemory> {
        loop {
            // SAFETY: the caller's promise.
            if let Some(slot) = unsafe { self.owner.take(shape) } {
                return Ok(slot);
            }
            self.supply()?;
        }
    }

    fn supply(&self) -> Result<(), OutOfMemory> {
        // SAFETY: invariant 1, and ours: the tap is `!Sync`.
        unsafe { Core::supply(self.core, &self.owner) }
    }

    /// What it shares with its clones.
    pub(crate) fn core(&self) -> &Core<L, P, X> {
        // SAFETY: invariant 1.
        unsafe { self.core.as_ref() }
    }

    /// Gives empty slabs back that are kept for the next who needs one; answers how many.
    pub(crate) fn shrink(&self) -> usize {
        // SAFETY: invariant 1.
        unsafe { Core::shrink(self.core) }
    }
}

/// Another owner of the same core, which has no slab yet.
impl<L: RawMutex + 'static, P: Provider, X: Tenants> Clone for Tap<L, P, X> {
    fn clone(&self) -> Self {
        self.core().add_owner();
        Self {
            core: self.core,
            owner: Owner::new(),
        }
    }
}

impl<L: RawMutex + 'static, P: Provider, X: Tenants> Drop for Tap<L, P, X> {
    fn drop(&mut self) {
        // SAFETY: invariant 1; neither is used again.
        unsafe { Core::drop_owner(self.core, &self.owner) }
    }
}
