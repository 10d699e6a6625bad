//! The last of a value's handles drops it, a weak handle never finds another value, and a panic, a
//! refusal or another thread changes nothing of that.
#![expect(unsafe_code, reason = "implements a provider")]

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::{Rc, Weak},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use flagstone::{
    AllocErrorKind, FixedPool, GrowingPool, SharedHandle, SharedPool, ThreadSafePool, WeakHandle,
    pool::{
        ArcShared, ArcWeak, FnHooks, LentHandle, LentWeak, NoHooks, PoolConfig, RcHome, RcShared,
        RcWeak, Shareable,
    },
    sync::{NoLock, SpinLock},
};
use flagstone_testkit::{
    fuse::{Fuse, blow, blows},
    heap_watch,
    leaked::Leaked,
    provider::{Counting, FailNth},
    value::{Census, Tracked},
};
use proptest::prelude::*;

const SLOTS: usize = 8;

/// Runs `$check` over each pool, with the pool's count of slots in use.
macro_rules! each_pool {
    ($check:ident) => {
        super::$check(SharedPool::new(FixedPool::new(SLOTS)), FixedPool::in_use);
        super::$check(
            SharedPool::new(GrowingPool::new(SLOTS)),
            GrowingPool::in_use,
        );
        super::$check(
            SharedPool::new(ThreadSafePool::new(SLOTS)),
            ThreadSafePool::in_use,
        );
        let spinning = ThreadSafePool::<_, SpinLock>::with_lock(SLOTS).expect("memory");
        super::$check(SharedPool::new(spinning), ThreadSafePool::in_use);
        let single = ThreadSafePool::<_, NoLock>::with_lock(SLOTS).expect("memory");
        super::$check(SharedPool::new(single), ThreadSafePool::in_use);
    };
}

