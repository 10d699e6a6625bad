//! Memory does not grow without need: cycles ask for nothing, chunks are merged, large requests are
//! served apart, and no run of requests gets a chunk each.
#![expect(unsafe_code, reason = "gives a block back")]

use std::{alloc::Layout, ptr};

use flagstone::provider::Global;

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, Blocks, TestProvider, WholeArena, each_arena},
    heap_watch,
};

/// What a request does: values, strings, slices, boxes, of a few hundred KiB in all.
fn cycle<A: WholeArena>(arena: &A, seed: u64) {
    let mut state = seed.wrapping_add(1);
    for n in 0..if cfg!(miri) { 50 } else { 400_u64 } {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let size = (state >> 33) as usize % 1000;
        match n % 6 {
            0 => drop(arena.alloc_boxed([n; 3])),
            1 => arena
                .alloc_str("a string of forty bytes, or about that.")
                .make_ascii_uppercase(),
            2 => arena.alloc_bytes(size).fill(1),
            3 => arena
                .alloc_slice_iter((0..size / 8).filter(|n| n % 2 == 0))
                .reverse(),
            4 => *arena.alloc(n) += 1,
            _ => arena.alloc_drop(n).clone_from(&7),
        }
    }
    arena.alloc_bytes(100_000);
}

/// From the second cycle on, nothing is asked of the provider or of the heap.
pub fn cycles_ask_for_nothing<K: ArenaKind>() {
    assert!(
        heap_watch::is_installed(),
        "the binary must count heap calls"
    );
    each_arena::<K>(|mut arena| {
        cycle(&arena, 0);
        arena.reset();
        if !K::ONE_CURSOR {
            // Pieces lie differently in one chunk than they did in several.
            cycle(&arena, 0);
            arena.reset();
        }
        let before = arena.usage();
        assert_eq!((before.chunks, before.allocated), (1, 0));
        let calls = arena.provider().calls();
        let heap = heap_watch::calls_during(|| {
            for _ in 0..20 {
                cycle(&arena, 0);
                arena.reset();
            }
        });
        assert_eq!((arena.provider().calls(), heap), (calls, 0));
        assert_eq!(arena.usage(), before);
    });
}

/// What was freed before the reset was needed all the same, and will be again.
pub fn what_is_freed_was_needed<K: ArenaKind>() {
    for size in (100..30_000).step_by(if cfg!(miri) { 9000 } else { 700 }) {
        each_arena::<K>(|mut arena| {
            let layout = Layout::from_size_align(size, 8).expect("a small layout");
            let cycle = |arena: &K::Arena<TestProvider>| {
                for n in 0..20_u64 {
                    arena.alloc([n; 30]);
                }
                let block = arena.allocate(layout).expect("memory").cast();
                // SAFETY: from this arena with this layout; not used any more.
                unsafe { arena.deallocate(block, layout) };
            };
            for _ in 0..3 {
                cycle(&arena);
                arena.reset();
            }
            let calls = arena.provider().calls();
            cycle(&arena);
            arena.reset();
            assert_eq!(arena.provider().calls(), calls, "{size} bytes");
        });
    }
}

/// Cycles that differ settle as well.
pub fn uneven_cycles_settle<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for seed in 0..40 {
            cycle(&arena, seed);
            arena.reset();
            assert_eq!(arena.usage().chunks, 1);
        }
        let calls = arena.provider().calls();
        let reserved = arena.usage().reserved;
        for seed in 0..40 {
            cycle(&arena, seed);
            arena.reset();
        }
        assert_eq!(arena.provider().calls(), calls);
        assert_eq!(arena.usage().reserved, reserved);
    });
}

/// A cycle that needs a little more each time gets new memory now and then, and not each time.
pub fn slow_growth_is_cheap<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        let cycles = 200;
        for n in 0..cycles {
            for _ in 0..200 + n {
                arena.alloc([0_u64; 16]);
            }
            arena.reset();
        }
        let requests = arena.provider().requests();
        assert!(
            requests < cycles / 4,
            "{requests} chunks in {cycles} cycles"
        );
    });
}

/// 10 bytes, 1 MB, 10 bytes: little more than that is reserved, and the small ones lie side by side.
pub fn a_large_request_is_apart<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let first = ptr::from_ref(&arena.alloc_bytes(10)[0]).addr();
        let reserved = arena.usage().reserved;
        assert!(reserved <= 4096);
        arena.alloc_bytes(1_000_000);
        let second = ptr::from_ref(&arena.alloc_bytes(10)[0]).addr();
        assert_eq!(second - first, 10_usize.next_multiple_of(K::MIN_ALIGN));
        let usage = arena.usage();
        assert!(
            usage.reserved <= 1_000_000 + reserved + 2 * 4096,
            "{usage:?}"
        );
        assert_eq!(usage.chunks, 2);
        adds_up(&arena);
    });
}

/// Requests of one size, whatever it is, share chunks, unless each is as large as a chunk.
pub fn no_size_gets_a_chunk_each<K: ArenaKind>() {
    for size in [
        64, 256, 300, 400, 500, 600, 800, 1000, 1500, 3000, 5000, 20_000, 300_000,
    ] {
        let arena = K::build(Global);
        let count = if size > 100_000 { 40 } else { 400 };
        for _ in 0..count {
            room_for(&arena, size);
        }
        let usage = arena.usage();
        assert!(
            usage.chunks <= count / 2,
            "{usage:?} for {count} requests of {size} bytes"
        );
        assert!(
            usage.reserved <= 3 * count * size + 4096,
            "{usage:?} of {size}"
        );
    }
}

/// Nor do sizes that alternate, one just too large for what the other leaves; not for ever.
pub fn no_mixture_gets_a_chunk_each<K: ArenaKind>() {
    for (small, large) in [
        (8, 300),
        (8, 700),
        (16, 3000),
        (300, 600),
        (8, 40_000),
        (900, 20_000),
    ] {
        let arena = K::build(Global);
        let count = if cfg!(miri) { 100 } else { 1000 };
        for _ in 0..count {
            room_for(&arena, small);
            room_for(&arena, large);
        }
        let usage = arena.usage();
        let asked = count * (small + large);
        assert!(
            usage.reserved <= 3 * asked + 8192,
            "{usage:?}: {small} and {large}"
        );
        assert!(
            usage.chunks <= count / 4 || cfg!(miri),
            "{usage:?}: {small} and {large}"
        );
    }
}

/// Room that nobody writes to.
fn room_for<A: WholeArena>(arena: &A, size: usize) {
    let layout = Layout::from_size_align(size, 1).expect("a small layout");
    arena.alloc_layout(layout);
}

/// Chunks double up to a MiB, and then there is one per MiB.
pub fn chunks_double_and_then_add<K: ArenaKind>() {
    if cfg!(miri) {
        return;
    }
    let arena = K::build(crate::provider::Counting::new(Global));
    let mib = 1 << 20;
    for n in 0..32 * mib / 64 {
        arena.alloc([n; 8]);
    }
    let usage = arena.usage();
    assert!((32 + 5..=32 + 16).contains(&usage.chunks), "{usage:?}");
    let most = if K::ONE_CURSOR { 34 } else { 36 };
    assert!(usage.reserved <= most * mib, "{usage:?}");
}
