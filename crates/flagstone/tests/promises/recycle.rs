//! A recycling pool keeps its objects constructed and in place, and each hook runs exactly when it is
//! to, whatever panics.
#![expect(unsafe_code, reason = "borrows a pool for ever")]

use std::{cell::Cell, mem::forget, rc::Rc};

use flagstone::{
    AllocErrorKind, OwnedHandle, PoolConfig, RecyclePool,
    pool::{
        AtAcquire, FnRecycle, GrowthStrategy, InitializationStrategy, Recycle, Recycled, ResetAt,
    },
    provider::Global,
};
use flagstone_testkit::{
    fuse::{Fuse, blows},
    leaked::Leaked,
    provider::{Counting, FailNth, Lie, Lying, Source, Supplied},
    value::{Bulk, Census, Page, Tracked},
};

/// How many objects the pools under test have at most.
const MOST: usize = 5;

/// An object that knows whether it was used and whether it still serves.
struct Object<S = ()> {
    tracked: Tracked<S>,
    used: bool,
    broken: bool,
}

/// Counts and, by its fuses, panics.
#[derive(Clone, Default)]
struct Hooks {
    census: Census,
    creates: Rc<Cell<usize>>,
    resets: Rc<Cell<usize>>,
    checks: Rc<Cell<usize>>,
    discards: Rc<Cell<usize>>,
    create: Fuse,
    reset: Fuse,
    check: Fuse,
    discard: Fuse,
}

fn count(calls: &Cell<usize>) {
    calls.set(calls.get() + 1);
}

impl<S: Default> Recycle<Object<S>> for Hooks {
    fn create(&self) -> Object<S> {
        self.create.tick();
        count(&self.creates);
        Object {
            tracked: self.census.tracked(),
            used: false,
            broken: false,
        }
    }

    fn reset(&self, object: &mut Object<S>) {
        self.reset.tick();
        count(&self.resets);
        object.used = false;
    }

    fn is_valid(&self, object: &Object<S>) -> bool {
        let _ = object.tracked.id();
        self.check.tick();
        count(&self.checks);
        !object.broken
    }

    fn discard(&self, object: Object<S>) {
        count(&self.discards);
        self.discard.tick();
        drop(object);
    }
}

type Pool<K = Hooks> = RecyclePool<Object, K, Counting<Supplied>>;

fn pool<K: Recycle<Object>>(source: Source, recycle: K, eager: bool) -> Pool<K> {
    let config = PoolConfig::builder()
        .capacity(MOST)
        .pre_initialize(eager)
        .build()
        .expect("in range");
    RecyclePool::with_parts(config, recycle, Supplied::counting(source)).expect("memory")
}

/// Runs `check` on every provider, with objects made at once and when they are needed.
fn everywhere(check: impl Fn(&dyn Fn(Hooks) -> Pool)) {
    for &source in Source::ALL {
        for eager in [false, true] {
            println!("on {source:?}, eager: {eager}");
            check(&|hooks| pool(source, hooks, eager));
        }
    }
}

/// All there can be; each is as good as new.
fn fill<K: Recycle<Object>>(pool: &Pool<K>) -> Vec<Recycled<'_, Object, K, Counting<Supplied>>> {
    let mut handles = Vec::new();
    while let Ok(mut object) = pool.acquire() {
        assert!(!object.used && !object.broken);
        object.used = true;
        handles.push(object);
    }
    handles
}

/// Nothing is lost: all objects can be had, and their counts are right.
fn whole<K: Recycle<Object>>(pool: &Pool<K>, census: &Census) {
    assert_eq!(pool.in_use(), 0, "an object counts as in use");
    assert_eq!(pool.available(), MOST);
    assert_eq!(census.live(), pool.idle(), "a live object is not idle");
    let handles = fill(pool);
    assert_eq!(handles.len(), MOST, "a slot was lost");
    drop(handles);
    assert_eq!((pool.in_use(), pool.idle()), (0, MOST));
    assert_eq!(census.live(), MOST);
}

