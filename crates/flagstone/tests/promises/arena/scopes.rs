//! A scope frees what is its own, and nothing else.

use std::{
    cell::Cell,
    mem::{ManuallyDrop, MaybeUninit},
};

use flagstone::{
    AllocErrorKind, Arena,
    provider::{ByteRegion, Global, Provider},
};
use flagstone_testkit::{
    fuse::{blow, blows, panics},
    heap_watch,
    model::NaiveArena,
    provider::Counting,
    value::{Census, Event},
};

/// Nested, each a little more than a chunk: what is outside stays as it is.
fn nest<P: Provider>(arena: &Arena<P>, naive: &mut NaiveArena, depth: usize) {
    for n in 0..30_u64 {
        naive.placed(arena.alloc([n; 9]));
    }
    let before = arena.usage();
    if depth > 0 {
        for _ in 0..2 {
            naive.open();
            let scope = arena.scope();
            assert_eq!(scope.usage().allocated, before.allocated);
            nest(&scope, naive, depth - 1);
            naive.close();
            drop(scope);
            assert_eq!(arena.usage().allocated, before.allocated);
            naive.check();
        }
    }
    naive.placed(arena.alloc_bytes(50));
}

#[test]
fn scopes_nest() {
    let mut arena = Arena::new();
    let mut naive = NaiveArena::new(8);
    nest(&arena, &mut naive, 5);
    naive.clear();
    arena.reset();
    assert_eq!(arena.usage().chunks, 1);
}

/// The memory of a scope serves the next one: a loop of scopes asks for nothing.
#[test]
fn a_loop_of_scopes_allocates_nothing() {
    let arena = Arena::<_>::new_in(Counting::new(Global));
    arena.alloc(1_u8);
    let work = || {
        let scope = arena.scope();
        for n in 0..1000_u64 {
            scope.alloc(n);
        }
        scope.scoped(|inner| inner.alloc_bytes(20_000).len());
        scope.alloc_bytes(300_000);
        scope.alloc_drop(7);
    };
    work();
    let before = arena.usage();
    let calls = heap_watch::calls_during(|| (0..50).for_each(|_| work()));
    assert_eq!((calls, arena.usage()), (0, before));
}

/// The same after a reset: what scopes needed is one chunk then.
#[test]
fn cycles_with_scopes_reach_a_steady_state() {
    for size in (500..20_000).step_by(500) {
        let mut arena = Arena::<_>::new_in(Counting::new(Global));
        let mut cycle = || {
            for _ in 0..3 {
                arena.alloc([7_u64; 20]);
                let scope = arena.scope();
                scope.alloc_bytes(size);
                scope.scoped(|inner| inner.alloc_bytes(size / 2).len());
            }
            arena.reset();
            assert_eq!(arena.usage().chunks, 1);
            arena.provider().calls()
        };
        cycle();
        let calls = cycle();
        assert_eq!((cycle(), cycle()), (calls, calls), "{size} bytes");
    }
}

/// While a scope is open the arena refuses, whatever it is asked for, and has nothing.
#[test]
fn an_arena_with_an_open_scope_refuses() {
    let arena = Arena::new();
    let value = arena.alloc(1);
    let scope = arena.scope();
    let refused = [
        arena.try_alloc(2).map(drop).map_err(|error| error.kind()),
        arena
            .try_alloc_str("text")
            .map(drop)
            .map_err(|error| error.kind()),
        arena
            .try_alloc_bytes(100_000)
            .map(drop)
            .map_err(|error| error.kind()),
        arena
            .try_alloc_drop(String::new())
            .map(drop)
            .map_err(|error| error.kind()),
        arena
            .try_alloc_slice_iter(0..3)
            .map(drop)
            .map_err(|error| error.kind()),
        arena.try_scope().map(drop).map_err(|error| error.kind()),
    ];
    assert_eq!(refused, [Err(AllocErrorKind::Claimed); 6]);
    assert!(panics(|| drop(arena.scope())));
    assert!(panics(|| arena.scoped(|_| ())));
    arena.alloc(());
    assert!(arena.alloc_str("").is_empty());
    assert_eq!((arena.usage().reserved, arena.usage().allocated), (0, 0));
    *value += *scope.alloc(3);
    drop(scope);
    assert_eq!((*value, *arena.alloc(2)), (4, 2));
}

/// Values that a scope keeps are dropped with it, the newest first; those outside are not.
#[test]
fn a_scope_drops_what_it_keeps() {
    let census = Census::default();
    let mut arena = Arena::new();
    arena.alloc_drop(census.tracked::<()>());
    {
        let scope = arena.scope();
        scope.alloc_drop(census.tracked::<()>());
        scope.scoped(|inner| inner.alloc_drop(census.tracked::<()>()).id());
        scope.alloc_drop(census.tracked::<()>());
        let boxed = scope.alloc_boxed(census.tracked::<()>());
        assert_eq!(boxed.id(), 5);
    }
    let dropped = |census: &Census| {
        let log = census.take_log();
        let dropped = log.into_iter().filter_map(|event| match event {
            Event::Dropped(id) => Some(id),
            _ => None,
        });
        dropped.collect::<Vec<_>>()
    };
    assert_eq!(dropped(&census), [3, 5, 4, 2]);
    assert_eq!(census.live(), 1);
    arena.reset();
    assert_eq!(dropped(&census), [1]);
}

