//! What arenas count is what happened.

use std::fmt;

use flagstone::{
    Arena, SyncArena,
    arena::LockArena,
    provider::Global,
    stats::{Metric, Report},
    sync::SpinLock,
};
use flagstone_testkit::provider::{Counting, FailNth};

#[test]
fn an_arena_is_exact() {
    let provider = Counting::new(Global);
    let mut arena: Arena<_> = Arena::new_in(&provider);
    for n in 0..100 {
        arena.alloc(n);
        arena.alloc_str("text");
        arena.alloc_drop(vec![n]);
    }
    let stats = arena.stats();
    assert_eq!(stats.get(Metric::Allocations), 300);
    assert_eq!(stats.get(Metric::ChunksAdded), provider.requests() as u64);
    assert_eq!(
        stats.get(Metric::BytesReserved),
        provider.live_bytes() as u64
    );
    assert_eq!(
        stats.get(Metric::BytesAllocated),
        arena.usage().allocated as u64
    );
    arena.reset();
    let stats = arena.stats();
    assert_eq!(stats.get(Metric::Resets), 1);
    assert_eq!(stats.get(Metric::ChunksReturned), provider.frees() as u64);
    assert_eq!(stats.get(Metric::BytesAllocated), 0);
    assert_eq!(
        stats.get(Metric::BytesReserved),
        provider.live_bytes() as u64
    );
    arena.restart_stats();
    assert_eq!(arena.stats().get(Metric::Allocations), 0);
    assert_eq!(
        arena.stats().get(Metric::BytesReserved),
        provider.live_bytes() as u64
    );
}

#[test]
fn a_scope_is_counted_when_it_closes() {
    let arena = Arena::new();
    arena.alloc(1);
    arena.scoped(|scope| {
        scope.alloc(2);
        assert_eq!(scope.stats().get(Metric::Allocations), 2);
        assert!(arena.try_alloc(3).is_err());
    });
    let stats = arena.stats();
    assert_eq!(stats.get(Metric::Allocations), 2);
    arena.alloc(4);
    assert_eq!(arena.stats().get(Metric::Allocations), 3);
}

/// Says that it cannot.
struct Unformattable;

impl fmt::Display for Unformattable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[test]
fn refusals_by_kind() {
    let arena: Arena<_> = Arena::new_in(FailNth::only(1));
    assert!(arena.try_alloc(1).is_ok(), "a smaller chunk is asked for");
    arena.set_limit(Some(100));
    assert!(arena.try_alloc([0_u8; 5000]).is_err());
    assert!(
        arena
            .try_alloc_fmt(format_args!("{Unformattable}"))
            .is_err()
    );
    let stats = arena.stats();
    assert_eq!(stats.get(Metric::LimitReached), 1);
    assert_eq!(stats.get(Metric::Format), 1);
    assert_eq!(stats.refused(), 2);
    let json = Report::new(&[("arena", stats)]).json().to_string();
    assert!(json.contains(r#""refused_limit":1"#));
}

#[test]
fn a_locked_arena_is_exact() {
    let arena = LockArena::<SpinLock>::new_in(Global);
    for n in 0..1000 {
        arena.alloc(n);
    }
    arena.set_limit(Some(0));
    assert!(arena.try_alloc_bytes(1_000_000).is_err());
    let stats = arena.stats();
    assert_eq!(stats.get(Metric::Allocations), 1000);
    assert_eq!(stats.get(Metric::LimitReached), 1);
}

#[test]
fn a_shared_arena_sums_its_local_ones() {
    let mut arena = SyncArena::new();
    {
        let (a, b) = (arena.local(), arena.local());
        for n in 0..1000 {
            a.alloc(n);
            b.alloc(n);
        }
        assert_eq!(a.stats().get(Metric::Allocations), 1000);
    }
    arena.reset();
    let stats = arena.stats();
    assert_eq!(stats.get(Metric::Allocations), 2000);
    assert_eq!(stats.get(Metric::Resets), 1);
    assert_eq!(
        stats.get(Metric::BytesReserved),
        arena.usage().reserved as u64
    );
    let kept = stats.get(Metric::ChunksAdded) - stats.get(Metric::ChunksReturned);
    assert_eq!(kept, arena.usage().chunks as u64);
}
