//! A provider may refuse, lie, panic and call back: the pool is exact, and every chunk goes back.
#![expect(unsafe_code, reason = "borrows a pool for ever")]

use std::{cell::Cell, rc::Rc};

use flagstone::{
    AllocErrorKind, FixedPool, GrowingPool, PoolConfig,
    pool::{Checked, GrowthStrategy, Intrusive, NoHooks},
    provider::{ByteRegion, Global, OsPages, Provider, StaticRegion},
};
use flagstone_testkit::{
    conformance::fill,
    fuse::{blow, blows},
    leaked::Leaked,
    provider::{Call, Counting, FailNth, Lie, Lying, Reentrant},
    value::{Census, Tracked},
};

type Small<T, P> = GrowingPool<T, NoHooks, P, 1024>;

fn small<T, P: Provider>(provider: P) -> Result<Small<T, P>, flagstone::ConfigError> {
    let config = PoolConfig::builder()
        .capacity(30)
        .growth_strategy(GrowthStrategy::Linear { amount: 30 });
    Small::with_parts(config.build()?, NoHooks, provider)
}

/// Whichever request is refused, the pool is not built, or goes on with what it has; and when there
/// is memory again it grows.
#[test]
fn a_refusal_at_any_request_loses_nothing() {
    let census = Census::default();
    for nth in 1..20 {
        let provider = Counting::new(FailNth::only(nth));
        let Ok(pool) = small::<Tracked, _>(&provider) else {
            assert_eq!(provider.live(), 0, "a chunk was kept");
            continue;
        };
        let mut handles = Vec::new();
        let mut refusals = 0;
        while handles.len() < 150 {
            let value = census.tracked::<()>();
            let id = value.id();
            match pool.alloc(value) {
                Ok(handle) => handles.push(handle),
                Err(error) => {
                    refusals += 1;
                    assert_eq!(error.kind(), AllocErrorKind::OutOfMemory);
                    assert_eq!(error.into_inner().id(), id);
                }
            }
            assert_eq!(pool.in_use(), handles.len());
        }
        assert!(refusals <= 1);
        assert_eq!(census.live(), 150);
        drop(handles);
        drop(pool);
        assert_eq!((census.live(), provider.live()), (0, 0));
    }
}

/// Memory that is out for good leaves what there is.
#[test]
fn a_pool_serves_on_when_memory_is_out() {
    let provider = FailNth::after(5);
    let pool = small::<u64, _>(&provider).expect("memory to begin with");
    let mut handles = fill(&pool, || 1);
    assert_eq!(handles.len(), pool.capacity());
    for round in 0..100 {
        handles.swap_remove(round % handles.len());
        handles.push(pool.alloc(2).expect("a slot is free"));
        let refused = pool.alloc(3).expect_err("there is no memory");
        assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
    }
    provider.relent();
    assert!(pool.alloc(4).is_ok());
}

/// A short or misaligned chunk is given back and reported, at whichever request.
#[test]
fn a_wrong_answer_is_found_out() {
    for lie in [Lie::Short, Lie::Misaligned] {
        let error = FixedPool::<u64, _, _, _>::try_new_in(10, Lying::at(1, lie));
        let error = error.err().and_then(|error| error.out_of_memory());
        let error = error.expect("memory was the problem");
        assert!(error.is_wrong_answer());
        assert_eq!(error.layout().size(), 80);
        for nth in 1..12 {
            // It fails at its end if the wrong chunk was not given back.
            let provider = Lying::at(nth, lie);
            let Ok(pool) = small::<u64, _>(&provider) else {
                continue;
            };
            let mut handles = Vec::new();
            let mut refusals = 0;
            while handles.len() < 300 {
                match pool.alloc(handles.len() as u64) {
                    Ok(handle) => handles.push(handle),
                    Err(error) => {
                        assert_eq!(error.kind(), AllocErrorKind::OutOfMemory);
                        refusals += 1;
                    }
                }
            }
            assert!(refusals <= 1);
            assert!(
                handles
                    .iter()
                    .enumerate()
                    .all(|(n, handle)| **handle == n as u64)
            );
        }
    }
}