/// Whatever panics inside, or while it is closed, the scope is closed and the arena serves.
#[test]
fn a_panic_closes_the_scope() {
    let census = Census::default();
    let arena = Arena::new();
    arena.alloc(1_u64);
    let before = arena.usage().allocated;
    for nth in 0..=5 {
        let blown = blows(|| {
            arena.scoped(|scope| {
                for _ in 0..5 {
                    scope.alloc_drop(census.tracked::<()>());
                    scope.alloc_bytes(3000);
                }
                if nth == 0 {
                    blow();
                }
                census.drops().set(nth);
            });
        });
        assert!(blown);
        assert_eq!((census.live(), arena.usage().allocated), (0, before));
        arena.scope().alloc(2);
    }
}

thread_local! {
    static OURS: Arena = const { Arena::new() };
    static REFUSED: Cell<u32> = const { Cell::new(0) };
}

/// Allocates from its own arena when it is dropped.
struct Phoenix;

impl Drop for Phoenix {
    fn drop(&mut self) {
        OURS.with(|arena| match arena.try_alloc_drop(Self) {
            Ok(_) => panic!("the scope is being closed"),
            Err(refused) => {
                assert_eq!(refused.kind(), AllocErrorKind::Claimed);
                REFUSED.set(REFUSED.get() + 1);
                std::mem::forget(refused.into_inner());
            }
        });
    }
}

/// A destructor that runs while a scope is closed finds the arena claimed still.
#[test]
fn destructors_cannot_allocate_from_the_arena_of_their_scope() {
    OURS.with(|arena| {
        let scope = arena.scope();
        for _ in 0..3 {
            scope.alloc_drop(Phoenix);
        }
        drop(scope);
        assert_eq!(REFUSED.get(), 3);
        assert_eq!(*arena.alloc(1), 1);
        assert_eq!(arena.usage().allocated, 8);
    });
}

/// A scope that is forgotten keeps what it has; after a reset the arena serves again.
#[test]
fn a_forgotten_scope() {
    let census = Census::default();
    // What is lost is bytes of this test's.
    let mut memory = [const { MaybeUninit::uninit() }; 64 * 1024];
    let region = ByteRegion::new(&mut memory);
    let mut arena = Arena::<_>::new_in(&region);
    assert_eq!(arena.alloc_drop(census.tracked::<()>()).id(), 1);
    let lost = ManuallyDrop::new(arena.scope());
    let kept = ManuallyDrop::new(lost.alloc_boxed(census.tracked::<()>()));
    let refused = arena.try_alloc(1).map_err(|error| error.kind());
    assert_eq!(refused, Err(AllocErrorKind::Claimed));
    assert_eq!((kept.id(), *lost.alloc(7)), (2, 7));
    // So that its census is not lost as well.
    drop(ManuallyDrop::into_inner(kept));
    arena.reset();
    assert_eq!(census.live(), 0, "what the arena keeps is dropped");
    let usage = arena.usage();
    assert_eq!((usage.reserved, usage.chunks), (0, 0));
    for n in 0..1000 {
        assert_eq!(*arena.alloc(n), n);
    }
    drop(arena.scope());
    arena.reset();
    assert_eq!(arena.usage().chunks, 1);
}

/// A scope that is forgotten inside of another keeps the arena claimed beyond that, until a reset.
#[test]
fn a_forgotten_scope_in_another() {
    let mut memory = [const { MaybeUninit::uninit() }; 64 * 1024];
    let region = ByteRegion::new(&mut memory);
    let mut arena = Arena::<_>::new_in(&region);
    let outside = arena.alloc([7_u64; 10]);
    {
        let scope = arena.scope();
        scope.alloc([8_u64; 10]);
        let lost = ManuallyDrop::new(scope.scope());
        lost.alloc([9_u64; 10]);
    }
    let refused = arena.try_alloc(1).map_err(|error| error.kind());
    assert_eq!(refused, Err(AllocErrorKind::Claimed));
    assert_eq!(*outside, [7; 10], "its memory stays");
    arena.reset();
    for n in 0..1000_u64 {
        assert_eq!(*arena.alloc(n), n);
    }
}

/// A scope has the provider and the chunks of its arena, and begins with its limit; a limit set inside
/// ends with it.
#[test]
fn a_scope_is_its_arena() {
    let arena = Arena::<_>::new_in(Counting::new(Global));
    arena.set_limit(Some(100_000));
    let scope = arena.scope();
    assert_eq!(scope.limit(), Some(100_000));
    assert!(scope.try_alloc_bytes(200_000).is_err());
    scope.set_limit(Some(300_000));
    scope.alloc_bytes(200_000);
    assert_eq!(scope.usage().chunks, scope.provider().live());
    drop(scope);
    assert_eq!(arena.limit(), Some(100_000));
    assert_eq!(arena.usage().chunks, arena.provider().live());
    assert!(arena.usage().reserved > 200_000, "its chunks are kept");
}