/// The tests of a check over each pool.
macro_rules! over_each_pool {
    ($($check:ident)*) => {
        mod over_each_pool {
            use super::{
                FixedPool, GrowingPool, NoLock, SLOTS, SharedPool, SpinLock, ThreadSafePool,
            };
            $(#[test] fn $check() { each_pool!($check); })*
        }
    };
}

over_each_pool! {
    the_last_handle_drops_the_value
    a_weak_handle_goes_stale_for_ever
    a_single_handle_unwraps
    parts_keep_the_whole
    a_panicking_destructor_loses_nothing
    a_steady_state_allocates_nothing
    a_closure_may_use_the_pool_and_panic
}

fn the_last_handle_drops_the_value<Q: Shareable<Value = Tracked>>(
    pool: SharedPool<Q>,
    in_use: fn(&Q) -> usize,
) {
    let census = Census::default();
    let first = pool.alloc(census.tracked()).expect("a slot is free");
    let clones: Vec<_> = (0..5).map(|_| SharedHandle::clone(&first)).collect();
    assert_eq!(SharedHandle::strong_count(&first), 6);
    assert!(
        clones
            .iter()
            .all(|clone| SharedHandle::same_value(clone, &first))
    );
    drop(first);
    for (dropped, clone) in clones.into_iter().enumerate() {
        assert_eq!(SharedHandle::strong_count(&clone), 5 - dropped);
        assert_eq!((census.live(), in_use(pool.pool())), (1, 1));
        drop(clone);
    }
    assert_eq!((census.live(), in_use(pool.pool())), (0, 0));
}

fn a_weak_handle_goes_stale_for_ever<Q: Shareable<Value = Tracked>>(
    pool: SharedPool<Q>,
    in_use: fn(&Q) -> usize,
) {
    let census = Census::default();
    let mut stale: Vec<LentWeak<'_, Q>> = Vec::new();
    // The same slot and the same ticket, again and again.
    for _ in 0..100 {
        let handle = pool.alloc(census.tracked()).expect("a slot is free");
        let weak = SharedHandle::downgrade(&handle);
        let again = weak.upgrade().expect("it lives");
        assert_eq!((again.id(), weak.is_stale()), (handle.id(), false));
        assert_eq!(SharedHandle::strong_count(&handle), 2);
        drop(handle);
        // Kept by the handle that it was upgraded to.
        assert!(weak.clone().upgrade().is_some());
        for old in &stale {
            assert!(old.is_stale() && old.upgrade().is_none());
            assert!(!old.same_value(&weak));
        }
        drop(again);
        assert!(weak.is_stale() && weak.upgrade().is_none());
        assert!(weak.same_value(&weak.clone()));
        stale.push(weak);
    }
    assert_eq!((census.live(), in_use(pool.pool())), (0, 0));
}

fn a_single_handle_unwraps<Q: Shareable<Value = Tracked>>(
    pool: SharedPool<Q>,
    in_use: fn(&Q) -> usize,
) {
    let census = Census::default();
    let first = pool.alloc(census.tracked()).expect("a slot is free");
    let second = first.clone();
    let weak = SharedHandle::downgrade(&first);
    let first = SharedHandle::try_unwrap(first).expect_err("it is shared");
    drop(second);
    let value = SharedHandle::try_unwrap(first).expect("it is not");
    assert!(weak.upgrade().is_none());
    assert_eq!((census.live(), in_use(pool.pool())), (1, 0));
    drop(value);
    // Its ticket serves again.
    let next = pool.alloc(census.tracked()).expect("a slot is free");
    assert!(weak.upgrade().is_none());
    assert_eq!(SharedHandle::strong_count(&next), 1);
}

fn parts_keep_the_whole<Q: Shareable<Value = (Tracked, [u8; 4])>>(
    pool: SharedPool<Q>,
    in_use: fn(&Q) -> usize,
) {
    let census = Census::default();
    let whole = pool
        .alloc((census.tracked(), [1, 2, 3, 4]))
        .expect("a slot is free");
    let slice = SharedHandle::map(whole.clone(), |whole| &whole.1[1..3]);
    let shown = SharedHandle::map(slice.clone(), |slice| &slice[1] as &dyn std::fmt::Display);
    let weak = SharedHandle::downgrade(&shown);
    drop(whole);
    assert_eq!((&*slice, shown.to_string()), (&[2, 3][..], "3".to_owned()));
    drop((slice, shown.clone()));
    assert_eq!(weak.upgrade().expect("the whole lives").to_string(), "3");
    drop(shown);
    assert!(weak.upgrade().is_none());
    assert_eq!((census.live(), in_use(pool.pool())), (0, 0));

    // The only handle, but not to the whole: nothing is moved out.
    let whole = pool
        .alloc((census.tracked(), [0; 4]))
        .expect("a slot is free");
    assert!(blows(|| drop(SharedHandle::map(whole, |_| -> &u8 {
        blow()
    }))));
    assert_eq!((census.live(), in_use(pool.pool())), (0, 0));
}

fn a_panicking_destructor_loses_nothing<Q: Shareable<Value = Tracked>>(
    pool: SharedPool<Q>,
    in_use: fn(&Q) -> usize,
) {
    let census = Census::default();
    for _ in 0..2 * SLOTS {
        let handle = pool.alloc(census.tracked()).expect("no slot was lost");
        let (clone, weak) = (handle.clone(), SharedHandle::downgrade(&handle));
        drop(handle);
        census.drops().set(1);
        assert!(blows(|| drop(clone)));
        assert!(weak.upgrade().is_none());
        assert_eq!((census.live(), in_use(pool.pool())), (0, 0));
    }
}

fn a_steady_state_allocates_nothing<Q: Shareable<Value = [u64; 3]>>(
    pool: SharedPool<Q>,
    in_use: fn(&Q) -> usize,
) {
    assert!(heap_watch::is_installed());
    let mut held = Vec::with_capacity(SLOTS);
    let mut round = || {
        for n in 0..SLOTS as u64 {
            let handle = pool.alloc([n; 3]).expect("a slot is free");
            let weak = SharedHandle::downgrade(&handle);
            held.push((handle.clone(), weak));
        }
        for (handle, weak) in held.drain(..) {
            let (handle, weak): (LentHandle<'_, Q>, LentWeak<'_, Q>) = (handle, weak);
            assert_eq!(*handle, *weak.upgrade().expect("it lives"));
            drop(handle);
            assert!(weak.is_stale());
        }
    };
    round();
    let calls = heap_watch::calls_during(|| (0..10).for_each(|_| round()));
    assert_eq!((calls, in_use(pool.pool())), (0, 0));
}

fn a_closure_may_use_the_pool_and_panic<Q: Shareable<Value = Tracked>>(
    pool: SharedPool<Q>,
    in_use: fn(&Q) -> usize,
) {
    let census = Census::default();
    for _ in 0..2 * SLOTS {
        assert!(blows(|| {
            let _ = pool.alloc_with(|| {
                drop(pool.alloc(census.tracked()).expect("a slot is free"));
                blow()
            });
        }));
    }
    assert_eq!((census.live(), in_use(pool.pool())), (0, 0));
    let handle = pool
        .alloc_with(|| census.tracked())
        .expect("no slot was lost");
    assert_eq!(SharedHandle::strong_count(&handle), 1);
}

#[test]
fn a_refused_value_comes_back_and_costs_no_ticket() {
    let counting = <Counting>::default();
    let pool = SharedPool::new(FixedPool::new_in(1, &counting));
    let held = pool.alloc(String::from("held")).expect("a slot is free");
    let calls = counting.calls();
    for n in 0..100 {
        let refused = pool.alloc(n.to_string()).expect_err("full");
        assert_eq!(refused.kind(), AllocErrorKind::Exhausted);
        assert_eq!(refused.into_inner(), n.to_string());
        assert!(
            pool.alloc_with(|| unreachable!("there is no slot"))
                .is_err()
        );
    }
    assert_eq!(counting.calls(), calls);
    drop(held);
}

#[test]
fn a_ticket_that_cannot_be_had_gives_the_value_back() {
    // The run, then the tickets.
    let provider = FailNth::only(2);
    let pool = SharedPool::new(FixedPool::new_in(1, &provider));
    let refused = pool.alloc(7).expect_err("no memory for tickets");
    assert_eq!(
        (refused.kind(), refused.into_inner()),
        (AllocErrorKind::OutOfMemory, 7)
    );
    assert!(pool.pool().is_empty());
    assert_eq!(*pool.alloc(8).expect("memory again"), 8);
}

/// The slab goes back, another comes, and stale handles look at neither.
#[test]
fn a_weak_handle_outlives_its_slab() {
    let counting = <Counting>::default();
    let config = PoolConfig::with_capacity(0);
    let below: GrowingPool<[u64; 50], _, _, 1024> =
        GrowingPool::with_parts(config, NoHooks, &counting).expect("memory");
    let pool = SharedPool::new(below);
    let mut stale = Vec::new();
    for round in 0..20 {
        let handles: Vec<_> = (0..20)
            .map(|n| pool.alloc([round * n; 50]).expect("it grows"))
            .collect();
        stale.extend(handles.iter().map(SharedHandle::downgrade));
        drop(handles);
        assert!(pool.pool().shrink_to_fit() > 0);
        assert_eq!(pool.pool().slabs(), 0);
        assert!(
            stale
                .iter()
                .all(|weak| weak.is_stale() && weak.upgrade().is_none())
        );
    }
}

#[test]
fn a_panicking_hook_loses_nothing_when_a_value_is_taken_out() {
    let (census, fuse) = (Census::default(), Fuse::never());
    let hooks = FnHooks::new(|_: &mut Tracked| (), |_: &mut Tracked| fuse.tick());
    let pool = SharedPool::new(FixedPool::with_hooks(1, hooks).expect("memory"));
    for _ in 0..3 {
        let handle = pool.alloc(census.tracked()).expect("no slot was lost");
        fuse.set(1);
        assert!(blows(|| drop(SharedHandle::try_unwrap(handle))));
        assert_eq!((census.live(), pool.pool().in_use()), (0, 0));
    }
}

/// A destructor that allocates, clones, upgrades and drops handles of its own pool.
#[test]
fn a_destructor_may_use_its_pool() {
    type Pool = SharedPool<FixedPool<Restless>>;

    struct Restless {
        pool: &'static Pool,
        own: RefCell<Option<LentWeak<'static, FixedPool<Restless>>>>,
        lives: u32,
        deaths: Rc<Cell<u32>>,
    }

    impl Drop for Restless {
        fn drop(&mut self) {
            self.deaths.set(self.deaths.get() + 1);
            let own = self.own.take();
            assert!(own.is_none_or(|own| own.upgrade().is_none()), "it is dying");
            if self.lives > 0 {
                let next = Restless {
                    pool: self.pool,
                    own: RefCell::new(None),
                    lives: self.lives - 1,
                    deaths: Rc::clone(&self.deaths),
                };
                if let Ok(handle) = self.pool.alloc(next) {
                    *handle.own.borrow_mut() = Some(SharedHandle::downgrade(&handle));
                    drop(handle.clone());
                }
            }
        }
    }

    let deaths = Rc::new(Cell::new(0));
    // SAFETY: every handle is dropped before `leaked`.
    let leaked = unsafe { Leaked::new(SharedPool::new(FixedPool::new(SLOTS))) };
    let pool: &'static Pool = leaked.get();
    let first = Restless {
        pool,
        own: RefCell::new(None),
        lives: SLOTS as u32 - 1,
        deaths: Rc::clone(&deaths),
    };
    drop(pool.alloc(first).expect("a slot is free"));
    assert_eq!(deaths.get(), SLOTS as u32);
    assert!(pool.pool().is_empty());
}

/// A tree whose children know their parent; its handles keep the pool, whose owner goes first.
#[test]
fn a_tree_with_links_to_parents_ends_with_its_root() {
    struct Node {
        parent: Option<RcWeak<GrowingPool<Node>>>,
        children: RefCell<Vec<RcShared<GrowingPool<Node>>>>,
        _value: Tracked,
    }

    let census = Census::default();
    let pool = Rc::new(SharedPool::new(GrowingPool::new(1)));
    let watch = Rc::downgrade(&pool);
    let node = |parent| Node {
        parent,
        children: RefCell::default(),
        _value: census.tracked(),
    };
    let root = pool.alloc_static(node(None)).expect("a slot");
    for _ in 0..10 {
        let parent = Some(SharedHandle::downgrade(&root));
        let child = pool.alloc_static(node(parent)).expect("it grows");
        root.children.borrow_mut().push(child);
    }
    drop(pool);
    let orphan = root.children.borrow_mut().pop().expect("ten children");
    let up =
        |node: &RcShared<GrowingPool<Node>>| node.parent.as_ref().and_then(WeakHandle::upgrade);
    assert!(SharedHandle::same_value(
        &up(&orphan).expect("it lives"),
        &root
    ));
    assert_eq!(census.live(), 11);
    drop(root);
    assert!(up(&orphan).is_none());
    assert_eq!(census.live(), 1);
    assert!(watch.upgrade().is_some(), "the orphan keeps the pool");
    drop(orphan);
    assert_eq!(census.live(), 0);
    assert!(watch.upgrade().is_none());
}

/// A weak handle keeps the pool's memory, so that it can be asked, but no value.
#[test]
fn a_weak_handle_may_be_the_last_to_keep_a_pool() {
    let census = Census::default();
    let pool = Arc::new(SharedPool::new(ThreadSafePool::new(1)));
    let watch = Arc::downgrade(&pool);
    let handle = pool
        .alloc_static(census.tracked::<()>())
        .expect("a slot is free");
    let weak: ArcWeak<ThreadSafePool<Tracked>> = SharedHandle::downgrade(&handle);
    drop((pool, handle));
    assert_eq!(census.live(), 0);
    let weak = thread::spawn(move || {
        assert!(weak.upgrade().is_none());
        weak
    })
    .join()
    .expect("no panic");
    assert!(watch.upgrade().is_some());
    drop(weak);
    assert!(watch.upgrade().is_none());
}

/// A borrowed and a kept handle of one pool at a time; a panic ends the kept one's pool.
#[test]
fn both_kinds_of_handles_share_a_pool() {
    let census = Census::default();
    let pool = Rc::new(SharedPool::new(FixedPool::new(2)));
    let watch = Rc::downgrade(&pool);
    let kept = pool
        .alloc_static(census.tracked::<()>())
        .expect("a slot is free");
    let lent = pool.alloc(census.tracked()).expect("a slot is free");
    let weak = SharedHandle::downgrade(&lent);
    drop(lent);
    assert!(weak.upgrade().is_none());
    drop(pool);
    let value = SharedHandle::try_unwrap(kept).expect("the only one");
    assert!(watch.upgrade().is_none());
    drop(value);

    let pool = Rc::new(SharedPool::new(FixedPool::new(1)));
    let watch = Rc::downgrade(&pool);
    let handle: SharedHandle<'static, Tracked, RcHome<_>> =
        pool.alloc_static(census.tracked()).expect("a slot is free");
    drop(pool);
    census.drops().set(1);
    assert!(blows(|| drop(handle)));
    assert!(watch.upgrade().is_none());
    assert_eq!(census.live(), 0);
}

const THREADS: usize = 4;
/// Rounds of a thread; the interpreter is slow.
const ROUNDS: usize = if cfg!(miri) { 30 } else { 3000 };

/// Sees that it is dropped once.
struct Once<'a> {
    deaths: &'a AtomicUsize,
    dead: AtomicUsize,
}

