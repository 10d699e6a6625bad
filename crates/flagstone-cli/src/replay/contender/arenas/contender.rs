//! An arena for what dies together, the system for the rest.
#![expect(unsafe_code, reason = "implements an allocator, and lends arenas out")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::{self, NonNull};

use allocator_api2::alloc::Allocator;
use flagstone::Arena;

use super::chunks::Chunks;
use crate::replay::{Alone, Contender, Lifetime, LifetimeAlloc, Measured, Shared, Stopped};

/// Bytes that an arena keeps between two phases. What is more goes back to the system, where others
/// can use it. With 64 KiB one bundled recording took four times as long; more than this made none
/// faster.
const KEPT: usize = 256 * 1024;

/// An [`Arena`] of the library for each group of objects that die together; it is reset when the
/// group ends. All other objects go to the system.
///
/// A recorded program did not use arenas. What is measured is what it would cost if it were written
/// that way: which object belongs to which phase is known here beforehand and costs nothing.
#[derive(Debug)]
pub(in crate::replay::contender) struct Arenas;

impl Contender for Arenas {
    fn name(&self) -> &'static str {
        "arenas"
    }

    fn about(&self) -> &'static str {
        "a flagstone Arena for objects that die together, the system for the rest"
    }

    fn version(&self) -> String {
        concat!("flagstone ", env!("CARGO_PKG_VERSION")).to_owned()
    }

    fn wants_lifetimes(&self) -> bool {
        true
    }

    fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
        stage.play_with_lifetimes(ArenaHeap::new)
    }

    fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
        stage.play_with_lifetimes(ArenaHeap::new)
    }
}

/// The arena of a group. Groups are used by different threads, so each has cache lines of its own.
#[repr(align(128))]
struct GroupArena(UnsafeCell<Arena<Chunks>>);

/// An allocator made of arenas and, for objects without a group, the system's.
///
/// # Invariant
///
/// 1. An arena is used by calls that name its group only, and only until they return: by the
///    promise of the caller, no two of them overlap.
struct ArenaHeap {
    arenas: Box<[GroupArena]>,
}

// SAFETY: arenas can be sent to other threads, and by invariant 1 are not used by two at a time.
unsafe impl Sync for ArenaHeap {}

impl ArenaHeap {
    fn new(groups: usize) -> Self {
        Self {
            arenas: (0..groups)
                .map(|_| GroupArena(UnsafeCell::new(Arena::new_in(Chunks))))
                .collect(),
        }
    }

    /// The arena of an object, if it has one.
    ///
    /// # Safety
    ///
    /// The caller is a call that names this lifetime, and uses the arena until it returns.
    #[inline]
    unsafe fn arena(&self, lifetime: Lifetime) -> Option<&Arena<Chunks>> {
        let arena = &self.arenas[lifetime.group()?];
        // SAFETY: invariant 1: there is no other reference.
        Some(unsafe { &*arena.0.get() })
    }

    /// Frees all objects of a group.
    ///
    /// # Safety
    ///
    /// The caller is a call that ends this group, and holds no reference to its arena.
    unsafe fn end(&self, group: usize) {
        // SAFETY: invariant 1: there is no other reference.
        let arena = unsafe { &mut *self.arenas[group].0.get() };
        arena.reset();
        if arena.usage().reserved > KEPT {
            arena.shrink_to(KEPT);
        }
    }
}

// SAFETY: room of an arena is exclusive and stays until the arena is reset, which is when none of
// its objects is live; the system's allocator keeps the contract for the rest. Null when either has
// no memory.
unsafe impl LifetimeAlloc for ArenaHeap {
    #[inline]
    unsafe fn alloc_for(&self, layout: Layout, lifetime: Lifetime) -> *mut u8 {
        // SAFETY: this call names it.
        match unsafe { self.arena(lifetime) } {
            Some(arena) => start_of(arena.allocate(layout).ok()),
            // SAFETY: the caller's promise.
            None => unsafe { System.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn alloc_zeroed_for(&self, layout: Layout, lifetime: Lifetime) -> *mut u8 {
        // SAFETY: this call names it.
        match unsafe { self.arena(lifetime) } {
            Some(arena) => start_of(arena.allocate_zeroed(layout).ok()),
            // SAFETY: the caller's promise.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn realloc_for(
        &self,
        object: *mut u8,
        layout: Layout,
        size: usize,
        lifetime: Lifetime,
    ) -> *mut u8 {
        // SAFETY: this call names it.
        let (arena, block) = match (unsafe { self.arena(lifetime) }, NonNull::new(object)) {
            (Some(arena), Some(block)) => (arena, block),
            // SAFETY: the caller's promise: without a group, the object is the system's.
            _ => return unsafe { System.realloc(object, layout, size) },
        };
        // SAFETY: the caller promises that the new size is valid with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        start_of(if size >= layout.size() {
            // SAFETY: the object is this arena's, because its group is the same in all calls.
            unsafe { arena.grow(block, layout, new) }.ok()
        } else {
            // SAFETY: as above.
            unsafe { arena.shrink(block, layout, new) }.ok()
        })
    }

    #[inline]
    unsafe fn dealloc_for(&self, object: *mut u8, layout: Layout, lifetime: Lifetime) {
        // SAFETY: this call names it.
        match (unsafe { self.arena(lifetime) }, lifetime.group()) {
            (Some(_), Some(group)) if lifetime.ends_group() => {
                // SAFETY: no object of the group is live after this call, which is the caller's
                // promise, and the reference is not used.
                unsafe { self.end(group) };
            }
            (Some(arena), _) => {
                if let Some(block) = NonNull::new(object) {
                    // SAFETY: the object is this arena's, because its group is the same in all
                    // calls.
                    unsafe { arena.deallocate(block, layout) };
                }
            }
            // SAFETY: the caller's promise: without a group, the object is the system's.
            (None, _) => unsafe { System.dealloc(object, layout) },
        }
    }
}

#[inline]
fn start_of(block: Option<NonNull<[u8]>>) -> *mut u8 {
    block.map_or(ptr::null_mut(), |block| block.cast().as_ptr())
}
