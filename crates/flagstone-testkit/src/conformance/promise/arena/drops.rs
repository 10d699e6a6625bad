//! What an arena drops, it drops once, the newest first, whatever panics.

use std::cell::Cell;

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, WholeArena, each_arena},
    fuse::blows,
    value::{Bulk, Census, Event, Page, Tracked},
};

const VALUES: u64 = 7;

fn place<A: ArenaDoors>(arena: &A, census: &Census) {
    for n in 1..=VALUES {
        let id = match n % 4 {
            0 => arena.alloc_drop(census.tracked::<Page>()).id(),
            1 => arena.alloc_drop(census.tracked::<Bulk>()).id(),
            2 => arena.alloc_auto(census.tracked::<()>()).id(),
            _ => arena.alloc_drop(census.tracked::<[u8; 3]>()).id(),
        };
        assert_eq!(id, n);
        arena.alloc_bytes(n as usize * 100);
    }
}

fn drops(census: &Census) -> Vec<u64> {
    let log = census.take_log().into_iter();
    log.filter_map(|event| match event {
        Event::Dropped(id) => Some(id),
        _ => None,
    })
    .collect()
}

fn newest_first() -> Vec<u64> {
    (1..=VALUES).rev().collect()
}

/// By a reset, which drops nothing twice.
pub fn at_reset<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for _ in 0..3 {
            let census = Census::default();
            place(&arena, &census);
            assert_eq!(census.live(), VALUES as usize);
            arena.reset();
            assert_eq!(drops(&census), newest_first());
            arena.reset();
            assert_eq!((census.live(), drops(&census).len()), (0, 0));
        }
    });
}

/// With the arena.
pub fn with_the_arena<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let census = Census::default();
        place(&arena, &census);
        drop(arena);
        assert_eq!(drops(&census), newest_first());
    });
}

/// A destructor that panics at a reset: the others run, the memory is taken back, the panic goes on,
/// and the arena serves.
pub fn a_panic_at_reset<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for nth in 1..=VALUES as usize {
            let census = Census::default();
            place(&arena, &census);
            census.drops().set(nth);
            assert!(blows(|| arena.reset()));
            assert_eq!(drops(&census), newest_first());
            assert_eq!(arena.usage().allocated, 0);
            assert_eq!(arena.usage().chunks, 1, "chunks are merged all the same");
            adds_up(&arena);
            assert_eq!(*arena.alloc(nth), nth);
        }
    });
}

/// A destructor that panics when the arena is dropped: the others run, and chunks go back (or the
/// ledger fails).
pub fn a_panic_with_the_arena<K: ArenaKind>() {
    for nth in 1..=VALUES as usize {
        each_arena::<K>(|arena| {
            let census = Census::default();
            place(&arena, &census);
            census.drops().set(nth);
            assert!(blows(|| drop(arena)));
            assert_eq!(drops(&census), newest_first());
        });
    }
}

thread_local! {
    static NOTHINGS: Cell<usize> = const { Cell::new(0) };
}

/// Without a size, with a destructor.
struct Nothing;

impl Drop for Nothing {
    fn drop(&mut self) {
        NOTHINGS.set(NOTHINGS.get() + 1);
    }
}

/// Values without a size are dropped as others are.
pub fn without_a_size<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        NOTHINGS.set(0);
        for _ in 0..5 {
            arena.alloc_drop(Nothing);
        }
        assert_eq!(NOTHINGS.get(), 0);
        arena.reset();
        assert_eq!(NOTHINGS.get(), 5);
        arena.alloc_auto(Nothing);
        drop(arena);
        assert_eq!(NOTHINGS.get(), 6);
    });
}

/// What finds no room is handed back, and not dropped behind one's back.
pub fn what_is_refused_comes_back<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let census = Census::default();
        arena.set_limit(Some(0));
        for value in [census.tracked::<()>(), census.tracked()] {
            let id = value.id();
            let refused = arena.try_alloc_drop(value).expect_err("no byte is allowed");
            assert_eq!(refused.into_inner().id(), id);
        }
        let refused = arena
            .try_alloc_auto(census.tracked::<()>())
            .expect_err("as above");
        assert_eq!(refused.into_inner().id(), 3);
        let refused = arena
            .try_alloc_leak(census.tracked::<()>())
            .expect_err("as above");
        assert_eq!(refused.into_inner().id(), 4);
        let refused = arena.try_alloc_boxed(census.tracked::<()>());
        assert_eq!(refused.expect_err("as above").into_inner().id(), 5);
        assert_eq!((census.live(), drops(&census)), (0, vec![1, 2, 3, 4, 5]));
    });
}

/// Memory is there while destructors run.
pub fn memory_outlasts_destructors<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        let census = Census::default();
        let many: Vec<Tracked<Bulk>> = (0..3).map(|_| census.tracked()).collect();
        arena.alloc_drop(many);
        place_large(&arena, &census);
        arena.reset();
        assert_eq!(census.live(), 0);
        place_large(&arena, &census);
        drop(arena);
        assert_eq!(census.live(), 0);
    });
}

fn place_large<A: ArenaDoors>(arena: &A, census: &Census) {
    for _ in 0..20 {
        // `Tracked` looks at all its parts when it is dropped.
        arena.alloc_drop(census.tracked::<Bulk>());
    }
}