impl<'a> Once<'a> {
    fn new(deaths: &'a AtomicUsize) -> Self {
        Self {
            deaths,
            dead: AtomicUsize::new(0),
        }
    }
}

impl Drop for Once<'_> {
    fn drop(&mut self) {
        assert_eq!(*self.dead.get_mut(), 0);
        *self.dead.get_mut() = 1;
        self.deaths.fetch_add(1, Ordering::Relaxed);
    }
}

/// All threads clone, upgrade and drop the handles of a value that one of them gave up.
#[test]
fn threads_agree_who_was_the_last() {
    let deaths = AtomicUsize::new(0);
    let pool = SharedPool::new(ThreadSafePool::new(2));
    let start = Barrier::new(THREADS);
    for round in 0..ROUNDS / 10 {
        let handle = pool
            .alloc(Once::new(&deaths))
            .expect("the last one is gone");
        let weak = SharedHandle::downgrade(&handle);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let handle = (thread % 2 == 0).then(|| handle.clone());
                let (weak, start) = (weak.clone(), &start);
                scope.spawn(move || {
                    start.wait();
                    let mut seen = 0;
                    if let Some(handle) = handle {
                        for _ in 0..3 {
                            drop(handle.clone());
                        }
                    }
                    while let Some(handle) = weak.upgrade() {
                        assert_eq!(handle.dead.load(Ordering::Relaxed), 0);
                        seen += 1;
                        if seen == 10 {
                            break;
                        }
                    }
                });
            }
            drop(handle);
        });
        assert!(weak.is_stale() && weak.upgrade().is_none());
        assert_eq!(deaths.load(Ordering::Relaxed), round + 1);
        assert!(pool.pool().is_empty());
    }
}

