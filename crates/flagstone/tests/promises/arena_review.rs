//! An arena stays exact where its parts meet: blocks that move, chunks that are barely large enough,
//! providers that panic or call back.

#![expect(unsafe_code, reason = "implements a provider")]

use core::{alloc::Layout, cell::Cell, ptr::NonNull};
use std::panic::{AssertUnwindSafe, catch_unwind};

use flagstone::{
    AllocErrorKind, Arena, OutOfMemory, SyncArena,
    arena::{ArenaScope, ArenaUsage},
    provider::{Chunk, Global, Provider},
};
use flagstone_testkit::leaked::Leaked;

/// Knows how many bytes it has lent, and panics when something comes back if it is told to.
#[derive(Default)]
struct Brittle {
    lent: Cell<usize>,
    panics: Cell<bool>,
}

// SAFETY: every answer is the global allocator's.
unsafe impl Provider for Brittle {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let chunk = Global.alloc(layout)?;
        self.lent.set(self.lent.get() + chunk.ptr.len());
        Ok(chunk)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        self.lent.set(self.lent.get() - layout.size());
        // SAFETY: passed on as it is.
        unsafe { Global.free(ptr, layout) };
        assert!(!self.panics.take(), "told to panic");
    }
}

/// Larger than what a chunk is aligned to, so that there is room for others before it.
#[derive(Clone, Copy, PartialEq)]
#[repr(align(64))]
struct Line([u8; 64]);

/// Fills `beside` bytes of an arena's only chunk, lets a slice grow out of it, fills what is free then,
/// and looks whether anything was overwritten.
fn grow_beside<T: Copy + PartialEq>(beside: usize, room: usize, element: impl Fn(u8) -> T) {
    let arena = Arena::with_capacity(room);
    let beside = arena.alloc_bytes(beside);
    beside.fill(7);
    let elements = (0..200).filter(|n| n % 2 == 0);
    let grown = arena.alloc_slice_iter(elements.map(&element));
    let later: Vec<&mut [u8; 400]> = (0..20).map(|_| arena.alloc([9_u8; 400])).collect();
    assert!(grown.iter().zip(0..).all(|(n, at)| *n == element(at * 2)));
    assert!(beside.iter().all(|&byte| byte == 7));
    assert!(later.iter().all(|block| **block == [9; 400]));
}

#[test]
fn what_stands_beside_a_block_stays_when_the_block_moves() {
    for room in (700..3000).step_by(32) {
        for beside in [1, 8, 48, 300, 600] {
            grow_beside(beside, room, u64::from);
            grow_beside(beside, room, |n| Line([n; 64]));
        }
    }
}

fn assert_exact(usage: ArenaUsage) {
    let sum = usage.allocated + usage.available + usage.wasted;
    assert_eq!(usage.reserved, sum, "{usage:?}");
}

#[test]
fn every_byte_is_allocated_available_or_wasted() {
    let mut shared = SyncArena::with_capacity(1000);
    for size in [0, 10, 500, 5000, 700, 700] {
        shared.alloc_bytes(size);
        assert_exact(shared.usage());
    }
    shared.reset();
    assert_exact(shared.usage());
    assert!(shared.usage().available >= 6910);
}

/// Shrinks to every size around that of a header, and allocates in what is left.
fn shrink<const MIN_ALIGN: usize>() {
    for bytes in (0..3 * MIN_ALIGN + 2048).step_by(16) {
        let mut arena = Arena::<_, MIN_ALIGN>::with_min_align();
        let mut shared = SyncArena::<Global, MIN_ALIGN>::new_in(Global);
        arena.alloc([1_u8; 30_000]);
        shared.alloc([1_u8; 30_000]);
        arena.reset();
        shared.reset();
        arena.shrink_to(bytes);
        shared.shrink_to(bytes);
        for usage in [arena.usage(), shared.usage()] {
            assert!(usage.reserved <= bytes, "{bytes}: {usage:?}");
            assert_exact(usage);
        }
        assert_eq!((*arena.alloc(2_u64), *shared.alloc(2_u64)), (2, 2));
    }
}

#[test]
fn a_chunk_has_room_for_its_header_however_far_it_shrinks() {
    shrink::<1>();
    shrink::<64>();
    shrink::<1024>();
    shrink::<4096>();
}

/// Opens a scope of the arena it serves while it is asked for a chunk, and leaves it open.
#[derive(Default)]
struct Opener {
    arena: Cell<Option<&'static Arena<&'static Self>>>,
    scope: Cell<Option<ArenaScope<'static, &'static Self>>>,
    refuses: Cell<bool>,
}

