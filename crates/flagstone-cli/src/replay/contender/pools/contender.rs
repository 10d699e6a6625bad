//! The pools as an allocator that takes part.
#![expect(unsafe_code, reason = "implements GlobalAlloc")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{self, NonNull};

use super::access::{Locked, Sharing, Unshared};
use super::classes::{ClassPools, class_of};
use crate::replay::{Alone, Contender, Measured, Shared, Stopped};

/// One of the library's growing pools per size class up to 4 KiB; larger requests and those
/// aligned to more than 16 bytes go to the system.
///
/// Locks are taken only when the trace has several threads.
#[derive(Debug)]
pub(in crate::replay::contender) struct Pools;

impl Contender for Pools {
    fn name(&self) -> &'static str {
        "pools"
    }

    fn about(&self) -> &'static str {
        "a flagstone GrowingPool per size class up to 4 KiB, the system above"
    }

    fn version(&self) -> String {
        concat!("flagstone ", env!("CARGO_PKG_VERSION")).to_owned()
    }

    fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
        stage.play(PoolHeap::<Unshared>::new)
    }

    fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
        stage.play(PoolHeap::<Locked>::new)
    }
}

/// An allocator made of pools and, for what they do not serve, the system's.
///
/// Whether an object is in a pool follows from its layout alone: [`class_of`] answers the same at
/// its allocation and at its release.
struct PoolHeap<S: Sharing> {
    pools: ClassPools<S>,
}

impl<S: Sharing> PoolHeap<S> {
    fn new() -> Self {
        Self {
            pools: ClassPools::new(),
        }
    }
}

// SAFETY: cells are exclusive until freed, at least as large as their class and aligned to 16;
// the system's allocator keeps the contract for the rest. Null when either has no memory.
unsafe impl<S: Sharing> GlobalAlloc for PoolHeap<S> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class_of(layout) {
            Some(class) => self.pools.alloc(class),
            // SAFETY: the caller's promise.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let cell = self.pools.alloc(class);
        if !cell.is_null() {
            // SAFETY: the cell is ours and at least as large as the layout.
            unsafe { ptr::write_bytes(cell, 0, layout.size()) };
        }
        cell
    }

    unsafe fn dealloc(&self, object: *mut u8, layout: Layout) {
        match (class_of(layout), NonNull::new(object)) {
            // SAFETY: the object was allocated with this layout, hence from the same class.
            (Some(class), Some(cell)) => unsafe { self.pools.free(class, cell) },
            // SAFETY: the object was allocated with this layout, hence by the system.
            (None, _) => unsafe { System.dealloc(object, layout) },
            (Some(_), None) => {}
        }
    }

    unsafe fn realloc(&self, object: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size is valid with this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class_of(layout), class_of(new_layout)) {
            (None, None) => {
                // SAFETY: the object is the system's; the rest is the caller's promise.
                return unsafe { System.realloc(object, layout, size) };
            }
            (Some(old), Some(new)) if old == new => return object,
            _ => {}
        }
        // SAFETY: the caller promises that the new size is not 0.
        let moved = unsafe { self.alloc(new_layout) };
        if !moved.is_null() {
            // SAFETY: both objects are live and at least as large as the shorter one.
            unsafe { ptr::copy_nonoverlapping(object, moved, layout.size().min(size)) };
            // SAFETY: the caller's promise; the object is not used afterwards.
            unsafe { self.dealloc(object, layout) };
        }
        moved
    }
}
