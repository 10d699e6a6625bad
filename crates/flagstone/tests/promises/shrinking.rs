//! Empty slabs go back to the provider, but not those that are needed again at once.

use std::mem::forget;

use flagstone::{
    GrowingPool, PoolConfig,
    pool::{GrowingHandle, GrowthStrategy, NoHooks},
};
use flagstone_testkit::provider::Counting;

type Value = [u8; 64];
type Small<'c> = GrowingPool<Value, NoHooks, &'c Counting, 1024>;
type Handle<'p, 'c> = GrowingHandle<'p, Value, NoHooks, &'c Counting, 1024>;

fn small(counting: &Counting, capacity: usize) -> Small<'_> {
    let config = PoolConfig::builder()
        .capacity(capacity)
        .growth_strategy(GrowthStrategy::Linear { amount: 1 });
    Small::with_parts(config.build().expect("in range"), NoHooks, counting).expect("memory")
}

fn take<'p, 'c>(pool: &'p Small<'c>, count: usize) -> Vec<Handle<'p, 'c>> {
    (0..count)
        .map(|n| pool.alloc([n as u8; 64]).expect("it grows"))
        .collect()
}

/// At every number of live values, a load that swings by one asks the provider for nothing.
#[test]
fn a_swing_around_any_boundary_maps_nothing() {
    let counting = Counting::default();
    let pool = small(&counting, 0);
    let mut handles = Vec::new();
    for _ in 0..5 * pool.slots_per_slab() {
        // Before each step: one more and one less, several times. The first may map a slab.
        drop(pool.alloc([0; 64]));
        let before = counting.calls();
        for _ in 0..10 {
            drop(pool.alloc([0; 64]));
            let two = (pool.alloc([0; 64]), pool.alloc([1; 64]));
            drop(two);
        }
        assert!(
            counting.calls() <= before + 1,
            "at {} values",
            handles.len()
        );
        let before = counting.calls();
        for _ in 0..10 {
            drop((pool.alloc([0; 64]), pool.alloc([1; 64])));
        }
        assert_eq!(counting.calls(), before, "at {} values", handles.len());
        handles.push(pool.alloc([2; 64]).expect("it grows"));
    }
}

/// However much is in use, a swing by up to a slab and one value maps nothing after the first time.
#[test]
fn a_swing_by_a_slab_maps_nothing() {
    let counting = Counting::default();
    let pool = small(&counting, 0);
    let per_slab = pool.slots_per_slab();
    for held in 0..=2 * per_slab {
        let held = take(&pool, held);
        for swing in [1, 2, per_slab - 1, per_slab, per_slab + 1] {
            drop(take(&pool, swing));
            let before = counting.calls();
            for _ in 0..5 {
                drop(take(&pool, swing));
            }
            assert_eq!(counting.calls(), before, "by {swing} at {}", held.len());
        }
        drop(held);
        pool.shrink_to_fit();
    }
}

/// After a spike little more is kept than is in use.
#[test]
fn a_spike_is_returned() {
    let counting = Counting::default();
    let pool = small(&counting, 0);
    let per_slab = pool.slots_per_slab();
    let base = take(&pool, 2 * per_slab);
    let mut spike = take(&pool, 100 * per_slab);
    let most = pool.slabs();
    assert!(most >= 102);
    // In the order of allocation, in reverse, and every third first.
    for _ in 0..2 {
        let mut third = 0;
        spike.retain(|_| {
            third += 1;
            third % 3 != 0
        });
    }
    spike.reverse();
    drop(spike);
    assert_eq!(pool.in_use(), base.len());
    assert!(
        pool.slabs() <= 5,
        "{} of {most} slabs are left",
        pool.slabs()
    );
    assert_eq!(
        counting.live(),
        pool.slabs() + 1,
        "the slabs and the pool's own chunk"
    );
    assert_eq!(pool.capacity(), pool.slabs() * per_slab);
}

/// The capacity that a pool was built with is kept.
#[test]
fn the_first_capacity_stays() {
    let counting = Counting::default();
    let pool = small(&counting, 100);
    let capacity = pool.capacity();
    let slabs = pool.slabs();
    drop(take(&pool, 100));
    assert_eq!((pool.capacity(), pool.slabs()), (capacity, slabs));
    drop(take(&pool, 1000));
    assert!(pool.capacity() >= 100);
    drop(take(&pool, 100));
    let before = counting.calls();
    drop(take(&pool, 100));
    assert_eq!(counting.calls(), before);
}

#[test]
fn shrink_to_fit_returns_every_empty_slab() {
    let counting = Counting::default();
    let pool = small(&counting, 50);
    let mut handles = take(&pool, 300);
    let kept = handles.swap_remove(150);
    drop(handles);
    let before = pool.capacity();
    let went = pool.shrink_to_fit();
    assert_eq!(pool.capacity(), before - went);
    assert_eq!((pool.slabs(), kept[0]), (1, 150));
    assert_eq!(pool.shrink_to_fit(), 0);
    drop(kept);
    assert_eq!(pool.shrink_to_fit(), pool.slots_per_slab());
    assert_eq!((pool.capacity(), counting.live()), (0, 1));
    assert_eq!(take(&pool, 100).len(), 100, "and the pool serves on");
}

