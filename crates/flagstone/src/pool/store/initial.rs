//! Values that the pool makes itself.

use alloc::vec::Vec;
use core::{alloc::Layout, cell::Cell, fmt, ptr::NonNull};

use crate::{
    error::{ConfigError, OutOfMemory},
    pool::{InitializationStrategy, config::Initializer},
};

/// The initializer of a pool, and the slots whose values it has made ahead.
///
/// # Invariant
///
/// 1. `parked` holds taken slots with live values of the pool that no handle owns.
pub struct Initial<T> {
    initializer: Option<Initializer<T>>,
    eager: bool,
    // Taken out and put back around every use, so that nothing is borrowed while user code runs.
    parked: Cell<Vec<NonNull<u8>>>,
}

impl<T> Initial<T> {
    /// What `strategy` says; `ahead` makes values when the pool is built, if there is an initializer.
    pub(in crate::pool) fn new(strategy: InitializationStrategy<T>, ahead: bool) -> Self {
        let (initializer, eager) = match strategy {
            InitializationStrategy::Lazy => (None, false),
            InitializationStrategy::Eager(initializer) => (Some(initializer), true),
            InitializationStrategy::Custom { initializer, .. } => (Some(initializer), ahead),
        };
        Self {
            initializer,
            eager,
            parked: Cell::default(),
        }
    }

    /// The initializer, if values are to be made when the pool is built.
    pub(in crate::pool) fn ahead(&self) -> Option<&Initializer<T>> {
        self.initializer.as_ref().filter(|_| self.eager)
    }

    /// What makes a value, if anything does.
    pub(in crate::pool) fn initializer(&self) -> Option<&Initializer<T>> {
        self.initializer.as_ref()
    }

    fn with_parked<R>(&self, f: impl FnOnce(&mut Vec<NonNull<u8>>) -> R) -> R {
        let mut parked = self.parked.take();
        let result = f(&mut parked);
        self.parked.set(parked);
        result
    }

    /// Makes room for `more` parked slots, so that parking them cannot fail: 8 bytes a slot.
    pub(in crate::pool) fn reserve(&self, more: usize) -> Result<(), ConfigError> {
        let room = self.with_parked(|parked| parked.try_reserve_exact(more));
        room.map_err(|_| {
            let layout = Layout::array::<NonNull<u8>>(more);
            OutOfMemory::new(layout.unwrap_or(Layout::new::<NonNull<u8>>())).into()
        })
    }

    /// Keeps a taken slot with a value in it.
    pub(in crate::pool) fn park(&self, slot: NonNull<u8>) {
        self.with_parked(|parked| parked.push(slot));
    }

    /// A slot parked before; its value is the caller's now.
    pub(in crate::pool) fn unpark(&self) -> Option<NonNull<u8>> {
        self.with_parked(Vec::pop)
    }

    /// How many slots are parked.
    pub(in crate::pool) fn parked(&self) -> usize {
        self.with_parked(|parked| parked.len())
    }

    /// Whether `slot` is parked; looks at all of them.
    pub(in crate::pool) fn holds(&self, slot: NonNull<u8>) -> bool {
        self.with_parked(|parked| parked.contains(&slot))
    }

    /// Sorts the parked slots for [`is_parked`](Self::is_parked).
    pub(in crate::pool) fn sort(&mut self) {
        self.parked.get_mut().sort_unstable();
    }

    /// Whether `slot` is parked; the parked slots are sorted.
    pub(in crate::pool) fn is_parked(&self, slot: NonNull<u8>) -> bool {
        self.with_parked(|parked| parked.binary_search(&slot).is_ok())
    }
}

impl<T> fmt::Debug for Initial<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initial")
            .field("parked", &self.parked())
            .finish_non_exhaustive()
    }
}