/// The object is made once, stays where it is, and the one released last comes first.
#[test]
fn objects_stay_in_place() {
    everywhere(|make| {
        let hooks = Hooks::default();
        let pool = make(hooks.clone());
        let handles = fill(&pool);
        let refused = pool.acquire().err().expect("all are in use");
        assert_eq!(refused.kind(), AllocErrorKind::Exhausted);
        let all: Vec<_> = handles
            .iter()
            .map(|handle| (handle.tracked.id(), OwnedHandle::as_ptr(handle)))
            .collect();
        drop(handles); // in this order, so the last comes first
        for &(id, place) in all.iter().rev().take(3) {
            let handle = pool.acquire().expect("idle objects");
            assert_eq!(
                (handle.tracked.id(), OwnedHandle::as_ptr(&handle)),
                (id, place)
            );
            forget(handle);
        }
        assert_eq!(hooks.creates.get(), MOST);
        assert_eq!((pool.in_use(), pool.idle()), (3, MOST - 3));
        drop(pool);
        assert_eq!(hooks.census.live(), 0);
        assert_eq!(hooks.discards.get(), MOST - 3, "forgotten ones are dropped");
    });
}

/// Eager pools make as many as there can be and no more; lazy ones none before they are needed.
#[test]
fn creation_is_eager_or_lazy() {
    for (eager, at_first) in [(true, MOST), (false, 0)] {
        let hooks = Hooks::default();
        let pool = pool(Source::Global, hooks.clone(), eager);
        assert_eq!((hooks.creates.get(), pool.idle()), (at_first, at_first));
        assert_eq!((pool.in_use(), pool.available()), (0, MOST));
        for _ in 0..10 {
            drop(pool.acquire());
        }
        assert_eq!(hooks.creates.get(), at_first.max(1));
        assert_eq!(fill(&pool).len(), MOST);
        assert_eq!(hooks.creates.get(), MOST);
    }
}

/// One reset for a release, none for an object just made or taken out; by type it waits.
#[test]
fn resets_are_exact() {
    let hooks = Hooks::default();
    let at_release = pool(Source::Global, hooks.clone(), true);
    assert_eq!(<Hooks as Recycle<Object>>::RESET_AT, ResetAt::Release);
    drop(fill(&at_release));
    assert_eq!(hooks.resets.get(), MOST);
    drop(OwnedHandle::into_inner(at_release.acquire().expect("idle")));
    assert_eq!(
        hooks.resets.get(),
        MOST,
        "an object that leaves is as it is"
    );

    let hooks = Hooks::default();
    let at_acquire = pool(Source::Global, AtAcquire(hooks.clone()), false);
    drop(fill(&at_acquire));
    assert_eq!(hooks.resets.get(), 0, "new ones need none");
    drop(at_acquire.acquire());
    assert_eq!(hooks.resets.get(), 1);
    let all = fill(&at_acquire);
    assert_eq!(hooks.resets.get(), 1 + MOST);
    drop(all);
    assert_eq!(hooks.checks.get(), 1 + MOST, "new ones are not asked about");
    drop(at_acquire);
    assert_eq!(hooks.resets.get(), 1 + MOST);
}

/// Invalid objects are discarded and replaced, however many there are, in their slots.
#[test]
fn invalid_objects_are_replaced() {
    everywhere(|make| {
        let hooks = Hooks::default();
        let pool = make(hooks.clone());
        let mut handles = fill(&pool);
        handles
            .iter_mut()
            .take(3)
            .for_each(|object| object.broken = true);
        let broken: Vec<_> = handles.iter().take(3).map(|o| o.tracked.id()).collect();
        handles.reverse();
        drop(handles); // broken ones on top
        assert_eq!(hooks.discards.get(), 0, "nobody looked yet");
        let good = pool.acquire().expect("two serve");
        assert!(!broken.contains(&good.tracked.id()));
        assert_eq!((hooks.discards.get(), hooks.creates.get()), (3, MOST));
        assert_eq!((pool.idle(), pool.in_use()), (1, 1));
        drop(good);
        assert_eq!(fill(&pool).len(), MOST);
        assert_eq!(hooks.creates.get(), MOST + 3);

        let mut handles = fill(&pool);
        handles.iter_mut().for_each(|object| object.broken = true);
        drop(handles);
        assert!(!pool.acquire().expect("one is made").broken);
        assert_eq!(hooks.discards.get(), 3 + MOST);
        whole(&pool, &hooks.census);
    });
}

