//! Without `alloc` there are no boxed closures, so a pool makes no values itself.

use core::{marker::PhantomData, ptr::NonNull};

use crate::pool::InitializationStrategy;

/// No initializer, and nothing made ahead.
#[derive(Debug)]
pub struct Initial<T>(PhantomData<fn() -> T>);

impl<T> Initial<T> {
    pub(in crate::pool) fn new(strategy: InitializationStrategy<T>, _ahead: bool) -> Self {
        match strategy {
            InitializationStrategy::Lazy => Self(PhantomData),
            InitializationStrategy::Never(never, _) => match never {},
        }
    }

    pub(in crate::pool) fn initializer(&self) -> Option<fn() -> T> {
        None
    }

    pub(in crate::pool) fn unpark(&self) -> Option<NonNull<u8>> {
        None
    }

    pub(in crate::pool) fn parked(&self) -> usize {
        0
    }

    pub(in crate::pool) fn holds(&self, _slot: NonNull<u8>) -> bool {
        false
    }

    pub(in crate::pool) fn sort(&mut self) {}

    pub(in crate::pool) fn is_parked(&self, _slot: NonNull<u8>) -> bool {
        false
    }
}
