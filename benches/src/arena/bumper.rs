//! What an arena must be able to do to take part.
//!
//! In parts, because not everybody can do everything: an event's contenders are those that have what
//! its workload needs. As with pools, calls are inlined into the workloads.

use std::{alloc::Layout, ptr::NonNull};

use allocator_api2_02::alloc::Allocator;

use crate::contender::Role;

/// Memory that is handed out piece by piece and taken back as a whole.
pub(crate) trait Bumper: Sized + 'static {
    /// As the tables and the instruction budget name it: no spaces.
    const NAME: &'static str;
    /// Floor, ours or rival.
    const ROLE: Role;

    /// An empty one, as its documentation makes it first. `bytes` is what will be in it at most, for
    /// floors, which do not grow.
    fn fresh(bytes: usize) -> Self;

    /// Takes everything back and keeps the memory, if it can.
    fn reset(&mut self);
}

/// Stores numbers.
pub(crate) trait Numbers: Bumper {
    /// Where `number` was put.
    fn number(&self, number: u64) -> NonNull<u64>;
}

/// Stores values of any type.
pub(crate) trait Values: Bumper {
    /// Where `value` was put.
    fn value<T: Copy + 'static>(&self, value: T) -> NonNull<T>;
}

impl<B: Values> Numbers for B {
    #[inline(always)]
    fn number(&self, number: u64) -> NonNull<u64> {
        self.value(number)
    }
}

/// Stores values, and says so when it cannot.
pub(crate) trait TryNumbers: Bumper {
    /// Where `number` was put, if anywhere.
    fn try_number(&self, number: u64) -> Option<NonNull<u64>>;
}

/// Stores strings.
pub(crate) trait Texts: Bumper {
    /// Where a copy of `text` was put.
    fn text(&self, text: &str) -> NonNull<u8>;
}

/// Hands out room for a layout that the compiler does not know.
pub(crate) trait Rooms: Bumper {
    /// Room that nobody else has.
    fn room(&self, layout: Layout) -> NonNull<u8>;
}

/// Collections grow in it.
pub(crate) trait Collections: Bumper {
    /// What collections are given.
    type Allocator<'a>: Allocator + Copy
    where
        Self: 'a;

    /// What a collection is given.
    fn allocator(&self) -> Self::Allocator<'_>;
}

/// Several threads allocate, each for itself or all in one.
pub(crate) trait Shared: Sync + Sized + 'static {
    /// As the tables name it.
    const NAME: &'static str;
    /// Floor, ours or rival.
    const ROLE: Role;

    /// An empty one for at most so many threads.
    fn for_threads(threads: usize) -> Self;

    /// Allocates `count` numbers in thread number `thread`: calls [`drive`](super::threads::drive)
    /// with the way to allocate one.
    fn work(&self, thread: usize, count: u64);

    /// Takes everything back.
    fn reset(&mut self);
}
