//! Statistics are exact: what they say is what was done, whatever failed or panicked meanwhile.
#![expect(unsafe_code, reason = "makes handles of raw pointers")]

use flagstone::{
    AllocErrorKind, FixedPool, GrowingPool, LockFreePool, ThreadLocalPool, ThreadSafePool,
    pool::{FnHooks, GrowthStrategy, InitializationStrategy, Intrusive, NoHooks, PoolConfig},
    provider::Global,
    stats::{Collector, Kind, Metric, Report, Snapshot},
};
use flagstone_testkit::{
    fuse::{Fuse, blow, blows},
    heap_watch,
    provider::{Counting, FailNth},
    threads::scope,
    value::Census,
};
use proptest::{collection::vec, prelude::*};

/// The numbers that must add up at any time.
fn consistent(stats: &Snapshot, in_use: usize, capacity: usize) {
    let get = |metric| stats.get(metric);
    assert_eq!(get(Metric::InUse), in_use as u64);
    assert_eq!(get(Metric::Capacity), capacity as u64);
    assert_eq!(get(Metric::Allocations) - get(Metric::Frees), in_use as u64);
    assert!(get(Metric::PeakInUse) >= in_use as u64);
    assert!(get(Metric::PeakBytesReserved) >= get(Metric::BytesReserved));
}

/// The chunks that were counted are those of the provider's ledger.
fn agrees_with<P: flagstone::Provider>(stats: &Snapshot, ledger: &Counting<P>) {
    assert_eq!(stats.get(Metric::ChunksAdded), ledger.requests() as u64);
    assert_eq!(stats.get(Metric::ChunksReturned), ledger.frees() as u64);
    assert_eq!(stats.get(Metric::BytesReserved), ledger.live_bytes() as u64);
}

/// What threads do to a pool with a lock is counted under it.
#[test]
fn a_shared_pool_is_exact() {
    let pool = ThreadSafePool::<_>::new(8);
    let work = || {
        for n in 0..1000 {
            drop(pool.alloc(n));
            drop(pool.alloc_with(|| n));
            drop(pool.alloc_uninit());
        }
    };
    let held = pool.alloc(7).expect("one of eight");
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let stats = pool.stats();
    consistent(&stats, 1, 8);
    assert_eq!(stats.get(Metric::Allocations), 6001);
    drop(held);
    let all: Vec<_> = (0..9).map(|n| pool.alloc(n)).collect();
    consistent(&pool.stats(), 8, 8);
    assert_eq!(pool.stats().get(Metric::Exhausted), 1);
    drop(all);
    pool.restart_stats();
    consistent(&pool.stats(), 0, 8);
    assert_eq!(pool.stats().get(Metric::Allocations), 0);
}

/// Each thread's instance counts for itself.
#[test]
fn a_pool_for_each_thread_counts_for_each() {
    let pool = ThreadLocalPool::new(8);
    drop(pool.alloc(1));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(pool.stats(), Snapshot::default());
            drop((pool.alloc(1), pool.alloc(2)));
            assert_eq!(pool.stats().get(Metric::Frees), 2);
        });
    });
    assert_eq!(pool.stats().get(Metric::Allocations), 1);
}