// SAFETY: every answer is the global allocator's.
unsafe impl Provider for Opener {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        if let Some(arena) = self.arena.take() {
            self.scope.set(arena.try_scope().ok());
        }
        if self.refuses.get() {
            return Err(OutOfMemory::new(layout));
        }
        Global.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on as it is.
        unsafe { Global.free(ptr, layout) }
    }
}

#[test]
fn a_provider_may_open_a_scope_of_the_arena_it_serves() {
    for refuses in [false, true] {
        // SAFETY: the scope is closed below.
        let provider = unsafe { Leaked::new(Opener::default()) };
        let provider = provider.get();
        // SAFETY: all that is borrowed is gone at the end of the round.
        let arena = unsafe { Leaked::new(Arena::new_in(provider)) };
        let arena = arena.get();
        arena.set_limit(Some(10_000));
        let before = arena.alloc(1_u64);
        provider.arena.set(Some(arena));
        provider.refuses.set(refuses);
        let refused = arena.try_alloc([0_u8; 5000]).unwrap_err();
        let expected = match refuses {
            true => AllocErrorKind::OutOfMemory,
            false => AllocErrorKind::Claimed,
        };
        assert_eq!(refused.kind(), expected);
        provider.refuses.set(false);
        let scope = provider.scope.take().expect("it was opened in the middle");
        assert!(scope.usage().reserved < 2000);
        scope.alloc_bytes(6000).fill(2);
        drop(scope);
        assert!(arena.usage().reserved < 10_000);
        assert_exact(arena.usage());
        assert!(arena.alloc_bytes(6000).iter().all(|byte| *byte == 0));
        assert_eq!(*before, 1);
    }
}

#[test]
fn a_provider_that_panics_in_a_reset_loses_nothing() {
    let provider = Brittle::default();
    let mut arena: Arena<_> = Arena::new_in(&provider);
    let mut shared: SyncArena<_> = SyncArena::new_in(&provider);
    for _ in 0..3 {
        arena.alloc_bytes(3000);
        shared.alloc_bytes(3000);
    }
    provider.panics.set(true);
    catch_unwind(AssertUnwindSafe(|| arena.reset())).unwrap_err();
    provider.panics.set(true);
    catch_unwind(AssertUnwindSafe(|| shared.reset())).unwrap_err();
    let usages = [arena.usage(), shared.usage()];
    usages.into_iter().for_each(assert_exact);
    assert_eq!(provider.lent.get(), usages[0].reserved + usages[1].reserved);
    assert!(
        usages.iter().all(|usage| usage.available >= 9000),
        "{usages:?}"
    );
    drop((arena, shared));
    assert_eq!(provider.lent.get(), 0);
}

#[test]
fn a_provider_that_panics_in_a_drop_gets_everything_back() {
    let provider = Brittle::default();
    let arena: Arena<_> = Arena::new_in(&provider);
    let shared: SyncArena<_> = SyncArena::new_in(&provider);
    for _ in 0..3 {
        arena.alloc_bytes(3000);
        shared.alloc_bytes(3000);
    }
    provider.panics.set(true);
    catch_unwind(AssertUnwindSafe(|| drop(arena))).unwrap_err();
    provider.panics.set(true);
    catch_unwind(AssertUnwindSafe(|| drop(shared))).unwrap_err();
    assert_eq!(provider.lent.get(), 0);
}

#[test]
fn requests_of_one_size_do_not_get_a_chunk_each() {
    // Whatever the first chunk has left, and however large it is.
    for first in (0..960).step_by(64) {
        for size in [200, 400, 500, 700, 2000, 7000, 20_000, 100_000] {
            let (arena, shared) = (Arena::new(), SyncArena::new());
            arena.alloc_bytes(first);
            shared.alloc_bytes(first);
            for _ in 0..200 {
                arena.alloc_bytes(size);
                shared.alloc_bytes(size);
            }
            for usage in [arena.usage(), shared.usage()] {
                assert!(usage.chunks < 60, "{size} after {first}: {usage:?}");
            }
        }
    }
}

#[test]
fn a_limit_that_is_set_while_a_scope_is_open_stays() {
    let arena = Arena::new();
    arena.set_limit(Some(100_000));
    let scope = arena.scope();
    assert_eq!(scope.limit(), Some(100_000));
    arena.set_limit(Some(50_000));
    scope.set_limit(Some(10_000));
    drop(scope);
    assert_eq!(arena.limit(), Some(50_000));
}

#[test]
fn chunks_that_could_not_be_merged_outlast_an_idle_reset() {
    let mut arena = SyncArena::new();
    for n in 0..1000 {
        arena.alloc(n);
    }
    let usage = arena.usage();
    assert!(usage.chunks > 1);
    arena.set_limit(Some(usage.reserved));
    for _ in 0..3 {
        arena.reset();
        assert_eq!(arena.usage().reserved, usage.reserved);
    }
}