/// Objects come from outside and go there; a slot can be kept for the next one.
#[test]
fn attach_and_detach() {
    everywhere(|make| {
        let hooks = Hooks::default();
        let pool = make(hooks.clone());
        pool.discard_idle();
        let guest = |used| Object {
            tracked: hooks.census.tracked(),
            used,
            broken: false,
        };
        let object = guest(true);
        let id = object.tracked.id();
        assert!(pool.attach(object).is_ok());
        let resets = hooks.resets.get();
        assert_eq!((pool.idle(), resets), (1, 1), "reset as if released");
        let mut handle = pool.acquire().expect("idle");
        assert_eq!(handle.tracked.id(), id);
        handle.used = true;

        let (object, slot) = RecyclePool::detach(handle);
        assert_eq!((object.tracked.id(), object.used), (id, true));
        assert_eq!((pool.in_use(), pool.idle()), (1, 0), "the slot is kept");
        let others = fill(&pool);
        assert_eq!(others.len(), MOST - 1);
        let refused = pool.attach(guest(false)).expect_err("every slot is taken");
        assert_eq!(refused.kind(), AllocErrorKind::Exhausted);
        drop(refused.into_inner());
        let handle = slot.write(object);
        assert_eq!(handle.tracked.id(), id);
        let (object, slot) = RecyclePool::detach(handle);
        drop(slot);
        assert_eq!(pool.available(), 1);
        drop((object, others));
        let full = pool.idle();
        (full..MOST).for_each(|_| assert!(pool.attach(guest(false)).is_ok()));
        assert!(
            pool.attach(guest(false)).is_err(),
            "idle ones hold slots too"
        );
        whole(&pool, &hooks.census);
    });
}

/// A hook that panics, at whichever call, loses its object and nothing else.
#[test]
fn a_panic_in_a_hook_loses_one_object() {
    type Set = fn(&Hooks) -> &Fuse;
    let fuses: [Set; 5] = [
        |hooks| &hooks.create,
        |hooks| &hooks.reset,
        |hooks| &hooks.check,
        |hooks| &hooks.discard,
        |hooks| hooks.census.drops(),
    ];
    for fuse in fuses {
        for nth in 1..=2 * MOST {
            everywhere(|make| {
                let hooks = Hooks::default();
                let pool = make(hooks.clone());
                fuse(&hooks).set(nth);
                for round in 0..4 * MOST {
                    blows(|| {
                        let mut handles = fill(&pool);
                        if let Some(first) = handles.first_mut() {
                            first.broken = round.is_multiple_of(2);
                        }
                        handles.truncate(MOST - round % 3);
                    });
                    assert_eq!(pool.in_use(), 0);
                    assert_eq!(hooks.census.live(), pool.idle());
                }
                fuse(&hooks).set(0);
                whole(&pool, &hooks.census);
                fuse(&hooks).set(nth);
                blows(|| {
                    pool.discard_idle();
                });
                fuse(&hooks).set(0);
                assert_eq!((pool.idle(), hooks.census.live()), (0, 0));
                whole(&pool, &hooks.census);
            });
        }
    }
}