/// Random calls on a growing pool: after each, every number is the one a naive account has.
#[test]
fn numbers_are_exact_after_every_call() {
    proptest!(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() },
    |(ops in vec((0_u8..7, any::<usize>()), 1..200))| {
        let config = PoolConfig::builder()
            .capacity(10)
            .max_capacity(Some(120))
            .growth_strategy(GrowthStrategy::Linear { amount: 7 })
            .build()
            .expect("in range");
        let mut pool: GrowingPool<u64, _, _, 1024> =
            GrowingPool::with_parts(config, NoHooks, Counting::<Global>::default())
                .expect("memory");
        let (mut allocations, mut refused, mut peak) = (0_u64, 0_u64, 0_usize);
        let mut kept = Vec::new();
        for (op, at) in ops {
            match op {
                0..=2 => for n in 0..at % 30 {
                    match pool.alloc(n as u64) {
                        Ok(handle) => {
                            allocations += 1;
                            kept.push(flagstone::OwnedHandle::into_raw(handle));
                        }
                        Err(_) => refused += 1,
                    }
                },
                3 => for _ in 0..at % 30 {
                    if let Some(value) = kept.pop() {
                        // SAFETY: kept, so it came from `into_raw` and no handle exists.
                        drop(unsafe { pool.from_raw(value) });
                    }
                },
                4 => match pool.alloc_uninit() {
                    Ok(_) => {
                        allocations += 1;
                        peak = peak.max(kept.len() + 1);
                    }
                    Err(_) => refused += 1,
                },
                5 => {
                    pool.shrink_to_fit();
                }
                _ => if at % 8 == 0 {
                    kept.clear();
                    pool.clear();
                },
            }
            peak = peak.max(kept.len());
            let stats = pool.stats();
            consistent(&stats, pool.in_use(), pool.capacity());
            agrees_with(&stats, pool.provider());
            prop_assert_eq!(stats.get(Metric::Allocations), allocations);
            prop_assert_eq!(stats.get(Metric::Exhausted), refused);
            prop_assert_eq!(stats.refused(), refused);
            prop_assert_eq!(stats.get(Metric::PeakInUse), peak as u64);
            prop_assert_eq!(stats.get(Metric::InUse), kept.len() as u64);
        }
        pool.clear();
    });
}

/// A fixed pool has one chunk, and counts every door.
#[test]
fn every_door_is_counted() {
    let config = PoolConfig::builder()
        .capacity(3)
        .initialization(InitializationStrategy::eager(|| 7_u64))
        .build()
        .expect("in range");
    let provider = Counting::<Global>::default();
    let pool =
        FixedPool::with_parts(config, Intrusive::default(), NoHooks, &provider).expect("memory");
    // Values made ahead are nobody's.
    consistent(&pool.stats(), 0, 3);
    agrees_with(&pool.stats(), &provider);
    let first = pool.alloc_init().expect("a slot is free");
    let second = pool.alloc_with(|| 8).expect("a slot is free");
    let third = pool.alloc_uninit().expect("a slot is free").write(9);
    assert!(pool.alloc(10).is_err() && pool.alloc_with(|| 10).is_err());
    let stats = pool.stats();
    consistent(&stats, 3, 3);
    assert_eq!(stats.get(Metric::Allocations), 3);
    assert_eq!(stats.refused(), 2);
    assert_eq!(stats.served(), Some(0.6));
    assert_eq!(flagstone::OwnedHandle::into_inner(first), 7);
    drop((second, third));
    consistent(&pool.stats(), 0, 3);
    assert_eq!(pool.stats().get(Metric::PeakInUse), 3);
}

/// Refusals are told apart.
#[test]
fn failures_are_counted_by_kind() {
    let pool = FixedPool::<u8>::new(0);
    for _ in 0..3 {
        assert!(pool.alloc(1).is_err());
    }
    assert!(pool.alloc_init().is_err());
    let stats = pool.stats();
    assert_eq!(stats.get(Metric::Exhausted), 3);
    assert_eq!(stats.get(Metric::NoInitializer), 1);

    let pool = GrowingPool::<u64, _, _>::new_in(0, FailNth::after(1));
    let refused = pool.alloc(1).expect_err("no memory for a slab");
    assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
    let stats = pool.stats();
    assert_eq!(stats.get(Metric::OutOfMemory), 1);
    assert_eq!(stats.get(Metric::Growths), 0);
    pool.provider().relent();
    let handle = pool.alloc(1);
    let stats = pool.stats();
    assert_eq!(stats.get(Metric::Growths), 1);
    assert_eq!(stats.get(Metric::ChunksAdded), 2);
    assert_eq!(stats.served(), Some(0.5));
    drop(handle);
}

