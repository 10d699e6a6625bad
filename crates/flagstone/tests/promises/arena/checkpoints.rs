//! Going back to a checkpoint frees what came since, and nothing else.
#![expect(unsafe_code, reason = "goes back to checkpoints")]

use flagstone::{Arena, provider::Global};
use flagstone_testkit::{
    fuse::blows,
    heap_watch,
    model::NaiveArena,
    provider::Counting,
    value::{Census, Page},
};

/// Nested, over several chunks.
#[test]
fn what_was_there_stays() {
    let arena = Arena::<_>::new_in(Counting::new(Global));
    let mut naive = NaiveArena::new(8);
    let mut checkpoints = Vec::new();
    for depth in 0..6_u64 {
        for n in 0..50 {
            naive.placed(arena.alloc([depth * 100 + n; 7]));
        }
        naive.placed(arena.alloc(Page(depth as u8)));
        checkpoints.push((arena.usage().allocated, arena.checkpoint()));
        naive.open();
    }
    naive.placed(arena.alloc_bytes(100_000));
    for (allocated, checkpoint) in checkpoints.into_iter().rev() {
        naive.close();
        // SAFETY: the newest that is left; what came since is forgotten.
        unsafe { arena.reset_to(checkpoint) };
        assert_eq!(arena.usage().allocated, allocated);
        naive.check();
        naive.placed(arena.alloc([7_u8; 3000]));
    }
    naive.check();
}

/// One checkpoint is good for many returns, and for the state before the first chunk.
#[test]
fn a_checkpoint_serves_again() {
    let arena = Arena::<_>::new_in(Counting::new(Global));
    let start = arena.checkpoint();
    arena.alloc_bytes(50_000);
    // SAFETY: the only checkpoint; the bytes are not used.
    unsafe { arena.reset_to(start) };
    let calls = heap_watch::calls_during(|| {
        for _ in 0..20 {
            for n in 0..1000_u64 {
                arena.alloc(n);
            }
            // SAFETY: the only checkpoint; the numbers are not used.
            unsafe { arena.reset_to(start) };
            assert_eq!(arena.usage().allocated, 0);
        }
    });
    assert_eq!(calls, 0);
}

/// Values that are kept are dropped when one goes back before them, whatever panics.
#[test]
fn kept_values_are_dropped() {
    let census = Census::default();
    let mut arena = Arena::new();
    for nth in 0..=4 {
        arena.alloc_drop(census.tracked::<()>());
        let checkpoint = arena.checkpoint();
        let allocated = arena.usage().allocated;
        for _ in 0..4 {
            arena.alloc_drop(census.tracked::<Page>());
        }
        census.drops().set(nth);
        // SAFETY: the newest checkpoint; the values are not used.
        let blown = blows(|| unsafe { arena.reset_to(checkpoint) });
        assert_eq!(blown, nth > 0);
        assert_eq!(
            (census.live(), arena.usage().allocated),
            (nth + 1, allocated)
        );
    }
    arena.reset();
    assert_eq!(census.live(), 0);
}

/// Checkpoints and scopes mix, as long as both are left in order.
#[test]
fn checkpoints_inside_of_scopes() {
    let arena = Arena::new();
    let mut naive = NaiveArena::new(8);
    naive.placed(arena.alloc(1));
    for _ in 0..3 {
        let outer = arena.checkpoint();
        naive.open();
        naive.placed(arena.alloc_bytes(2000));
        let scope = arena.scope();
        naive.open();
        naive.placed(scope.alloc_bytes(5000));
        let inner = scope.checkpoint();
        naive.open();
        naive.placed(scope.alloc_bytes(50_000));
        naive.close();
        // SAFETY: the newest checkpoint of the scope; what came since is forgotten.
        unsafe { scope.reset_to(inner) };
        naive.placed(scope.alloc_bytes(5000));
        naive.close();
        drop(scope);
        naive.close();
        // SAFETY: the newest checkpoint; the scope is closed.
        unsafe { arena.reset_to(outer) };
        naive.check();
        assert_eq!(arena.usage().allocated, 8);
    }
}
