//! A block from outside of a scope, or from before a checkpoint, is neither moved into, freed, nor
//! lost: through whichever reference it is resized or given back.
#![expect(unsafe_code, reason = "resizes blocks")]

use std::{alloc::Layout, ptr::NonNull};

use flagstone::{Arena, provider::Global};
use flagstone_testkit::{conformance::Blocks, model::NaiveArena, provider::Counting};

fn bytes(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a small layout")
}

fn newest<A: Blocks>(arena: &A, naive: &mut NaiveArena, layout: Layout) -> NonNull<u8> {
    let start = arena.allocate(layout).expect("memory").cast();
    naive.handed_out(start, layout);
    start
}

/// Through the arena whose scope is open: blocks stay, shrink on paper, and cannot grow.
#[test]
fn through_the_claimed_arena() {
    for size in [16, 100, 300, 5000, 100_000] {
        let arena = Arena::<_>::new_in(Counting::new(Global));
        let mut naive = NaiveArena::new(8);
        let small = newest(&arena, &mut naive, bytes(24, 8));
        let old = bytes(size, 8);
        let start = newest(&arena, &mut naive, old);
        let scope = arena.scope();
        naive.open();
        // SAFETY: from this arena, with this layout, here and below.
        unsafe {
            assert_eq!(arena.grow(start, old, bytes(2 * size, 8)), None);
            assert_eq!(arena.shrink(start, old, bytes(size / 2, 1 << 16)), None);
            let shrunk = arena.shrink(start, old, bytes(8, 8)).expect("it stays");
            assert_eq!(shrunk.cast(), start);
            arena.deallocate(small, bytes(24, 8));
        }
        naive.placed(scope.alloc([7_u8; 900]));
        // SAFETY: as above; the scope is open still.
        unsafe { arena.deallocate(start, bytes(8, 8)) };
        for n in 0..100_u64 {
            naive.placed(scope.alloc([n; 8]));
        }
        naive.close();
        drop(scope);
        naive.placed(arena.alloc([1_u8; 100]));
        naive.check();
    }
}

/// Through the scope: a block of its arena moves to grow, and stays to shrink and to be freed.
#[test]
fn through_the_scope() {
    for size in [16, 100, 300, 5000, 100_000] {
        let arena = Arena::<_>::new_in(Counting::new(Global));
        let mut naive = NaiveArena::new(8);
        naive.placed(arena.alloc(1_u64));
        let old = bytes(size, 8);
        let starts = [(); 3].map(|()| newest(&arena, &mut naive, old));
        let usage = arena.usage();
        let scope = arena.scope();
        naive.open();
        // From the newest on: the one whose end is where the scope begins.
        let held = naive.take_at(starts[2]);
        // SAFETY: from the arena whose scope it is, with this layout, here and below.
        let grown = unsafe { scope.grow(starts[2], old, bytes(size + 8, 8)) };
        let grown = grown.expect("memory").cast();
        assert_ne!(grown, starts[2], "it grew into the scope's memory");
        naive.resized(held, grown, bytes(size + 8, 8), false);
        let held = naive.take_at(starts[1]);
        // SAFETY: as above.
        let shrunk = unsafe { scope.shrink(starts[1], old, bytes(8, 8)) };
        assert_eq!(shrunk.map(NonNull::cast), Some(starts[1]));
        naive.resized(held, starts[1], bytes(8, 8), false);
        let held = naive.take_at(starts[0]);
        // SAFETY: as above.
        unsafe { scope.deallocate(held.start, old) };
        for n in 0..100_u64 {
            naive.placed(scope.alloc([n; 8]));
        }
        naive.close();
        drop(scope);
        assert_eq!(arena.usage().allocated, usage.allocated);
        naive.placed(arena.alloc([1_u8; 100]));
        naive.check();
    }
}

/// After a checkpoint: the same, and going back brings everything back.
#[test]
fn from_before_a_checkpoint() {
    for size in [16, 100, 300, 5000, 100_000] {
        let arena = Arena::<_>::new_in(Counting::new(Global));
        let mut naive = NaiveArena::new(8);
        naive.placed(arena.alloc(1_u64));
        let old = bytes(size, 8);
        let start = newest(&arena, &mut naive, old);
        let allocated = arena.usage().allocated;
        let checkpoint = arena.checkpoint();
        let held = naive.take_at(start);
        naive.put_back(held);
        naive.open();
        // SAFETY: from this arena, with this layout; the copy is given back.
        unsafe {
            let grown = arena.grow(start, old, bytes(size * 2, 8)).expect("memory");
            assert_ne!(grown.cast(), start);
            arena.deallocate(grown.cast(), bytes(size * 2, 8));
            arena.deallocate(start, old);
        }
        for n in 0..100_u64 {
            naive.placed(arena.alloc([n; 8]));
        }
        naive.close();
        // SAFETY: the only checkpoint; what came since is forgotten.
        unsafe { arena.reset_to(checkpoint) };
        assert_eq!(arena.usage().allocated, allocated);
        naive.check();
    }
}
