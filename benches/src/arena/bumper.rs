//! What an arena must be able to do to take part.
//!
//! In parts, because not everybody can do everything: an event's contenders are those that have what
//! its workload needs. As with pools, calls are inlined into the workloads.

use std::{alloc::Layout, hint::black_box, ptr::NonNull};

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

/// Numbers that a thread allocates in a window: with 8 bytes each they stay in the second-level
/// cache of most machines.
pub(super) const WINDOW: u64 = 1 << 16;

/// Allocates `count` numbers and makes the optimiser believe that each is used.
#[inline(always)]
pub(super) fn drive<A>(arena: &A, count: u64, place: impl Fn(&A, u64) -> NonNull<u64>) {
    // Seen by the optimiser as shared, so that nothing of it stays in registers between two calls.
    let arena = black_box(arena);
    for number in 0..count {
        black_box(place(arena, number));
    }
}