/// A pool on a provider that calls back; the pool's own handle to it is for the callback.
fn calling_back(
    use_pool: impl Fn(Call, &'static Small<u64, Reentrant>) + 'static,
) -> Leaked<Small<u64, Reentrant>> {
    let pool = small::<u64, _>(Reentrant::default()).expect("memory");
    // SAFETY: handles made in callbacks are dropped or forgotten there, others before the pool;
    // every test hushes the provider before it ends.
    let leaked = unsafe { Leaked::new(pool) };
    let pool = leaked.get();
    pool.provider().call(move |call| use_pool(call, pool));
    leaked
}

/// A provider that uses the pool while the pool grows: both get their slots.
#[test]
fn a_provider_may_use_the_pool_that_grows() {
    let leaked = calling_back(|call, pool| {
        if call == Call::Alloc {
            for n in 0..100 {
                std::mem::forget(pool.alloc(n).expect("the inner call grows"));
            }
        }
    });
    let pool = leaked.get();
    let mut handles = Vec::new();
    let before = pool.slabs();
    while pool.slabs() < before + 10 {
        handles.push(pool.alloc(7).expect("it grows"));
    }
    assert!(handles.iter().all(|handle| **handle == 7));
    assert_eq!((pool.in_use() - handles.len()) % 100, 0);
    assert!(pool.in_use() > handles.len());
    pool.provider().hush();
}

/// The limit holds although the pool was used in the middle of growing.
#[test]
fn a_provider_that_uses_the_pool_cannot_push_it_past_its_limit() {
    let config = PoolConfig::builder()
        .capacity(0)
        .max_capacity(Some(100))
        .growth_strategy(GrowthStrategy::Linear { amount: 1 });
    let pool = Small::<u64, _>::with_parts(
        config.build().expect("in range"),
        NoHooks,
        Reentrant::default(),
    );
    // SAFETY: handles are forgotten in the callback, or dropped before the pool.
    let leaked = unsafe { Leaked::new(pool.expect("memory")) };
    let pool = leaked.get();
    pool.provider().call(move |call| {
        if call == Call::Alloc {
            while let Ok(handle) = pool.alloc(1) {
                std::mem::forget(handle);
            }
        }
    });
    assert!(pool.alloc(2).is_err(), "the inner calls took all");
    assert_eq!((pool.capacity(), pool.in_use()), (100, 100));
    pool.provider().hush();
}

/// A provider that uses the pool while a slab goes back.
#[test]
fn a_provider_may_use_the_pool_that_shrinks() {
    let frees = Rc::new(Cell::new(0));
    let leaked = calling_back({
        let frees = Rc::clone(&frees);
        move |call, pool| {
            if call == Call::Free {
                frees.set(frees.get() + 1);
                let some: Vec<_> = (0..50).map(|n| pool.alloc(n)).collect();
                assert!(some.iter().all(Result::is_ok));
            }
        }
    });
    let pool = leaked.get();
    let handles: Vec<_> = (0..3000)
        .map(|n| pool.alloc(n).expect("it grows"))
        .collect();
    drop(handles);
    assert!(frees.get() > 0);
    assert!(pool.is_empty());
    pool.shrink_to_fit();
    pool.provider().hush();
    assert_eq!(fill_to(pool, 200), 200);
}

/// The number that `shrink_to_fit` returns is about what it returned, not about what the provider
/// did meanwhile.
#[test]
fn a_provider_that_grows_the_pool_while_it_shrinks_breaks_no_count() {
    let leaked = calling_back(|call, pool| {
        if call == Call::Free {
            (0..300).for_each(|n| std::mem::forget(pool.alloc(n)));
        }
    });
    let pool = leaked.get();
    let slots = pool.slots_per_slab();
    let went = pool.shrink_to_fit();
    assert!(went > 0 && went.is_multiple_of(slots), "{went} slots");
    pool.provider().hush();
    assert!(pool.in_use() >= 300);
}

fn fill_to<P: Provider>(pool: &Small<u64, P>, count: u64) -> usize {
    let handles: Vec<_> = (0..count).filter_map(|n| pool.alloc(n).ok()).collect();
    handles.len()
}

/// A provider that panics in the middle of growth leaves the pool as it was.
#[test]
fn a_provider_that_panics_changes_nothing() {
    let leaked = calling_back(|call, _| {
        if call == Call::Alloc {
            blow();
        }
    });
    let pool = leaked.get();
    let mut handles = Vec::new();
    while !pool.is_full() {
        handles.push(pool.alloc(1).expect("a slot is free"));
    }
    for _ in 0..3 {
        let (capacity, in_use) = (pool.capacity(), pool.in_use());
        assert!(blows(|| drop(pool.alloc(2))));
        assert_eq!((pool.capacity(), pool.in_use()), (capacity, in_use));
        // The callback went with the panic; the next round has another.
        pool.provider().call(|_| blow());
    }
    handles.pop();
    pool.provider().hush();
    assert_eq!(fill_to(pool, 200), 200);
}

/// One chunk for a fixed pool, bits included; one for a growing pool and one per slab.
#[test]
fn chunks_are_as_few_as_they_say() {
    let counting = <Counting>::default();
    let fixed = FixedPool::<u64, _, _, _>::new_in(1000, &counting);
    assert_eq!((counting.live(), counting.live_bytes()), (1, 8000));
    drop(fixed);
    let config = PoolConfig::<u64>::with_capacity(1000);
    let checked = Checked::<Intrusive>::default();
    let checked = FixedPool::with_parts(config, checked, NoHooks, &counting);
    assert_eq!((counting.live(), counting.live_bytes()), (1, 8000 + 128));
    drop(checked);
    let growing = small::<u64, _>(&counting).expect("memory");
    assert_eq!(counting.live(), 1 + growing.slabs());
    drop(growing);
    assert_eq!(counting.live(), 0);
}

/// Each provider by its own type, by value and by reference, as users write it.
#[test]
fn every_provider_serves_both_pools() {
    fn serves<P: Provider>(fixed: P, growing: P) {
        let fixed = FixedPool::<[u64; 4], _, _, _>::new_in(50, fixed);
        assert_eq!(fill(&fixed, || [1; 4]).len(), 50);
        let growing = small::<[u64; 4], _>(growing).expect("memory");
        let handles: Vec<_> = (0..100).map(|n| growing.alloc([n; 4])).collect();
        assert!(
            handles
                .iter()
                .flatten()
                .enumerate()
                .all(|(n, h)| h[3] == n as u64)
        );
        assert_eq!(growing.in_use(), 100);
    }
    static STATIC: StaticRegion<{ 64 * 1024 }> = StaticRegion::new();
    serves(Global, Global);
    serves(&STATIC, &STATIC);
    if !cfg!(miri) {
        serves(OsPages, OsPages);
    }
    let mut bytes = [[std::mem::MaybeUninit::uninit(); 32 * 1024]; 2];
    let (fixed, growing) = bytes.split_at_mut(1);
    serves(
        ByteRegion::new(&mut fixed[0]),
        ByteRegion::new(&mut growing[0]),
    );
    let region = ByteRegion::new(&mut growing[0]);
    serves(&region, &region);
}

/// A region that is too small for a pool leaves nothing behind in it.
#[test]
fn a_region_that_is_too_small_is_left_whole() {
    for len in 0..6 * 1024 {
        if len % 37 != 0 && cfg!(miri) {
            continue;
        }
        let mut bytes = vec![std::mem::MaybeUninit::uninit(); len];
        let region = Counting::new(ByteRegion::new(&mut bytes));
        let fixed = FixedPool::<u64, _, _, _>::try_new_in(100, &region).map(|pool| pool.capacity());
        assert!(fixed.is_err() || len >= 800);
        assert!(fixed.is_ok() || len < 800 + 64);
        let growing = small::<u64, _>(&region).map(|pool| pool.capacity());
        assert!(growing.is_err() || len > 1024);
        assert_eq!(region.live(), 0);
    }
}