/// The same where the reset runs at acquire.
#[test]
fn a_panic_in_a_late_reset_loses_one_object() {
    for nth in 1..=2 * MOST {
        let hooks = Hooks::default();
        let pool = pool(Source::Global, AtAcquire(hooks.clone()), true);
        hooks.reset.set(nth);
        for _ in 0..3 {
            blows(|| drop(fill(&pool)));
            assert_eq!(pool.in_use(), 0);
            assert_eq!(hooks.census.live(), pool.idle());
        }
        hooks.reset.set(0);
        whole(&pool, &hooks.census);
    }
}

/// A panic while the pool is built, cleared or dropped: every object goes, every chunk comes back.
#[test]
fn a_panic_at_the_ends_of_a_pool_loses_nothing() {
    for nth in 1..=MOST {
        let hooks = Hooks::default();
        hooks.create.set(nth);
        // The ledger of the provider fails the test if a chunk stays out.
        assert!(blows(|| drop(pool(Source::Global, hooks.clone(), true))));
        assert_eq!(hooks.census.live(), 0);
        for (forgotten, clear) in [(0, true), (2, true), (0, false), (2, false)] {
            for fuse in [&hooks.discard, hooks.census.drops()] {
                let mut pool = pool(Source::Global, hooks.clone(), true);
                let mut handles = fill(&pool);
                handles.drain(..forgotten).for_each(forget);
                drop(handles);
                fuse.set(nth);
                let all = MOST
                    - if std::ptr::eq(fuse, &hooks.discard) {
                        forgotten
                    } else {
                        0
                    };
                if clear {
                    assert_eq!(blows(|| pool.clear()), nth <= all);
                    fuse.set(0);
                    assert_eq!(hooks.census.live(), 0);
                    whole(&pool, &hooks.census);
                } else {
                    assert_eq!(blows(|| drop(pool)), nth <= all);
                    fuse.set(0);
                }
            }
        }
        assert_eq!(hooks.census.live(), 0);
    }
}

/// Calls back into its own pool from every hook.
struct Nested {
    pool: Cell<Option<&'static RecyclePool<u32, Self>>>,
    calls: Cell<u32>,
}

impl Nested {
    fn call_back(&self) {
        let Some(pool) = self.pool.take() else { return };
        self.calls.set(self.calls.get() + 1);
        let _ = (pool.idle(), pool.in_use(), format!("{pool:?}"));
        drop(pool.acquire());
        let _ = pool.attach(0);
        pool.discard_idle();
        self.pool.set(Some(pool));
    }
}

impl Recycle<u32> for Nested {
    fn create(&self) -> u32 {
        self.call_back();
        0
    }
    fn reset(&self, object: &mut u32) {
        *object += 1;
        self.call_back();
    }
    fn is_valid(&self, object: &u32) -> bool {
        self.call_back();
        object.is_multiple_of(2)
    }
    fn discard(&self, _object: u32) {
        self.call_back();
    }
}

/// Every hook may use the pool that calls it.
#[test]
fn hooks_may_use_the_pool() {
    let nested = Nested {
        pool: Cell::new(None),
        calls: Cell::new(0),
    };
    // SAFETY: handles are dropped below, and the hooks are made to forget the pool before its end.
    let leaked = unsafe { Leaked::new(RecyclePool::new(3, nested)) };
    let pool = leaked.get();
    pool.recycle().pool.set(Some(pool));
    for _ in 0..20 {
        let handles: Vec<_> = (0..4).map(|_| pool.acquire()).collect();
        assert!(pool.in_use() <= 3);
        drop(handles);
        assert_eq!(pool.in_use(), 0);
    }
    assert!(pool.recycle().calls.get() > 60);
    pool.recycle().pool.set(None);
}