/// A panic at any step leaves the numbers right.
#[test]
fn panics_are_counted_as_coming_and_going() {
    let census = Census::default();
    let (acquire, release) = (Fuse::never(), Fuse::never());
    let hooks = FnHooks::new(
        {
            let fuse = acquire.clone();
            move |_: &mut flagstone_testkit::value::Tracked| fuse.tick()
        },
        {
            let fuse = release.clone();
            move |_: &mut flagstone_testkit::value::Tracked| fuse.tick()
        },
    );
    let mut pool = FixedPool::with_hooks(4, hooks).expect("memory");
    acquire.set(1);
    assert!(blows(|| drop(pool.alloc(census.tracked()))));
    assert!(blows(|| drop(pool.alloc_with(|| blow()))));
    acquire.set(1);
    let vacant = pool.alloc_uninit().expect("a slot is free");
    assert!(blows(|| drop(vacant.write(census.tracked()))));
    let handle = pool.alloc(census.tracked()).expect("a slot is free");
    release.set(1);
    assert!(blows(|| drop(handle)));
    let handle = pool.alloc(census.tracked()).expect("a slot is free");
    census.drops().set(1);
    assert!(blows(|| drop(handle)));
    std::mem::forget(pool.alloc(census.tracked()));
    std::mem::forget(pool.alloc(census.tracked()));
    consistent(&pool.stats(), 2, 4);
    census.drops().set(1);
    assert!(blows(|| pool.clear()));
    let stats = pool.stats();
    consistent(&stats, 0, 4);
    assert_eq!(stats.get(Metric::Allocations), 7);
    assert_eq!(stats.get(Metric::PeakInUse), 2);
}

/// Counting anew forgets what was done and not what is.
#[test]
fn a_restart_keeps_what_is_in_use() {
    let pool = GrowingPool::new(10);
    let mut handles: Vec<_> = (0..8).map(|n| pool.alloc(n)).collect();
    handles.truncate(3);
    let before = pool.stats();
    pool.restart_stats();
    let stats = pool.stats();
    consistent_gauges(&stats, &before);
    for metric in Metric::ALL {
        if metric.kind() == Kind::Counter {
            assert_eq!(stats.get(*metric), 0, "{metric:?}");
        }
    }
    drop(handles);
    let stats = pool.stats();
    assert_eq!(stats.get(Metric::InUse), 0);
    assert_eq!(stats.get(Metric::PeakInUse), 3);
    assert_eq!(stats.get(Metric::Frees), 3);
}

/// So does one of a pool whose threads count for themselves, whether they go on, begin or have ended.
#[test]
fn a_restart_of_a_lock_free_pool_keeps_what_is_in_use() {
    let pool = LockFreePool::<u64>::new(10);
    let mut handles: Vec<_> = (0..8).map(|n| pool.alloc(n)).collect();
    scope(|scope| {
        scope.spawn(|| drop(pool.alloc(8)));
    });
    handles.truncate(3);
    let before = pool.stats();
    assert_eq!(before.get(Metric::Allocations), 9);
    pool.restart_stats();
    let stats = pool.stats();
    consistent_gauges(&stats, &before);
    for metric in Metric::ALL {
        if metric.kind() == Kind::Counter {
            assert_eq!(stats.get(*metric), 0, "{metric:?}");
        }
    }
    assert_eq!(stats.get(Metric::PeakInUse), 3);
    scope(|scope| {
        scope.spawn(|| drop(pool.alloc(9)));
    });
    drop(handles);
    let stats = pool.stats();
    assert_eq!(stats.get(Metric::InUse), 0);
    assert_eq!(stats.get(Metric::PeakInUse), 3);
    assert_eq!(stats.get(Metric::Allocations), 1);
    assert_eq!(stats.get(Metric::Frees), 4);
}

fn consistent_gauges(stats: &Snapshot, before: &Snapshot) {
    for metric in [Metric::InUse, Metric::BytesReserved, Metric::Capacity] {
        assert_eq!(stats.get(metric), before.get(metric));
    }
    assert_eq!(stats.get(Metric::PeakInUse), stats.get(Metric::InUse));
    assert_eq!(
        stats.get(Metric::PeakBytesReserved),
        stats.get(Metric::BytesReserved)
    );
}

