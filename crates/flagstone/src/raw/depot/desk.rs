//! Where those stand who wait for a slot of a depot.

pub(super) use crate::raw::wait::Panicked;
use crate::{
    raw::wait::{Given, WaitQueue},
    sync::atomic::AtomicBool,
};

/// Where slots are handed over.
///
/// # Invariants
///
/// 1. While somebody waits and the queue's lock is free, `WANTED` is set in the depot's `moves`; caches,
///    loose list and exact stack are shut; and what is left elsewhere is with somebody who has begun a
///    move and asks at its end.
/// 2. What is said in 1 changes under the queue's lock. The registry's lock comes after it.
pub(super) struct Desk {
    /// Beside the line: whether nobody may wait any more.
    pub(super) queue: WaitQueue<bool, (), Given>,
    /// Whether the pool is gone; under the queue's lock.
    pub(super) gone: AtomicBool,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            queue: WaitQueue::new(false),
            gone: AtomicBool::new(false),
        }
    }
}