/// New values go to the fullest slab with room, so sparse ones drain.
#[test]
fn sparse_slabs_drain() {
    let counting = Counting::default();
    let pool = small(&counting, 0);
    let per_slab = pool.slots_per_slab();
    let slab_of = |value: &Value| value.as_ptr().addr() / pool.slab_bytes();
    let mut handles = take(&pool, 8 * per_slab);
    // Slab n keeps n + 1 values, as far as it goes.
    let mut slabs: Vec<_> = handles.iter().map(|handle| slab_of(handle)).collect();
    slabs.dedup();
    let mut kept = vec![0; slabs.len()];
    handles.retain(|handle| {
        let at = slabs.iter().position(|&slab| slab == slab_of(handle));
        let kept = &mut kept[at.expect("one of the slabs")];
        *kept += 1;
        *kept <= at.map_or(0, |at| at + 1)
    });
    let sparsest = slabs[0];
    let fullest = slabs[slabs.len() - 1];
    // The first new ones may finish the current slab; then the fullest is filled.
    let before: Vec<_> = slabs
        .iter()
        .map(|&slab| live_in(&handles, slab, slab_of))
        .collect();
    let mut new = Vec::new();
    let free: usize = before.iter().map(|live| per_slab - live).sum();
    for _ in 0..free - (per_slab - before[0]) {
        new.push(pool.alloc([9; 64]).expect("a slot is free"));
    }
    assert_eq!(
        live_in(&new, sparsest, slab_of),
        0,
        "the sparsest slab is left alone"
    );
    assert_eq!(
        live_in(&new, fullest, slab_of),
        per_slab - before[before.len() - 1]
    );
    assert_eq!(pool.slabs(), slabs.len());
}

fn live_in(handles: &[Handle<'_, '_>], slab: usize, slab_of: impl Fn(&Value) -> usize) -> usize {
    handles
        .iter()
        .filter(|handle| slab_of(handle) == slab)
        .count()
}

#[test]
#[expect(clippy::float_cmp, reason = "exact fractions of small numbers")]
fn fragmentation_is_the_free_share_of_the_slabs_that_hold_values() {
    let counting = Counting::default();
    let pool = small(&counting, 0);
    assert_eq!(pool.fragmentation(), 0.0);
    let per_slab = pool.slots_per_slab();
    let mut handles = take(&pool, 4 * per_slab);
    assert_eq!(pool.fragmentation(), 0.0);
    // Three slabs full, one with one value.
    handles.truncate(3 * per_slab + 1);
    let slots = (4 * per_slab) as f64;
    assert_eq!(
        pool.fragmentation(),
        1.0 - (3 * per_slab + 1) as f64 / slots
    );
    // An empty slab does not count: it can be returned.
    handles.truncate(3 * per_slab);
    assert_eq!(pool.fragmentation(), 0.0);
    drop(handles);
    assert_eq!(pool.fragmentation(), 0.0);
}

/// A walk that was forgotten, over all values or some, does not keep slabs for ever.
#[test]
fn a_forgotten_walk_does_not_stop_returns() {
    for forget_drain in [false, true] {
        let counting = Counting::default();
        let mut pool = small(&counting, 0);
        let per_slab = pool.slots_per_slab();
        forget(pool.alloc([1; 64]));
        if forget_drain {
            forget(pool.drain());
        } else {
            forget(pool.iter_mut());
        }
        drop(take(&pool, 100 * per_slab));
        assert!(pool.slabs() <= 5, "{} slabs are left", pool.slabs());
    }
}

/// Values that leave by `clear` or `drain` make their slabs returnable.
#[test]
fn slabs_emptied_by_clear_can_be_returned() {
    let counting = Counting::default();
    let mut pool = small(&counting, 0);
    fill_and_forget(&pool, 200);
    pool.clear();
    let before = pool.capacity();
    assert_eq!((pool.shrink_to_fit(), pool.capacity()), (before, 0));
    assert_eq!(counting.live(), 1);
    fill_and_forget(&pool, 200);
    assert_eq!(pool.drain().count(), 200);
    pool.shrink_to_fit();
    assert_eq!((pool.capacity(), counting.live()), (0, 1));
}

fn fill_and_forget(pool: &Small<'_>, count: usize) {
    take(pool, count).into_iter().for_each(forget);
}

/// A steady state asks nothing of the provider, whatever the number of slabs.
#[test]
fn a_steady_state_of_many_slabs_maps_nothing() {
    let counting = Counting::default();
    let pool = small(&counting, 0);
    let mut handles = take(&pool, 1000);
    let mut replace = |round: usize| {
        for n in 0..1000_usize {
            let at = (n * 7919 + round) % handles.len();
            handles[at] = pool.alloc([n as u8; 64]).expect("it grows");
        }
    };
    replace(0);
    let before = counting.calls();
    for round in 1..20 {
        replace(round);
    }
    assert_eq!(counting.calls(), before);
}
