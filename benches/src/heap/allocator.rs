//! The allocators, and the way to them.

#![expect(unsafe_code, reason = "passes on the contract of `GlobalAlloc`")]

use std::alloc::{GlobalAlloc, Layout, System};

use crate::contender::Role;

/// A general allocator, as a program would declare it its global one.
pub(crate) trait Allocator: Send + Sync + 'static {
    /// As the tables name it.
    const NAME: &'static str;
    /// Ours or rival.
    const ROLE: Role;

    /// What `#[global_allocator]` would be attached to.
    fn global() -> &'static impl GlobalAlloc;
}

/// An allocator: what its `static` is.
macro_rules! allocators {
    ($($(#[$when:meta])* $adapter:ident, $name:literal, $role:expr, $type:ty = $value:expr;)+) => {$(
        #[doc = concat!("`", $name, "`.")]
        $(#[$when])*
        pub(crate) struct $adapter;

        $(#[$when])*
        impl Allocator for $adapter {
            const NAME: &'static str = $name;
            const ROLE: Role = $role;

            #[inline(always)]
            fn global() -> &'static impl GlobalAlloc {
                static GLOBAL: $type = $value;
                &GLOBAL
            }
        }
    )+};
}

allocators! {
    OurHeap, "flagstone::Heap", Role::Ours, flagstone::heap::Heap = flagstone::heap::Heap::new();
    SystemAllocator, "system", Role::Rival, System = System;
    Mimalloc, "mimalloc", Role::Rival, mimalloc::MiMalloc = mimalloc::MiMalloc;
    #[cfg(feature = "heaps")]
    Jemalloc, "jemalloc", Role::Rival, tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
    #[cfg(feature = "heaps")]
    Snmalloc, "snmalloc", Role::Rival, snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;
    #[cfg(feature = "heaps")]
    RustyAlloc, "rusty_alloc", Role::Rival,
        rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;
}

/// An array of what a generic function makes of each allocator that this build has.
macro_rules! of_each_allocator {
    ($make:ident) => {
        [
            $make::<$crate::heap::allocator::OurHeap>(),
            $make::<$crate::heap::allocator::SystemAllocator>(),
            $make::<$crate::heap::allocator::Mimalloc>(),
            #[cfg(feature = "heaps")]
            $make::<$crate::heap::allocator::Jemalloc>(),
            #[cfg(feature = "heaps")]
            $make::<$crate::heap::allocator::Snmalloc>(),
            #[cfg(feature = "heaps")]
            $make::<$crate::heap::allocator::RustyAlloc>(),
        ]
    };
}
pub(super) use of_each_allocator;

// The doors: what the compiler makes of `#[global_allocator]` is four functions that it does not
// inline, so nobody's fast path is merged with a workload, and nobody knows a size when it is
// compiled, whatever language the allocator is written in.

/// [`GlobalAlloc::alloc`].
///
/// # Safety
///
/// As it says.
#[inline(never)]
pub(super) unsafe fn allocate<A: Allocator>(layout: Layout) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { A::global().alloc(layout) }
}

/// [`GlobalAlloc::alloc_zeroed`].
///
/// # Safety
///
/// As it says.
#[inline(never)]
pub(super) unsafe fn allocate_zeroed<A: Allocator>(layout: Layout) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { A::global().alloc_zeroed(layout) }
}

/// [`GlobalAlloc::realloc`].
///
/// # Safety
///
/// As it says.
#[inline(never)]
pub(super) unsafe fn reallocate<A: Allocator>(
    ptr: *mut u8,
    layout: Layout,
    size: usize,
) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { A::global().realloc(ptr, layout, size) }
}

/// [`GlobalAlloc::dealloc`].
///
/// # Safety
///
/// As it says.
#[inline(never)]
pub(super) unsafe fn deallocate<A: Allocator>(ptr: *mut u8, layout: Layout) {
    // SAFETY: the caller's promise.
    unsafe { A::global().dealloc(ptr, layout) }
}