/// Tickets are used again while other threads hold stale handles of them and try their luck.
#[test]
fn stale_handles_of_other_threads_find_no_new_value() {
    let deaths = AtomicUsize::new(0);
    let pool = SharedPool::new(ThreadSafePool::new(1));
    let (send, receive) =
        std::sync::mpsc::sync_channel::<LentWeak<'_, ThreadSafePool<Once<'_>>>>(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            for weak in receive {
                // Whatever comes out is that value, which nobody but its maker drops.
                for _ in 0..20 {
                    if let Some(handle) = weak.upgrade() {
                        assert_eq!(handle.dead.load(Ordering::Relaxed), 0);
                    }
                }
            }
        });
        let mut placed = 0;
        while placed < ROUNDS {
            // The other thread may still have the one slot.
            if let Ok(handle) = pool.alloc(Once::new(&deaths)) {
                placed += 1;
                let _ = send.try_send(SharedHandle::downgrade(&handle));
                drop(handle);
            } else {
                thread::yield_now();
            }
        }
        drop(send);
    });
    assert!(pool.pool().is_empty());
    assert!(deaths.load(Ordering::Relaxed) >= ROUNDS);
}

#[test]
fn threads_hand_kept_handles_on_and_end_the_pool() {
    let pool = Arc::new(SharedPool::new(ThreadSafePool::new(THREADS)));
    let watch = Arc::downgrade(&pool);
    let handles: Vec<ArcShared<ThreadSafePool<String>>> = (0..THREADS)
        .map(|n| pool.alloc_static(n.to_string()).expect("a slot is free"))
        .collect();
    drop(pool);
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let handles = handles.clone();
            thread::spawn(move || handles.iter().map(|handle| handle.len()).sum::<usize>())
        })
        .collect();
    drop(handles);
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), THREADS);
    }
    assert!(watch.upgrade().is_none());
}

