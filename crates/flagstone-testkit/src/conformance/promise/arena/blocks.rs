//! Blocks of an arena grow, shrink and go back: in place if they are the newest, and else elsewhere or
//! not at all; never into others.
#![expect(unsafe_code, reason = "resizes blocks")]

use std::{alloc::Layout, ptr::NonNull};

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, Blocks, WholeArena, each_arena},
    model::NaiveArena,
};

fn bytes(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a small layout")
}

fn block<A: Blocks>(arena: &A, layout: Layout) -> NonNull<u8> {
    let block = arena.allocate(layout).expect("memory");
    assert_eq!(block.len(), layout.size());
    block.cast()
}

/// The newest block grows and shrinks where it is.
pub fn the_newest_stays_in_place<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        arena.alloc_bytes(30_000);
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        naive.placed(arena.alloc(1_u8));
        let mut layout = bytes(0, 1);
        let start = block(&arena, bytes(1, 1));
        naive.handed_out(start, bytes(1, 1));
        arena.usage();
        for size in [2, 3, 10, 100, 200, 150, 300, 20, 21, 1, 250] {
            let new = bytes(size, 1);
            let held = naive.take_at(start);
            let old = held.layout;
            // SAFETY: from this arena, with this layout.
            let resized = unsafe {
                match size >= old.size() {
                    true => arena.grow(start, old, new),
                    false => arena.shrink(start, old, new),
                }
            };
            let resized = resized.expect("there is room");
            assert_eq!((resized.cast(), resized.len()), (start, size));
            naive.resized(held, start, new, false);
            layout = new;
        }
        naive.check();
        // SAFETY: as above; it is not used any more.
        unsafe { arena.deallocate(start, layout) };
        assert_eq!(block(&arena, layout), start, "its room is there again");
        adds_up(&arena);
    });
}

/// A collection that grows by one element at a time does not move.
pub fn growth_by_one_stays_in_place<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        arena.alloc_bytes(60_000);
        arena.reset();
        let before = arena.usage();
        let start = block(&arena, bytes(8, 8));
        let mut moves = 0;
        let mut at = start;
        for n in 1..4096 {
            // SAFETY: from this arena, with this layout.
            let grown = unsafe { arena.grow(at, bytes(8 * n, 8), bytes(8 * (n + 1), 8)) };
            let grown = grown.expect("there is memory").cast();
            moves += usize::from(grown != at);
            at = grown;
        }
        let usage = arena.usage();
        if K::ONE_CURSOR {
            assert_eq!(moves, 0);
            assert_eq!(
                usage.allocated - before.allocated,
                8 * 4096_usize.next_multiple_of(K::MIN_ALIGN)
            );
        }
        // Pieces end; but not often.
        assert!(moves <= 12, "{moves} moves");
        assert_eq!(usage.chunks, before.chunks);
    });
}

/// Any other block moves to grow, stays to shrink, and takes what lies in it along.
pub fn others_move_to_grow<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for round in 0..50 {
            let old = bytes(40 + round, 8);
            let start = block(&arena, old);
            naive.handed_out(start, old);
            naive.placed(arena.alloc([7_u8; 9]));
        }
        for pick in (0..100).rev() {
            let held = naive.take(pick).expect("nothing is given back");
            let old = held.layout;
            // SAFETY: from this arena, with this layout; the new size is larger.
            let grown = unsafe { arena.grow(held.start, old, bytes(old.size() + 33, 8)) };
            let grown = grown.expect("memory").cast();
            naive.resized(held, grown, bytes(old.size() + 33, 8), false);
        }
        for pick in 0..50 {
            let held = naive.take(pick).expect("nothing is given back");
            let new = bytes(held.layout.size() / 2, 1);
            // SAFETY: from this arena, with this layout; the new size is smaller.
            let shrunk = unsafe { arena.shrink(held.start, held.layout, new) };
            assert_eq!(shrunk.map(NonNull::cast), Some(held.start));
            naive.resized(held, held.start, new, false);
        }
        naive.check();
        adds_up(&arena);
    });
}

/// A block that is to be aligned more moves if it must, also to shrink.
pub fn alignment_is_kept<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for shift in (0..=12).chain((0..=12).rev()) {
            for (size, grows) in [(100, true), (100, false), (5, false), (3000, true)] {
                naive.placed(arena.alloc(1_u8));
                let start = block(&arena, bytes(100, 1));
                let new = bytes(size, 1 << shift);
                naive.handed_out(start, bytes(100, 1));
                let held = naive.take_at(start);
                // SAFETY: from this arena, with this layout; the new size is not smaller, or not
                // larger.
                let resized = unsafe {
                    match grows {
                        true => arena.grow(start, held.layout, new),
                        false => arena.shrink(start, held.layout, new),
                    }
                };
                let resized = resized.expect("memory").cast();
                naive.resized(held, resized, new, false);
            }
        }
        naive.check();
        adds_up(&arena);
    });
}

