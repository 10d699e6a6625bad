//! Empty arenas share nothing and write to nothing that is shared, and an arena moves to another
//! thread with what it keeps.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use flagstone::{Arena, arena::ArenaUsage};
use flagstone_testkit::value::Census;

/// Values without a size, placed by threads in arenas of their own that have no chunk yet. (What a
/// race detector checks.)
#[test]
fn threads_with_fresh_arenas() {
    const ROUNDS: usize = if cfg!(miri) { 5 } else { 200 };
    let barrier = Barrier::new(2);
    let work = || {
        for _ in 0..ROUNDS {
            let mut arena = Arena::<_, 1>::with_min_align();
            barrier.wait();
            arena.alloc(());
            arena.alloc_slice_copy::<u64>(&[]);
            assert!(arena.alloc_str("").is_empty());
            arena.alloc_layout(std::alloc::Layout::new::<[u128; 0]>());
            drop(arena.scope());
            arena.reset();
            arena.shrink_to(0);
            assert_eq!(arena.usage().reserved, 0);
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
}

/// Built in a constant, and asks for nothing until it has to.
#[test]
fn a_constant_arena() {
    static PLACED: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..2 {
        let mut arena = const { Arena::new() };
        let usage: ArenaUsage = arena.usage();
        assert_eq!((usage.reserved, usage.chunks, usage.wasted), (0, 0, 0));
        arena.reset();
        arena.shrink_to(0);
        assert_eq!(arena.used_bytes().count(), 0);
        PLACED.fetch_add(*arena.alloc(1), Ordering::Relaxed);
    }
    assert_eq!(PLACED.load(Ordering::Relaxed), 2);
    assert_eq!(Arena::default().usage().reserved, 0);
}

/// What was placed here is dropped there, and moving the arena moves no value.
#[test]
fn an_arena_moves_to_another_thread() {
    let census = Census::default();
    let arena = Arena::new();
    let place = std::ptr::from_ref(arena.alloc_drop(census.tracked::<()>())).addr();
    let mut arenas = vec![arena];
    arenas.reserve(100);
    let there = thread::spawn(move || {
        let mut arena = arenas.pop().expect("one was pushed");
        let next = std::ptr::from_ref(arena.alloc_drop(census.tracked::<()>())).addr();
        assert_eq!(census.live(), 2);
        arena.reset();
        assert_eq!(census.live(), 0);
        next
    });
    assert!(there.join().expect("no panic") > place);
}

/// An arena with a first chunk of a given size needs no other until that is full, and one that cannot
/// be had is refused.
#[test]
fn a_first_chunk() {
    for bytes in [0, 1, 100, 1000, 100_000] {
        let arena = Arena::with_capacity(bytes);
        arena.alloc_bytes(bytes);
        assert!(arena.usage().chunks <= 1);
        assert!(arena.usage().available < 64);
    }
    for bytes in [isize::MAX as usize, usize::MAX] {
        let error = Arena::try_with_capacity(bytes).expect_err("no memory holds it");
        assert!(error.out_of_memory().is_some());
    }
}
