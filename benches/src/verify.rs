//! Every contender stores values and gives places back: a race against one that does not means
//! nothing.

use std::mem;

use crate::{
    buffered::{Buffers, GrowingBuffers},
    contender::Contender,
    finder::Finder,
    floor::{BitmapFloor, FixedFloor, GrowingFloor, RecycleFloor},
    hand_off::{BareRing, HandOff},
    lane::Body as _,
    ours::{
        FixedBitmap, FixedChecked, FixedFreeList, FixedIntrusive, FixedStack, Growing, OurBitmap,
    },
    payload::Payload,
    plan::Plan,
    recycled::Recycling,
    rival::{
        AttachableNoLock, AttachableSpinLock, AxiomBits, AxiomBuffers, AxiomPool, BoxQueue, Boxes,
        FastallocFixed, FastallocGrowing, FastallocShared, InfinityLocal, InfinityRaw,
        InfinityShared, LinearShared, LockedPlurality, MiBoxes, MimallocBox, ObjectPool,
        ObjectPoolShared, OpoolLocal, OpoolReuse, OpoolShared, ParkingLotLockedSlab,
        PluralityAlloc, PluralityBox, Sharded, Slab, SlotMap, StdLockedSlab, SystemBox,
        Thunderdome, Vectors,
    },
    store::{OwnSlots, Store, Window},
    threaded::{
        ArcClones, Arithmetic, OurClones, OurExact, OurKept, OurLockFree, OurPerThread,
        OurSpinning, OurThreadSafe,
    },
    threads::Shared,
};

/// Values that live at once: several slabs of everybody's.
const LIVE: u64 = 5_000;

/// Replaces values at random and reads each back when it goes, and the rest at the end.
fn keeps_values<C: Contender>() {
    let pool = C::with_capacity(LIVE as usize + 1);
    let store = |seed| (pool.alloc(C::Value::of(seed)), seed);
    let mut live: Vec<_> = (0..LIVE).map(store).collect();
    let plan = Plan::<u16>::new(LIVE);
    for at in 0..3 * LIVE {
        let new = store(LIVE + at);
        check(
            &pool,
            mem::replace(&mut live[usize::from(plan.step(at as usize))], new),
        );
    }
    live.into_iter().for_each(|value| check(&pool, value));
}

/// The value is the one of its seed; it goes.
fn check<'p, C: Contender>(pool: &'p C, (handle, seed): (C::Handle<'p>, u64)) {
    assert_eq!(
        pool.get(&handle).first_word(),
        seed,
        "{} lost a value",
        C::NAME
    );
    pool.free(handle);
}

/// Fills an index and frees single numbers: what is found is what was freed.
fn finds_what_was_freed<F: Finder>() {
    const CAPACITY: usize = 4096;
    let mut finder = F::with_capacity(CAPACITY);
    let mut taken: Vec<_> = (0..CAPACITY).map(|_| finder.take()).collect();
    taken.sort_unstable();
    assert!(
        taken.into_iter().eq(0..CAPACITY),
        "{} does not hand out every number",
        F::NAME
    );
    let plan = Plan::<u32>::new(CAPACITY as u64);
    for number in (0..CAPACITY).map(|at| plan.step(at) as usize) {
        finder.give(number);
        assert_eq!(finder.take(), number, "{} found another number", F::NAME);
    }
}

/// Several threads come at once, again and again.
pub(crate) fn serves_threads<S: Shared>() {
    let mut shared = S::for_threads(2);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let shared = &shared;
                scope.spawn(move || shared.work(thread, 20_000));
            }
        });
        shared.reset();
    }
}

/// Several threads store values at once, and drop them.
fn serves_stores<S: Store>() {
    serves_threads::<Window<S>>();
}

/// One thread stores more values than the pool has slots, another drops them.
fn hands_over<S: Store>()
where
    for<'p> S::Handle<'p>: Send,
{
    HandOff::<S>::new().run(4_096);
}

macro_rules! each {
    ($check:ident: $($contender:ty),+ $(,)?) => { $( $check::<$contender>(); )+ };
}

type Value = [u64; 8];

#[test]
fn contenders_keep_their_values() {
    each!(keeps_values:
        FixedFloor<Value>, GrowingFloor<Value, 1>, GrowingFloor<Value, 16>,
        FixedIntrusive<Value>, FixedChecked<Value>, FixedStack<Value>, FixedFreeList<Value>,
        FixedBitmap<Value>, Growing<Value>,
        FastallocFixed<Value>, FastallocGrowing<Value>, AxiomPool<Value>, OpoolLocal<Value>,
        Slab<Value>, SlotMap<Value>, Thunderdome<Value>, PluralityAlloc<Value>,
        PluralityBox<Value>, InfinityLocal<Value>, InfinityRaw<Value>, SystemBox<Value>,
        MimallocBox<Value>, RecycleFloor<Value>, Recycling<Value>, OpoolReuse<Value>,
        ObjectPool<Value>, AttachableNoLock<Value>,
        AttachableSpinLock<Value>, Buffers, GrowingBuffers, AxiomBuffers, Vectors,
    );
}

#[test]
fn finders_find_what_was_freed() {
    each!(finds_what_was_freed: BitmapFloor<2>, OurBitmap, AxiomBits);
}

#[test]
fn shared_pools_serve_threads() {
    each!(serves_stores:
        OwnSlots<Value>, OurLockFree<Value>, OurExact<Value>, OurThreadSafe<Value>, OurSpinning<Value>, OurKept<Value>,
        OurPerThread<Value>, Boxes<Value>, MiBoxes<Value>, StdLockedSlab<Value>,
        ParkingLotLockedSlab<Value>, LockedPlurality<Value>, Sharded<Value>, OpoolShared<Value>,
        ObjectPoolShared<Value>, LinearShared<Value>, BoxQueue<Value>, FastallocShared<Value>,
        InfinityShared<Value>,
    );
    each!(serves_threads: Arithmetic, OurClones<Value>, ArcClones<Value>);
}

#[test]
fn values_go_to_another_thread() {
    each!(hands_over:
        BareRing<Value>, OurLockFree<Value>, OurThreadSafe<Value>, OurSpinning<Value>, OurKept<Value>, Boxes<Value>,
        MiBoxes<Value>, StdLockedSlab<Value>, ParkingLotLockedSlab<Value>, LockedPlurality<Value>,
        Sharded<Value>, OpoolShared<Value>, ObjectPoolShared<Value>, LinearShared<Value>,
        BoxQueue<Value>, FastallocShared<Value>, InfinityShared<Value>,
    );
}