/// A large block that moves away leaves its chunk to others only if it was alone there, also where it
/// lay at the first place that its alignment allows.
pub fn a_chunk_is_left_when_nothing_else_is_there<K: ArenaKind>() {
    for shift in 0..=12 {
        each_arena::<K>(|mut arena| {
            arena.alloc_bytes(16_000);
            arena.reset();
            let mut naive = NaiveArena::new(K::MIN_ALIGN);
            naive.placed(arena.alloc(7_u8));
            // As far as it goes, so that the next request needs another chunk.
            let room = arena.usage().available - (2 << shift);
            let old = bytes(room, 1 << shift);
            let start = block(&arena, old);
            naive.handed_out(start, old);
            naive.placed(arena.alloc_bytes(4 << shift.max(9)));
            let held = naive.take_at(start);
            let new = bytes(room + 100, 1 << shift);
            // SAFETY: from this arena, with this layout; the new size is larger.
            let grown = unsafe { arena.grow(start, old, new) }.expect("memory");
            naive.resized(held, grown.cast(), new, false);
            for n in 0..100_u64 {
                naive.placed(arena.alloc([n; 50]));
            }
            naive.check();
            adds_up(&arena);
        });
    }
}

/// What is new is 0 where that was asked for, also where others lay before.
pub fn growth_is_zeroed<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for _ in 0..2 {
            arena.alloc_bytes(10_000).fill(0xFF);
            arena.reset();
            let mut naive = NaiveArena::new(K::MIN_ALIGN);
            let mut layout = bytes(3, 1);
            naive.handed_out(block(&arena, layout), layout);
            for size in [5, 5, 64, 100, 1000, 5000, 20_000] {
                let held = naive.take(0).expect("one block");
                let new = bytes(size, 1);
                // SAFETY: from this arena, with this layout; the new size is not smaller.
                let grown = unsafe { arena.grow_zeroed(held.start, layout, new) };
                naive.resized(held, grown.expect("memory").cast(), new, true);
                layout = new;
            }
            naive.clear();
        }
    });
}

/// A block that cannot grow is left as it is.
pub fn refused_growth_changes_nothing<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        let layout = bytes(100, 1);
        let start = block(&arena, layout);
        naive.handed_out(start, layout);
        arena.set_limit(Some(arena.usage().reserved));
        let before = arena.usage();
        for new in [100_000, isize::MAX as usize - 4096, isize::MAX as usize] {
            let new = bytes(new, 1);
            // SAFETY: from this arena, with this layout; the new size is larger.
            let grown = unsafe { arena.grow(start, layout, new) };
            // SAFETY: as above.
            let zeroed = unsafe { arena.grow_zeroed(start, layout, new) };
            assert_eq!((grown, zeroed), (None, None));
        }
        assert_eq!(arena.usage(), before);
        naive.check();
        assert_eq!(arena.allocate(bytes(200_000, 8)), None);
    });
}

/// Blocks without bytes come and go, and grow to some.
pub fn blocks_without_bytes<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for fresh in [true, false] {
            for shift in 0..=13 {
                let none = bytes(0, 1 << shift);
                let blocks = [
                    block(&arena, none),
                    block(&arena, none),
                    block(&arena, none),
                ];
                if fresh {
                    assert_eq!(arena.usage().reserved, 0);
                }
                // SAFETY: from this arena; not used any more.
                unsafe { arena.deallocate(blocks[0], none) };
                if fresh {
                    continue;
                }
                for at in [1, 2] {
                    let new = bytes(24, 1 << shift);
                    // SAFETY: from this arena, with this layout.
                    let grown = unsafe { arena.grow(blocks[at], none, new) }.expect("memory");
                    naive.handed_out(grown.cast(), new);
                }
                naive.placed(arena.alloc(7_u8));
            }
            naive.placed(arena.alloc(7_u8));
        }
        naive.check();
        adds_up(&arena);
    });
}

/// Shrinking to nothing and freeing in any order hands nothing out twice.
pub fn any_order_of_frees<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        let mut pick = 1_usize;
        for round in 0..300 {
            let layout = bytes(1 + round % 70, 1 << (round % 7));
            naive.handed_out(block(&arena, layout), layout);
            pick = pick.wrapping_mul(31).wrapping_add(17);
            if round % 3 == 0
                && let Some(held) = naive.take(pick)
            {
                // SAFETY: from this arena, with this layout; not used any more.
                unsafe { arena.deallocate(held.start, held.layout) };
            }
            if round % 5 == 0
                && let Some(held) = naive.take(usize::MAX)
            {
                let none = bytes(0, 1);
                // SAFETY: as above; smaller.
                let shrunk = unsafe { arena.shrink(held.start, held.layout, none) };
                assert_eq!(shrunk.map(|block| block.len()), Some(0));
                // SAFETY: as above.
                unsafe { arena.deallocate(held.start, none) };
            }
        }
        naive.check();
        adds_up(&arena);
    });
}