/// Snapshots of parts add up; the difference of two is what happened between them.
#[test]
fn snapshots_add_up_and_subtract() {
    let part = |allocations: usize, frees: usize| {
        let collector = Collector::new();
        (0..allocations).for_each(|_| collector.allocated());
        (0..frees).for_each(|_| collector.freed());
        collector.snapshot().with(Metric::Capacity, 10)
    };
    let parts = [part(5, 2), part(3, 3), Snapshot::default()];
    let sum: Snapshot = parts.iter().sum();
    assert_eq!(sum, parts[0] + parts[1]);
    assert_eq!(sum.get(Metric::Allocations), 8);
    assert_eq!(sum.get(Metric::InUse), 3);
    assert_eq!(sum.get(Metric::Capacity), 20);
    assert_eq!(sum.get(Metric::PeakInUse), 8, "an upper bound");
    assert_eq!(sum.utilization(), Some(0.15));
    let since = sum.since(&parts[0]);
    assert_eq!(since.get(Metric::Allocations), 3);
    assert_eq!(since.get(Metric::InUse), 3, "gauges are of now");
    assert_eq!(Snapshot::default().served(), None);
    assert_eq!(Snapshot::default().utilization(), None);
}

/// Names are unique, so that no program reads one number as another.
#[test]
fn names_are_unique_and_plain() {
    let names: std::collections::BTreeSet<_> = Metric::ALL.iter().map(|m| m.name()).collect();
    assert_eq!(names.len(), Metric::ALL.len());
    for name in names {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        assert_ne!(name, "name");
    }
}

/// Whatever the parts are called, a JSON parser reads back what the snapshots say.
#[test]
fn json_is_json() {
    let pool = FixedPool::new(3);
    let handle = pool.alloc(1);
    let odd = "a \"pool\"\\ of\n\u{1}\u{7f}tabs\t, ünïcödé \u{1F600}\u{2028}";
    let full = Snapshot::default().with(Metric::Allocations, u64::MAX);
    let parts = [
        ("", Snapshot::default()),
        (odd, pool.stats()),
        ("full", full),
    ];
    let text = Report::new(&parts).json().to_string();
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let objects = parsed.as_array().expect("an array");
    assert_eq!(objects.len(), parts.len());
    for (object, (name, snapshot)) in objects.iter().zip(parts) {
        let object = object.as_object().expect("an object");
        assert_eq!(object.len(), Metric::ALL.len() + 1, "no name twice");
        assert_eq!(object["name"], name);
        for (metric, number) in snapshot.iter() {
            assert_eq!(object[metric.name()], number);
        }
    }
    assert_eq!(Report::new(&[]).json().to_string(), "[]");
    drop(handle);
}

/// The table names each part and each metric that has something to say, and lines up.
#[test]
fn the_table_lines_up() {
    let some = Snapshot::default()
        .with(Metric::Capacity, 12_345)
        .with(Metric::InUse, 7);
    let parts = [("a", some), ("a long name", Snapshot::default())];
    let report = Report::new(&parts);
    let text = report.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines.iter().all(|line| line.len() == lines[0].len()),
        "{text}"
    );
    assert!(lines[0].ends_with("a long name"));
    let words: Vec<_> = lines[1].split_whitespace().collect();
    assert_eq!(words, ["capacity", "12345", "0"]);
    assert_eq!(report.total(), some);
}

/// Counting, looking and printing into something with room allocate nothing.
#[test]
fn looking_allocates_nothing() {
    use std::fmt::Write as _;
    let pool = FixedPool::new(3);
    let mut text = String::with_capacity(1 << 14);
    let calls = heap_watch::calls_during(|| {
        drop(pool.alloc(1));
        let parts = [("pool", pool.stats())];
        let report = Report::new(&parts);
        write!(text, "{report}{}", report.json()).expect("a string has room");
    });
    assert_eq!(calls, 0);
    assert!(text.len() < text.capacity());
}
