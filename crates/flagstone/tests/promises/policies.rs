//! A drop policy is applied to every value that leaves by a drop, on every pool, and loses neither
//! slot nor value.
#![expect(
    unsafe_code,
    reason = "looks into memory, and calls a policy as a pool does"
)]

use std::{
    cell::{Cell, RefCell},
    mem::{MaybeUninit, forget},
    rc::Rc,
    sync::Mutex,
    thread,
};

use flagstone::{
    FixedPool, GrowingPool, OwnedHandle, ThreadSafePool,
    pool::{Deferred, FnHooks, HandOver, Hooks, Intrusive, NoHooks, PoolConfig, ZeroOnFree},
    provider::ByteRegion,
    sync::{DefaultLock, SpinLock},
};
use flagstone_testkit::{
    fuse::{Fuse, blow, blows},
    heap_watch,
    value::{Census, Tracked},
};
use lock_api::RawMutex;

const SECRET: u8 = 0xA5;

/// A value of nothing but secrets.
type Key = [u8; 48];

/// One with a destructor, which may panic.
struct Sealed {
    key: Key,
    fuse: Fuse,
}

impl Drop for Sealed {
    fn drop(&mut self) {
        assert_eq!(self.key, [SECRET; 48]);
        self.fuse.tick();
    }
}

