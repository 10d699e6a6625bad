//! The lock of those who name none.

#[cfg(not(all(feature = "parking_lot", not(any(loom, shuttle)))))]
use super::SpinLock;

/// The lock of shared pools that name none: `parking_lot`'s, with the feature of that name.
#[cfg(all(feature = "parking_lot", not(any(loom, shuttle))))]
pub type DefaultLock = parking_lot::RawMutex;
/// The lock of shared pools that name none: the [`SpinLock`], without the feature `parking_lot`.
#[cfg(not(all(feature = "parking_lot", not(any(loom, shuttle)))))]
pub type DefaultLock = SpinLock;

/// An unlocked one, also under a model checker.
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub(crate) fn default_lock() -> DefaultLock {
    #[cfg(not(any(loom, shuttle)))]
    return super::unlocked();
    #[cfg(any(loom, shuttle))]
    SpinLock::new()
}