/// The slot of a discarded object is free when its hook runs: the hook can put another one there.
#[test]
fn a_discarded_object_has_no_slot() {
    struct Replace {
        pool: Cell<Option<&'static RecyclePool<u32, Self>>>,
        replaced: Cell<bool>,
    }
    impl Recycle<u32> for Replace {
        fn create(&self) -> u32 {
            1
        }
        fn is_valid(&self, object: &u32) -> bool {
            *object < 100
        }
        fn discard(&self, object: u32) {
            if let Some(pool) = self.pool.get() {
                self.replaced.set(pool.attach(object - 100).is_ok());
            }
        }
    }
    let replace = Replace {
        pool: Cell::new(None),
        replaced: Cell::new(false),
    };
    // SAFETY: handles are dropped below, and the hook is made to forget the pool before its end.
    let leaked = unsafe { Leaked::new(RecyclePool::new(1, replace)) };
    let pool = leaked.get();
    pool.recycle().pool.set(Some(pool));
    pool.attach(107).expect("one fits");
    assert_eq!(*pool.acquire().expect("what the hook attached"), 7);
    assert!(pool.recycle().replaced.get(), "the only slot was free");
    pool.recycle().pool.set(None);
}

/// Whatever request the provider refuses, the pool is built or not, and no chunk is lost.
#[test]
fn a_provider_may_refuse() {
    for nth in 1..=3 {
        let ledger = Counting::new(FailNth::only(nth));
        let hooks = Hooks::default();
        let config = PoolConfig::builder()
            .capacity(MOST)
            .pre_initialize(true)
            .build()
            .expect("in range");
        let built = RecyclePool::<Object, _, _>::with_parts(config, hooks.clone(), &ledger);
        assert_eq!(built.is_ok(), nth == 3, "two chunks are asked for");
        match built {
            Ok(pool) => drop(pool),
            Err(error) => assert!(error.out_of_memory().is_some()),
        }
        assert_eq!((ledger.live(), hooks.census.live()), (0, 0));
    }
}

/// A chunk that is too short or misaligned goes back, and the pool is not built.
#[test]
fn a_provider_may_lie() {
    for lie in [Lie::Short, Lie::Misaligned] {
        for nth in 1..=3 {
            let hooks = Hooks::default();
            let provider = Lying::at(nth, lie);
            let built = RecyclePool::<Object, _, _>::try_new_in(MOST, hooks.clone(), &provider);
            assert_eq!(built.is_ok(), nth == 3, "two chunks are asked for");
            if let Ok(pool) = built {
                assert!(pool.acquire().is_ok());
            }
            assert_eq!(hooks.census.live(), 0);
        }
    }
}

/// No objects, no bytes, many bytes, much alignment: all have an answer.
#[test]
fn every_shape_has_an_answer() {
    let none = RecyclePool::new(0, FnRecycle::new(|| 1, |_: &mut i32| ()));
    assert!(none.acquire().is_err() && none.is_full() && none.is_empty());
    assert_eq!(none.attach(7).expect_err("no slot").into_inner(), 7);
    assert_eq!((none.discard_idle(), none.idle()), (0, 0));

    let resets = Cell::new(0);
    let empty = RecyclePool::new(3, FnRecycle::new(|| (), |(): &mut ()| count(&resets)));
    let handles = [empty.acquire(), empty.acquire(), empty.acquire()];
    assert!(empty.acquire().is_err());
    drop(handles);
    assert_eq!((resets.get(), empty.idle()), (3, 3));

    let hooks = Hooks::default();
    let aligned = RecyclePool::<Object<Page>, _>::eager(3, &hooks).expect("memory");
    let bulky = RecyclePool::<Object<Bulk>, _>::eager(3, &hooks).expect("memory");
    for _ in 0..2 {
        let (a, b) = (
            aligned.acquire().expect("idle"),
            bulky.acquire().expect("idle"),
        );
        assert_eq!(OwnedHandle::as_ptr(&a).addr().get() % 4096, 0);
        assert_eq!(a.tracked.shape().0, Page::default().0);
        assert_eq!(b.tracked.shape().0, Bulk::default().0);
    }

    for capacity in [usize::MAX, isize::MAX as usize, isize::MAX as usize / 8 + 1] {
        let absurd = RecyclePool::try_new(capacity, FnRecycle::new(|| 0_u64, |_: &mut u64| ()));
        assert_eq!(absurd.expect_err("refused").knob(), Some("capacity"));
    }
    let config = PoolConfig::builder().capacity(7).alignment(256).build();
    let recycle = FnRecycle::new(|| 0_u8, |_: &mut u8| ());
    let spaced = RecyclePool::with_parts(config.expect("in range"), recycle, Global);
    let spaced = spaced.expect("memory");
    let handles: Vec<_> = (0..7).flat_map(|_| spaced.acquire()).collect();
    assert_eq!(handles.len(), 7);
    assert!(
        handles
            .iter()
            .all(|h| OwnedHandle::as_ptr(h).addr().get().is_multiple_of(256))
    );
}