/// Runs `body` with memory, and looks for secrets in it afterwards: how many bytes of them are left.
fn leftovers(body: impl FnOnce(&ByteRegion<'_>)) -> usize {
    let mut memory = vec![MaybeUninit::new(0_u8); 64 * 1024];
    let region = ByteRegion::new(&mut memory);
    body(&region);
    // A bound far below one key, for bytes of links that happen to look like it.
    let secrets = memory.iter().filter(|byte| {
        // SAFETY: initialised above, and pools write bytes only.
        let byte = unsafe { byte.assume_init() };
        byte == SECRET
    });
    secrets.count()
}

const FEW: usize = 8;

/// `$body` with a pool of 8 slots over each kind of pool, made with `$hooks` in a region.
macro_rules! in_each_pool {
    ($T:ty, $hooks:expr, |$pool:pat_param| $body:expr) => {
        [
            leftovers(|region| {
                let config = PoolConfig::with_capacity(8);
                let $pool: FixedPool<$T, _, _, _> =
                    FixedPool::with_parts(config, Intrusive::default(), $hooks, region)
                        .expect("memory");
                $body;
            }),
            leftovers(|region| {
                let config = PoolConfig::with_capacity(8);
                let $pool: GrowingPool<$T, _, _, 4096> =
                    GrowingPool::with_parts(config, $hooks, region).expect("memory");
                $body;
            }),
            leftovers(|region| {
                let config = PoolConfig::with_capacity(8);
                let $pool: ThreadSafePool<$T, SpinLock, _, _, 4096> =
                    ThreadSafePool::with_parts(config, SpinLock::INIT, $hooks, region)
                        .expect("memory");
                $body;
            }),
        ]
    };
}

/// That the search finds what is there.
#[test]
fn without_the_policy_secrets_stay() {
    let left = in_each_pool!(Key, NoHooks, |pool| drop(pool.alloc([SECRET; 48])));
    assert!(left.iter().all(|&bytes| bytes > FEW), "{left:?}");
}

#[test]
fn zero_on_free_leaves_nothing_of_a_dropped_value() {
    let left = in_each_pool!(Key, ZeroOnFree::new(), |pool| {
        let held: Vec<_> = (0..8).map(|_| pool.alloc([SECRET; 48])).collect();
        drop(held);
    });
    assert!(left.iter().all(|&bytes| bytes < FEW), "{left:?}");
}

#[test]
fn zero_on_free_leaves_nothing_of_a_value_taken_out() {
    let left = in_each_pool!(Key, ZeroOnFree::new(), |pool| {
        let key = OwnedHandle::into_inner(pool.alloc([SECRET; 48]).expect("a slot is free"));
        assert_eq!(key, [SECRET; 48]);
    });
    assert!(left.iter().all(|&bytes| bytes < FEW), "{left:?}");
}

#[test]
fn zero_on_free_leaves_nothing_of_a_value_never_finished() {
    let left = in_each_pool!(Key, ZeroOnFree::new(), |pool| {
        let mut vacant = pool.alloc_uninit().expect("a slot is free");
        vacant.as_uninit_mut().write([SECRET; 48]);
        drop(vacant);
    });
    assert!(left.iter().all(|&bytes| bytes < FEW), "{left:?}");
}

#[test]
fn zero_on_free_leaves_nothing_in_a_pool_that_ends() {
    let left = in_each_pool!(Key, ZeroOnFree::new(), |pool| {
        forget(pool.alloc([SECRET; 48]));
        forget(pool.alloc([SECRET; 48]));
        drop(pool);
    });
    assert!(left.iter().all(|&bytes| bytes < FEW), "{left:?}");
    let left = in_each_pool!(Key, ZeroOnFree::new(), |mut pool| {
        forget(pool.alloc([SECRET; 48]));
        pool.clear();
        forget(pool.alloc([SECRET; 48]));
        assert_eq!(pool.drain().count(), 1);
    });
    assert!(left.iter().all(|&bytes| bytes < FEW), "{left:?}");
}

#[test]
fn zero_on_free_leaves_nothing_when_a_destructor_or_hook_panics() {
    let (drops, hook) = (Fuse::never(), Fuse::never());
    let hooks = || {
        let (acquire, release) = (hook.clone(), hook.clone());
        ZeroOnFree::with_hooks(FnHooks::new(
            move |_: &mut Sealed| acquire.tick(),
            move |_: &mut Sealed| release.tick(),
        ))
    };
    let sealed = || Sealed {
        key: [SECRET; 48],
        fuse: drops.clone(),
    };
    let left = in_each_pool!(Sealed, hooks(), |pool| {
        let handle = pool.alloc(sealed());
        drops.set(1);
        assert!(blows(|| drop(handle)));
        hook.set(1);
        assert!(blows(|| drop(pool.alloc(sealed()))));
        let handle = pool.alloc(sealed()).expect("a slot is free");
        hook.set(1);
        assert!(blows(|| drop(OwnedHandle::into_inner(handle))));
        assert!(pool.is_empty());
    });
    assert!(left.iter().all(|&bytes| bytes < FEW), "{left:?}");
}

#[test]
fn a_value_is_handed_over_after_the_release_hook_and_before_its_slot_is_free() {
    let (log, census) = (RefCell::new(Vec::new()), Census::default());
    let release = |value: &mut Tracked| log.borrow_mut().push(("released", value.id()));
    let hooks = FnHooks::new(|_: &mut Tracked| (), release);
    let policy = HandOver::with_hooks(
        |value: Tracked| log.borrow_mut().push(("handed over", value.id())),
        hooks,
    );
    let pool = GrowingPool::with_hooks(1, policy).expect("memory");
    let (first, second) = (pool.alloc(census.tracked()), pool.alloc(census.tracked()));
    drop(first.expect("a slot is free"));
    assert_eq!(pool.in_use(), 1);
    // Not handed over: the caller has it.
    let value = OwnedHandle::into_inner(second.expect("a slot is free"));
    assert_eq!(value.id(), 2);
    assert_eq!(
        *log.borrow(),
        [("released", 1), ("handed over", 1), ("released", 2)]
    );
}

#[test]
fn what_is_left_in_a_pool_is_handed_over_when_it_ends() {
    let got = RefCell::new(Vec::new());
    let keep = |n: u32| got.borrow_mut().push(n);
    let mut pool = FixedPool::with_hooks(4, HandOver::to(keep)).expect("memory");
    forget(pool.alloc(1));
    pool.clear();
    assert_eq!(*got.borrow(), [1]);
    forget(pool.alloc(2));
    forget(pool.alloc(3));
    drop(pool);
    got.borrow_mut().sort_unstable();
    assert_eq!(*got.borrow(), [1, 2, 3]);
}

#[test]
fn a_closure_that_panics_or_uses_the_pool_costs_no_slot() {
    let (census, fuse) = (Census::default(), Fuse::never());
    let take = |value: Tracked| {
        fuse.tick();
        drop(value);
    };
    let pool = ThreadSafePool::with_hooks(1, HandOver::to(take)).expect("memory");
    for _ in 0..3 {
        let handle = pool.alloc(census.tracked()).expect("no slot was lost");
        fuse.set(1);
        assert!(blows(|| drop(handle)));
        assert_eq!((census.live(), pool.in_use()), (0, 0));
    }

    // The closure places the value again, in another pool, and that one's in the first.
    let second: Rc<FixedPool<u8>> = Rc::new(FixedPool::new(1));
    let moved = Rc::new(Cell::new(0));
    let policy = {
        let (second, moved) = (Rc::clone(&second), Rc::clone(&moved));
        HandOver::to(move |n: u8| {
            moved.set(*second.alloc(n).expect("a slot is free"));
        })
    };
    let first = FixedPool::with_hooks(1, policy).expect("memory");
    drop(first.alloc(7));
    assert_eq!((moved.get(), first.in_use(), second.in_use()), (7, 0, 0));
}

#[test]
fn deferred_values_wait_and_their_slots_do_not() {
    let census = Census::default();
    let later = Deferred::<Tracked>::new(3).expect("memory");
    let pool = FixedPool::with_hooks(1, &later).expect("memory");
    for waiting in 1..=3 {
        drop(pool.alloc(census.tracked()).expect("its slot is free"));
        assert_eq!(
            (later.waiting(), census.live(), pool.in_use()),
            (waiting, waiting, 0)
        );
    }
    // No room: dropped at once.
    drop(pool.alloc(census.tracked()));
    assert_eq!((later.waiting(), census.live()), (3, 3));
    assert_eq!((later.flush(), census.live()), (3, 0));
    assert_eq!((later.flush(), later.waiting()), (0, 0));
    // What was not flushed goes with the policy; what is left in the pool waits first.
    forget(pool.alloc(census.tracked()));
    drop(pool);
    assert_eq!((later.waiting(), census.live()), (1, 1));
    drop(later);
    assert_eq!(census.live(), 0);
}

#[test]
fn a_pool_flushes_the_policy_that_it_owns() {
    let census = Census::default();
    let policy = ZeroOnFree::with_hooks(Deferred::<Tracked>::new(8).expect("memory"));
    let pool = GrowingPool::with_hooks(1, policy).expect("memory");
    drop(pool.alloc(census.tracked()));
    assert_eq!(census.live(), 1);
    assert_eq!((pool.hooks().hooks().flush(), census.live()), (1, 0));
}

#[test]
fn a_destructor_that_panics_in_a_flush_stops_no_other() {
    let census = Census::default();
    let later = Deferred::<Tracked>::new(4).expect("memory");
    let pool = FixedPool::with_hooks(4, &later).expect("memory");
    for nth in 1..=4 {
        let held: Vec<_> = (0..4).map(|_| pool.alloc(census.tracked())).collect();
        drop(held);
        census.drops().set(nth);
        assert!(blows(|| {
            later.flush();
        }));
        assert_eq!((later.waiting(), census.live()), (0, 0));
    }
}

/// A destructor drops handles of its pool and flushes, in the middle of a flush.
#[test]
fn a_flush_may_be_entered_again() {
    type Shelf = Deferred<Nested>;

    /// Has a weak reference to the policy, which holds such values.
    struct Nested {
        later: std::rc::Weak<Shelf>,
        inner: Option<Box<Nested>>,
        deaths: Rc<Cell<u32>>,
    }

    impl Drop for Nested {
        fn drop(&mut self) {
            self.deaths.set(self.deaths.get() + 1);
            if let (Some(later), Some(inner)) = (self.later.upgrade(), self.inner.take()) {
                let mut inner = std::mem::ManuallyDrop::new(*inner);
                // SAFETY: a live value that is not used or dropped again.
                unsafe { later.dispose(std::ptr::NonNull::from(&mut *inner)) };
                later.flush();
            }
        }
    }

    let later = Rc::new(Shelf::new(4).expect("memory"));
    let deaths = Rc::new(Cell::new(0));
    let nested = |inner| Nested {
        later: Rc::downgrade(&later),
        inner,
        deaths: Rc::clone(&deaths),
    };
    let pool = FixedPool::with_hooks(1, &*later).expect("memory");
    let value = nested(Some(Box::new(nested(Some(Box::new(nested(None)))))));
    drop(pool.alloc(value));
    assert_eq!((later.flush(), deaths.get(), later.waiting()), (1, 3, 0));
    // Both rooms are back.
    for _ in 0..4 {
        drop(pool.alloc(nested(None)));
    }
    assert_eq!(later.waiting(), 4);
}

#[test]
fn threads_share_a_deferred_policy() {
    let census = Census::default();
    let later = Deferred::<Tracked, SpinLock>::new(64).expect("memory");
    let pool = ThreadSafePool::<Tracked, DefaultLock, _>::with_hooks(8, &later).expect("memory");
    let flushed = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    drop(pool.alloc(census.tracked()));
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..100 {
                *flushed.lock().expect("no panic") += later.flush();
                thread::yield_now();
            }
        });
    });
    later.flush();
    assert_eq!((census.live(), pool.in_use(), later.waiting()), (0, 0, 0));
}

#[test]
fn a_deferred_drop_allocates_nothing() {
    assert!(heap_watch::is_installed());
    let later = Deferred::<[u64; 4]>::new(16).expect("memory");
    let pool = FixedPool::with_hooks(16, &later).expect("memory");
    let calls = heap_watch::calls_during(|| {
        for n in 0..100 {
            drop(pool.alloc([n; 4]));
            if n % 10 == 0 {
                later.flush();
            }
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn a_closure_that_never_ran_is_no_loss() {
    let pool = FixedPool::with_hooks(1, HandOver::to(|_: u8| ())).expect("memory");
    for _ in 0..3 {
        assert!(blows(|| {
            let _ = pool.alloc_with(|| blow());
        }));
        assert!(pool.is_empty());
    }
}
