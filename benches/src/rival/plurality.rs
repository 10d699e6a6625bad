//! `plurality`'s pool, with the handle that borrows it and the one that does not.

use std::hint::black_box;

use ::plurality::{Alloc, Box, Pool};

use crate::{
    contender::{Contender, Role},
    payload::Payload,
};

/// Slots of a chunk, as many as `Contender::slots_per_slab` says: its user chooses, and its
/// default is half of that.
const CHUNK: u32 = 64;

/// The handle that borrows its pool, the cheapest there.
pub(crate) struct PluralityAlloc<T>(Pool<T>);

impl<T: Payload> Contender for PluralityAlloc<T> {
    const NAME: &'static str = "plurality::Alloc";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = Alloc<'p, T>;

    fn with_capacity(_: usize) -> Self {
        Self(Pool::builder().chunk_size(CHUNK).build())
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> Alloc<'_, T> {
        self.0.alloc(value)
    }

    #[inline(always)]
    fn free<'p>(&'p self, handle: Alloc<'p, T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p Alloc<'_, T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &Alloc<'_, T>) {
        black_box(&raw const **handle);
    }
}

/// The handle that keeps its pool alive and may leave the thread.
pub(crate) struct PluralityBox<T>(Pool<T>);

impl<T: Payload> Contender for PluralityBox<T> {
    const NAME: &'static str = "plurality::Box";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = Box<T>;

    fn with_capacity(_: usize) -> Self {
        Self(Pool::builder().chunk_size(CHUNK).build())
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> Box<T> {
        self.0.alloc_box(value)
    }

    #[inline(always)]
    fn free(&self, handle: Box<T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p Box<T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &Box<T>) {
        black_box(&raw const **handle);
    }
}