/// A configuration is heeded or refused by name.
#[test]
fn configurations_are_heeded_or_refused() {
    // The closures of a configuration are `Sync`, so they count in statics of their thread.
    thread_local! {
        static MADE: Cell<usize> = const { Cell::new(0) };
        static RESET: Cell<usize> = const { Cell::new(0) };
    }
    let custom = |ahead: bool| {
        PoolConfig::builder()
            .capacity(4)
            .pre_initialize(ahead)
            .initialization(InitializationStrategy::Custom {
                initializer: Box::new(|| {
                    MADE.set(MADE.get() + 1);
                    vec![1_u8]
                }),
                reset: Some(Box::new(|list| {
                    RESET.set(RESET.get() + 1);
                    list.truncate(1);
                })),
            })
            .build()
            .expect("in range")
    };
    for (ahead, made) in [(false, 0), (true, 4)] {
        MADE.set(0);
        RESET.set(0);
        let pool = RecyclePool::with_config(custom(ahead)).expect("memory");
        assert_eq!((MADE.get(), pool.idle()), (made, made));
        pool.acquire().expect("idle").push(2);
        assert_eq!(RESET.get(), 1);
        assert_eq!(*pool.acquire().expect("idle"), [1]);
        assert_eq!(MADE.get(), made.max(1));
    }
    let eager = PoolConfig::builder()
        .capacity(4)
        .initialization(InitializationStrategy::eager(|| 7))
        .build();
    let pool = RecyclePool::with_config(eager.expect("in range")).expect("memory");
    assert_eq!((pool.idle(), *pool.acquire().expect("idle")), (4, 7));

    let lazy = RecyclePool::with_config(PoolConfig::<u8>::with_capacity(4));
    assert_eq!(
        lazy.expect_err("nothing makes objects").knob(),
        Some("initialization")
    );
    let recycle = FnRecycle::new(Vec::new, |_: &mut Vec<u8>| ());
    let twice = RecyclePool::with_parts(custom(false), recycle, Global);
    assert_eq!(
        twice.expect_err("two makers").knob(),
        Some("initialization")
    );
    let growing = PoolConfig::builder()
        .capacity(4)
        .growth_strategy(GrowthStrategy::Linear { amount: 1 })
        .build();
    let growing = RecyclePool::with_parts(growing.expect("in range"), recycle, Global);
    assert_eq!(
        growing.expect_err("does not grow").knob(),
        Some("growth_strategy")
    );
}

/// While the slot of a forgotten vacant handle is in the pool, nothing in use is touched.
#[test]
#[cfg_attr(any(miri, flagstone_asan), ignore = "leaks")]
fn a_forgotten_vacant_handle_leaks() {
    let hooks = Hooks::default();
    let pool = RecyclePool::new(3, hooks.clone());
    let (object, slot) = RecyclePool::detach(pool.acquire().expect("one is made"));
    forget((slot, pool.acquire()));
    drop::<Object>(object);
    assert_eq!((pool.in_use(), hooks.census.live()), (2, 1));
    drop(pool);
    assert_eq!(hooks.census.live(), 1);
}

