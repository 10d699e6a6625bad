//! One allocation per value: `Box` on the system's allocator, and its like on mimalloc.

#![expect(unsafe_code, reason = "only one allocator can be the global one")]

use std::{
    alloc::{GlobalAlloc, Layout},
    hint::black_box,
    marker::PhantomData,
    ptr::NonNull,
};

use mimalloc::MiMalloc;

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// `Box` on the allocator of the process, glibc's malloc on Linux with it.
pub(crate) struct SystemBox<T>(PhantomData<T>);

impl<T: Payload> Contender for SystemBox<T> {
    const NAME: &'static str = "Box(system)";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = Box<T>;

    fn with_capacity(_: usize) -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> Box<T> {
        Box::new(value)
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

/// The same on mimalloc, called directly: two global allocators do not fit one process.
pub(crate) struct MimallocBox<T>(PhantomData<T>);

/// A box on mimalloc.
pub(crate) struct MiBox<T>(NonNull<T>);

// SAFETY: it owns its value, and mimalloc takes memory back from any thread; nothing that depends on
// the thread may be added.
unsafe impl<T: Send> Send for MiBox<T> {}

impl<T> MiBox<T> {
    /// A value in a block of its own.
    #[inline(always)]
    pub(crate) fn new(value: T) -> Self {
        const { assert!(size_of::<T>() > 0, "mimalloc wants a size") };
        // SAFETY: the size is not zero.
        let memory = unsafe { MiMalloc.alloc(Layout::new::<T>()) };
        let Some(place) = NonNull::new(memory.cast::<T>()) else {
            exhausted()
        };
        // SAFETY: fresh memory of the layout of `T`.
        unsafe { place.write(value) };
        Self(place)
    }
}

impl<T> Drop for MiBox<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the box owns a live value.
        unsafe { self.0.drop_in_place() };
        // SAFETY: allocated by this allocator with this layout.
        unsafe { MiMalloc.dealloc(self.0.as_ptr().cast(), Layout::new::<T>()) };
    }
}

impl<T: Payload> Contender for MimallocBox<T> {
    const NAME: &'static str = "Box(mimalloc)";
    const ROLE: Role = Role::Rival;
    type Value = T;
    type Handle<'p> = MiBox<T>;

    fn with_capacity(_: usize) -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> MiBox<T> {
        MiBox::new(value)
    }

    #[inline(always)]
    fn free(&self, handle: MiBox<T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p MiBox<T>) -> &'p T {
        // SAFETY: the box owns a live value.
        unsafe { handle.0.as_ref() }
    }

    #[inline(always)]
    fn witness(&self, handle: &MiBox<T>) {
        black_box(handle.0);
    }
}
