//! A handle that keeps its pool: the pool ends with the last of them, whatever owns what, and nobody
//! walks over its values before.
#![expect(unsafe_code, reason = "implements a provider")]

use std::{
    cell::{Cell, RefCell},
    future::Future,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use flagstone::{
    FixedPool, GrowingPool, OwnedHandle, ThreadSafePool,
    pool::{ArcHandle, Intrusive, NoHooks, PoolConfig, RcHandle},
    provider::Global,
    sync::{DefaultLock, NoLock},
};
use flagstone_testkit::{
    fuse::blows,
    provider::Counting,
    value::{Census, Tracked},
};
use lock_api::RawMutex;

type Ledger = Rc<Counting>;

/// Passes a shared ledger on, so that it outlives the pools.
#[derive(Clone, Default)]
struct Watched(Ledger);

// SAFETY: every answer is the ledger's.
unsafe impl flagstone::Provider for Watched {
    fn alloc(
        &self,
        layout: std::alloc::Layout,
    ) -> Result<flagstone::provider::Chunk, flagstone::OutOfMemory> {
        self.0.alloc(layout)
    }

    unsafe fn free(&self, ptr: std::ptr::NonNull<u8>, layout: std::alloc::Layout) {
        // SAFETY: passed on as it is.
        unsafe { self.0.free(ptr, layout) }
    }
}

type Fixed<T> = FixedPool<T, Intrusive, NoHooks, Watched>;
type Growing<T> = GrowingPool<T, NoHooks, Watched, 4096>;
type Locked<T> = ThreadSafePool<T, NoLock, NoHooks, Watched, 4096>;

fn fixed<T>(ledger: &Watched) -> Rc<Fixed<T>> {
    Rc::new(FixedPool::new_in(8, ledger.clone()))
}

fn growing<T>(ledger: &Watched) -> Rc<Growing<T>> {
    let config = PoolConfig::with_capacity(8);
    Rc::new(GrowingPool::with_parts(config, NoHooks, ledger.clone()).expect("memory"))
}

fn locked<T>(ledger: &Watched) -> Arc<Locked<T>> {
    let config = PoolConfig::with_capacity(8);
    let pool = ThreadSafePool::with_parts(config, NoLock::INIT, NoHooks, ledger.clone());
    Arc::new(pool.expect("memory"))
}

/// The same test for each pool: `$root<$pool>` makes it, `$handle` is its handle.
macro_rules! each_pool {
    ($($test:ident)*) => {
        mod fixed_pool {
            $(#[test] fn $test() { super::$test!(fixed, Fixed, RcHandle, Rc); })*
        }
        mod growing_pool {
            $(#[test] fn $test() { super::$test!(growing, Growing, RcHandle, Rc); })*
        }
        mod thread_safe_pool {
            $(#[test] fn $test() { super::$test!(locked, Locked, ArcHandle, Arc); })*
        }
    };
}

macro_rules! the_last_handle_ends_the_pool {
    ($make:ident, $pool:ident, $handle:ident, $root:ident) => {{
        use super::*;
        let (ledger, census) = (Watched::default(), Census::default());
        let pool = $make::<Tracked>(&ledger);
        let handles: Vec<_> = (0..3)
            .map(|_| pool.alloc_static(census.tracked()).expect("a slot is free"))
            .collect();
        drop(pool);
        for (dropped, handle) in handles.into_iter().enumerate() {
            assert_eq!(census.live(), 3 - dropped);
            assert!(ledger.0.live() > 0, "the memory went before its values");
            drop(handle);
        }
        assert_eq!((census.live(), ledger.0.live()), (0, 0));
    }};
}
use the_last_handle_ends_the_pool;

macro_rules! the_last_value_taken_out_ends_the_pool {
    ($make:ident, $pool:ident, $handle:ident, $root:ident) => {{
        use super::*;
        let (ledger, census) = (Watched::default(), Census::default());
        let handle = $make::<Tracked>(&ledger).alloc_static(census.tracked());
        let value = OwnedHandle::into_inner(handle.expect("a slot is free"));
        assert_eq!((census.live(), ledger.0.live()), (1, 0));
        drop(value);
    }};
}
use the_last_value_taken_out_ends_the_pool;

macro_rules! a_list_in_its_own_pool_outlives_the_pools_owner {
    ($make:ident, $pool:ident, $handle:ident, $root:ident) => {{
        use super::*;
        struct Link {
            _value: Tracked,
            next: Option<$handle<$pool<Link>>>,
        }

        let (ledger, census) = (Watched::default(), Census::default());
        let pool = $make::<Link>(&ledger);
        let mut head = None;
        for _ in 0..8 {
            let link = Link {
                _value: census.tracked(),
                next: head,
            };
            head = pool.alloc_static(link).ok();
        }
        assert_eq!((pool.in_use(), head.is_some()), (8, true));
        drop(pool);
        // Its tail first, then the rest.
        let tail = head
            .as_mut()
            .and_then(|link| link.next.as_mut())
            .and_then(|link| link.next.take());
        drop(tail);
        assert_eq!(census.live(), 2);
        drop(head);
        assert_eq!((census.live(), ledger.0.live()), (0, 0));
    }};
}
use a_list_in_its_own_pool_outlives_the_pools_owner;

macro_rules! a_value_that_owns_the_last_of_its_pool_ends_it {
    ($make:ident, $pool:ident, $handle:ident, $root:ident) => {{
        use super::*;
        // The value keeps the pool it lies in, and allocates from it as it dies.
        struct Last {
            pool: Option<$root<$pool<Last>>>,
            census: Census,
            _value: Tracked,
        }

        impl Drop for Last {
            fn drop(&mut self) {
                let Some(pool) = self.pool.take() else {
                    return;
                };
                let value = self.census.tracked();
                let census = self.census.clone();
                let last = Last {
                    pool: None,
                    census,
                    _value: value,
                };
                let handle = pool.alloc_static(last).expect("a slot is free");
                drop(pool);
                drop(handle);
            }
        }

        let (ledger, census) = (Watched::default(), Census::default());
        let pool = $make::<Last>(&ledger);
        let last = Last {
            pool: Some($root::clone(&pool)),
            census: census.clone(),
            _value: census.tracked(),
        };
        let handle = pool.alloc_static(last).expect("a slot is free");
        drop(pool);
        drop(handle);
        assert_eq!((census.live(), ledger.0.live()), (0, 0));
    }};
}
use a_value_that_owns_the_last_of_its_pool_ends_it;

macro_rules! a_panicking_destructor_ends_the_pool_all_the_same {
    ($make:ident, $pool:ident, $handle:ident, $root:ident) => {{
        use super::*;
        let (ledger, census) = (Watched::default(), Census::default());
        let handle = $make::<Tracked>(&ledger).alloc_static(census.tracked());
        census.drops().set(1);
        assert!(blows(|| drop(handle)));
        assert_eq!((census.live(), ledger.0.live()), (0, 0));
    }};
}
use a_panicking_destructor_ends_the_pool_all_the_same;

macro_rules! nobody_walks_while_a_handle_is_out {
    ($make:ident, $pool:ident, $handle:ident, $root:ident) => {{
        use super::*;
        let (ledger, census) = (Watched::default(), Census::default());
        let mut pool = $make::<Tracked>(&ledger);
        let handle = pool.alloc_static(census.tracked()).expect("a slot is free");
        assert!($root::get_mut(&mut pool).is_none());
        drop(handle);
        // A raw pointer keeps its value, not the pool.
        let raw = OwnedHandle::into_raw(pool.alloc_static(census.tracked()).expect("a slot"));
        let alone = $root::get_mut(&mut pool).expect("no handle is out");
        assert_eq!(
            alone
                .iter_mut()
                .map(|value| std::ptr::from_mut(value))
                .next(),
            Some(raw.as_ptr())
        );
        alone.clear();
        assert_eq!(census.live(), 0);
    }};
}
use nobody_walks_while_a_handle_is_out;

macro_rules! handles_of_another_pool_come_back {
    ($make:ident, $pool:ident, $handle:ident, $root:ident) => {{
        use super::*;
        let ledger = Watched::default();
        let (ours, theirs) = ($make::<u8>(&ledger), $make::<u8>(&ledger));
        let handle = theirs.alloc(7).expect("a slot is free");
        let handle = ours.make_static(handle).expect_err("not ours");
        let handle = theirs.make_static(handle).expect("theirs");
        drop(theirs);
        assert_eq!(*handle, 7);
    }};
}
use handles_of_another_pool_come_back;

each_pool! {
    the_last_handle_ends_the_pool
    the_last_value_taken_out_ends_the_pool
    a_list_in_its_own_pool_outlives_the_pools_owner
    a_value_that_owns_the_last_of_its_pool_ends_it
    a_panicking_destructor_ends_the_pool_all_the_same
    nobody_walks_while_a_handle_is_out
    handles_of_another_pool_come_back
}

/// A tree whose nodes hold handles of their own pool, taken apart by threads after their pool's owner
/// is gone.
#[test]
fn threads_end_a_pool_that_nobody_else_has() {
    struct Node {
        _children: Vec<ArcHandle<ThreadSafePool<Node>>>,
        deaths: Arc<AtomicUsize>,
    }

    impl Drop for Node {
        fn drop(&mut self) {
            self.deaths.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tree(
        pool: &Arc<ThreadSafePool<Node>>,
        depth: u32,
        deaths: &Arc<AtomicUsize>,
    ) -> ArcHandle<ThreadSafePool<Node>> {
        let children = match depth {
            0 => Vec::new(),
            _ => (0..2).map(|_| tree(pool, depth - 1, deaths)).collect(),
        };
        let node = Node {
            _children: children,
            deaths: Arc::clone(deaths),
        };
        pool.alloc_static(node).expect("a slot is free")
    }

    let deaths = Arc::new(AtomicUsize::new(0));
    let pool = Arc::new(ThreadSafePool::new(4 * 15));
    let trees: Vec<_> = (0..4).map(|_| tree(&pool, 3, &deaths)).collect();
    assert!(pool.is_full());
    drop(pool);
    let threads: Vec<_> = trees
        .into_iter()
        .map(|tree| thread::spawn(move || drop(tree)))
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!(deaths.load(Ordering::Relaxed), 4 * 15);
}

/// A handle beside its pool in one structure, and in a thread-local.
#[test]
fn a_structure_holds_a_pool_and_its_handles() {
    struct World {
        pool: Rc<GrowingPool<String>>,
        things: RefCell<Vec<RcHandle<GrowingPool<String>>>>,
    }
    thread_local! {
        static WORLD: World = World {
            pool: Rc::new(GrowingPool::new(1)),
            things: RefCell::default(),
        };
    }
    thread::spawn(|| {
        WORLD.with(|world| {
            for n in 0..10 {
                let thing = world.pool.alloc_static(n.to_string()).expect("it grows");
                world.things.borrow_mut().push(thing);
            }
            assert_eq!(world.pool.in_use(), 10);
        });
    })
    .join()
    .expect("it ends in the thread's destructors");
}

#[test]
fn a_forgotten_handle_keeps_its_pool() {
    // A leak: where a tool looks for those, the promise is not tried.
    if cfg!(any(miri, flagstone_asan)) {
        return;
    }
    let pool = Rc::new(FixedPool::new(1));
    let watch = Rc::downgrade(&pool);
    std::mem::forget(pool.alloc_static(Cell::new(1)));
    drop(pool);
    assert_eq!(watch.upgrade().expect("kept").in_use(), 1);
}

#[test]
fn a_future_can_be_pinned_and_kept() {
    let pool = Arc::new(ThreadSafePool::<_, DefaultLock, NoHooks, Global>::new(1));
    let future = pool.alloc_static(async { 7 }).expect("a slot is free");
    drop(pool);
    let mut future = OwnedHandle::into_pin(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(
        future.as_mut().poll(&mut context),
        std::task::Poll::Ready(7)
    );
}