/// As many objects as are put in come out again, also where a word of bits ends.
#[test]
fn every_object_put_in_comes_out() {
    for count in [1, 63, 64, 65, 127, 128, 129, 1000] {
        let pool = RecyclePool::new(count, FnRecycle::new(|| 0, |_: &mut usize| ()));
        for number in 1..=count {
            pool.attach(number).expect("there is room");
        }
        assert_eq!((pool.idle(), pool.available()), (count, count));
        let handles: Vec<_> = (0..count).flat_map(|_| pool.acquire()).collect();
        let mut numbers: Vec<_> = handles.iter().map(|handle| **handle).collect();
        numbers.sort_unstable();
        assert!(
            numbers.into_iter().eq(1..=count),
            "none was made, none was lost"
        );
    }
}

/// Counts how often it is asked.
struct Checked<'c>(&'c Cell<usize>);

impl Recycle<Box<usize>> for Checked<'_> {
    fn create(&self) -> Box<usize> {
        Box::new(0)
    }
    fn is_valid(&self, _object: &Box<usize>) -> bool {
        count(self.0);
        true
    }
}

/// Neither handing many objects out nor giving them all up goes deeper into the stack or asks more
/// often than once for each.
#[test]
fn many_objects_need_little_stack() {
    let many = if cfg!(miri) { 500 } else { 200_000 };
    let work = move || {
        let checks = Cell::new(0);
        let pool = RecyclePool::eager(many, Checked(&checks)).expect("memory");
        let handles: Vec<_> = (0..many).flat_map(|_| pool.acquire()).collect();
        assert_eq!((handles.len(), checks.get()), (many, many));
        drop(handles);
        assert_eq!(pool.idle(), many);
        drop(pool);
    };
    let thread = std::thread::Builder::new()
        .stack_size(128 << 10)
        .spawn(work);
    thread
        .expect("a thread")
        .join()
        .expect("no overflow, no panic");
}

/// What one user left behind is gone when the next one comes, whenever the reset runs.
#[test]
fn nothing_is_left_for_the_next_user() {
    fn leaks<K: Recycle<String>>(recycle: K) {
        let pool = RecyclePool::new(1, recycle);
        pool.acquire().expect("one is made").push_str("secret");
        let next = pool.acquire().expect("idle");
        assert!(
            next.is_empty() && next.capacity() >= 6,
            "the same one, emptied"
        );
    }
    let recycle = FnRecycle::new(String::new, |text: &mut String| text.clear());
    leaks(recycle);
    leaks(AtAcquire(recycle));
    let borrowed = &recycle;
    leaks(borrowed);
}

/// What is counted is what happened.
#[cfg(feature = "stats")]
#[test]
fn statistics_agree_with_the_hooks() {
    use flagstone::stats::Metric;

    let hooks = Hooks::default();
    let mut pool = pool(Source::Global, hooks.clone(), false);
    for round in 0..30 {
        let mut handles = fill(&pool);
        let at = round % handles.len();
        handles[at].broken = true;
        if round == 7 {
            forget(handles.pop());
        }
        hooks.reset.set(usize::from(round == 9));
        blows(|| drop(handles));
        drop(pool.acquire().map(OwnedHandle::into_inner));
        if round == 20 {
            pool.clear();
        }
        let stats = pool.stats();
        let get = |metric| stats.get(metric) as usize;
        assert_eq!(get(Metric::InUse), pool.in_use());
        assert_eq!(get(Metric::Capacity), MOST);
        assert_eq!(get(Metric::Created), hooks.creates.get());
        assert_eq!(get(Metric::Resets), hooks.resets.get());
        assert_eq!(
            get(Metric::Discarded),
            hooks.discards.get() + usize::from(round >= 9)
        );
        assert_eq!(get(Metric::Allocations) - get(Metric::Frees), pool.in_use());
        assert_eq!(get(Metric::ChunksAdded), pool.provider().requests());
        assert_eq!(get(Metric::BytesReserved), pool.provider().live_bytes());
        assert_eq!(get(Metric::PeakInUse), MOST);
    }
    assert!(pool.stats().get(Metric::Rejected) > 0);
    assert_eq!(pool.stats().get(Metric::Exhausted), 30);
}
