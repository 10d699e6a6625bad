//! Without the feature `stats` nothing is counted.

use crate::error::AllocErrorKind;

/// No counters: a type without bytes whose calls do nothing.
#[derive(Debug, Default)]
pub struct Collector(());

impl Collector {
    pub(crate) const ACTIVE: bool = false;

    pub(crate) const fn new() -> Self {
        Self(())
    }

    #[inline(always)]
    pub(crate) fn allocated(&self) {}

    #[inline(always)]
    pub(crate) fn placed(&self) {}

    #[cfg(all(feature = "std", target_has_atomic = "64"))]
    #[inline(always)]
    pub(crate) fn absorb(&self, _other: &Self) {}

    #[inline(always)]
    pub(crate) fn continue_from(&self, _other: &Self) {}

    #[inline(always)]
    pub(crate) fn freed(&self) {}

    #[inline(always)]
    pub(crate) fn refused(&self, _kind: AllocErrorKind) {}

    #[inline(always)]
    pub(crate) fn grew(&self) {}

    #[inline(always)]
    pub(crate) fn chunk_added(&self, _bytes: usize) {}

    #[inline(always)]
    pub(crate) fn chunk_returned(&self, _bytes: usize) {}

    #[inline(always)]
    pub(crate) fn created(&self) {}

    #[inline(always)]
    pub(crate) fn reset(&self) {}

    #[inline(always)]
    pub(crate) fn rejected(&self) {}

    #[inline(always)]
    pub(crate) fn discarded(&self) {}
}

// Nothing is counted, so nothing is there.
const _: () = assert!(size_of::<Collector>() == 0);