/// What a program may do with handles that have numbers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Alloc,
    Clone(usize),
    Drop(usize),
    Downgrade(usize),
    Upgrade(usize),
    Unwrap(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Alloc),
        any::<usize>().prop_map(Step::Clone),
        any::<usize>().prop_map(Step::Drop),
        any::<usize>().prop_map(Step::Drop),
        any::<usize>().prop_map(Step::Downgrade),
        any::<usize>().prop_map(Step::Upgrade),
        any::<usize>().prop_map(Step::Unwrap),
    ]
}

/// Does the steps with handles of `pool` and with `Rc`s, and compares.
fn agrees_with_rc<Q: Shareable<Value = u32>>(pool: &SharedPool<Q>, steps: &[Step]) {
    let (mut ours, mut theirs) = (Vec::<LentHandle<'_, Q>>::new(), Vec::<Rc<u32>>::new());
    let (mut our_weak, mut their_weak) = (Vec::<LentWeak<'_, Q>>::new(), Vec::<Weak<u32>>::new());
    let mut live: HashMap<u32, usize> = HashMap::new();
    for (number, &step) in steps.iter().enumerate() {
        let number = number as u32;
        match step {
            Step::Alloc => match pool.alloc(number) {
                Ok(handle) => {
                    ours.push(handle);
                    theirs.push(Rc::new(number));
                }
                Err(refused) => {
                    assert_eq!(refused.into_inner(), number);
                    assert_eq!(live.len(), SLOTS);
                }
            },
            Step::Clone(at) if !ours.is_empty() => {
                let at = at % ours.len();
                ours.push(ours[at].clone());
                theirs.push(Rc::clone(&theirs[at]));
            }
            Step::Drop(at) if !ours.is_empty() => {
                let at = at % ours.len();
                drop((ours.swap_remove(at), theirs.swap_remove(at)));
            }
            Step::Downgrade(at) if !ours.is_empty() => {
                let at = at % ours.len();
                our_weak.push(SharedHandle::downgrade(&ours[at]));
                their_weak.push(Rc::downgrade(&theirs[at]));
            }
            Step::Upgrade(at) if !our_weak.is_empty() => {
                let at = at % our_weak.len();
                let upgraded = (our_weak[at].upgrade(), their_weak[at].upgrade());
                if let (Some(our), Some(their)) = upgraded {
                    assert_eq!(*our, *their);
                    ours.push(our);
                    theirs.push(their);
                } else {
                    assert_eq!(their_weak[at].strong_count(), 0);
                    assert!(our_weak[at].is_stale());
                }
            }
            Step::Unwrap(at) if !ours.is_empty() => {
                let at = at % ours.len();
                let unwrapped = (
                    SharedHandle::try_unwrap(ours.swap_remove(at)),
                    Rc::try_unwrap(theirs.swap_remove(at)),
                );
                match unwrapped {
                    (Ok(our), Ok(their)) => assert_eq!(our, their),
                    (Err(our), Err(their)) => {
                        ours.push(our);
                        theirs.push(their);
                    }
                    (our, their) => panic!("{our:?} where {their:?}"),
                }
            }
            _ => {}
        }
        live.clear();
        for (our, their) in ours.iter().zip(&theirs) {
            assert_eq!(**our, **their);
            assert_eq!(SharedHandle::strong_count(our), Rc::strong_count(their));
            *live.entry(**our).or_default() += 1;
        }
        for (our, their) in our_weak.iter().zip(&their_weak) {
            assert_eq!(our.is_stale(), their.strong_count() == 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 3 } else if cfg!(flagstone_asan) { 50 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn handles_agree_with_rc(steps in prop::collection::vec(step(), 0..200)) {
        agrees_with_rc(&SharedPool::new(FixedPool::new(SLOTS)), &steps);
        agrees_with_rc(&SharedPool::new(ThreadSafePool::new(SLOTS)), &steps);
        let config = PoolConfig::builder().capacity(0).max_capacity(Some(SLOTS));
        let config = config.build().expect("in range");
        let growing = GrowingPool::with_config(config).expect("memory");
        agrees_with_rc(&SharedPool::new(growing), &steps);
    }
}

/// The pool comes out with what forgotten handles left in it, and all tickets are back.
#[test]
fn the_pool_below_comes_back() {
    let (counting, census) = (<Counting>::default(), Census::default());
    let mut pool = SharedPool::new(FixedPool::new_in(3, &counting));
    let chunks = counting.live();
    let handle = pool.alloc(census.tracked::<()>()).expect("a slot is free");
    std::mem::forget(handle.clone());
    drop(handle);
    assert!(
        counting.live() > chunks,
        "tickets lie in memory of the provider"
    );
    pool.clear();
    assert_eq!(census.live(), 0);
    std::mem::forget(pool.alloc(census.tracked()).expect("a slot is free"));
    let mut below = pool.into_pool();
    assert_eq!(counting.live(), chunks);
    assert_eq!(
        (below.in_use(), below.drain().count(), census.live()),
        (1, 1, 0)
    );
}
