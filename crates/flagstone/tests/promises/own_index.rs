//! A user's index allocator that lies, re-enters or panics gets an error or a panic; values stay
//! apart and are dropped once.
#![expect(unsafe_code, reason = "borrows pools for ever")]

use std::{cell::Cell, rc::Rc};

use flagstone::{
    AllocErrorKind, FixedPool, IndexAllocator, OwnedHandle,
    index::{Bitmap, FreeList, Stack},
    pool::{Checked, CheckedStrategy, FixedHandle, Indexed, NoHooks, PoolConfig},
    provider::Global,
};
use flagstone_testkit::{
    fuse::{blow, blows, panics},
    leaked::Leaked,
    value::{Census, Tracked},
};

/// What the allocator does at its next call; afterwards it is honest.
type Trick<R> = Rc<Cell<Option<R>>>;

/// Honest but for its tricks: a counter and a list.
#[derive(Default)]
struct Trickster {
    free: Vec<usize>,
    capacity: usize,
    /// A number to hand out instead.
    number: Trick<usize>,
    /// Runs inside `allocate`.
    in_allocate: Trick<Box<dyn FnOnce()>>,
    /// Runs inside `free`.
    in_free: Trick<Box<dyn FnOnce()>>,
    /// What it says is available.
    available: Trick<usize>,
}

impl Trickster {
    fn new(capacity: usize) -> Self {
        Self {
            free: (0..capacity).rev().collect(),
            capacity,
            ..Self::default()
        }
    }
}

impl IndexAllocator for Trickster {
    fn allocate(&mut self) -> Option<usize> {
        if let Some(trick) = self.in_allocate.take() {
            trick();
        }
        self.number.take().or_else(|| self.free.pop())
    }

    fn free(&mut self, index: usize) {
        self.free.push(index);
        if let Some(trick) = self.in_free.take() {
            trick();
        }
    }

    fn available(&self) -> usize {
        self.available.take().unwrap_or(self.free.len())
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

type Pool<T> = FixedPool<T, Indexed<Trickster>>;

#[test]
fn a_number_out_of_range_is_a_panic() {
    let index = Trickster::new(4);
    let number = Rc::clone(&index.number);
    let pool = Pool::<Tracked>::with_index(index).expect("memory");
    let census = Census::default();
    for wrong in [4, 5, 64, usize::MAX / 16, usize::MAX] {
        number.set(Some(wrong));
        assert!(
            panics(|| drop(pool.alloc(census.tracked()))),
            "{wrong} was believed"
        );
        assert_eq!((pool.in_use(), census.live()), (0, 0));
    }
    assert!(pool.alloc(census.tracked()).is_ok());
}

#[test]
fn a_number_in_use_is_a_panic_and_its_value_is_left_alone() {
    let index = Trickster::new(4);
    let number = Rc::clone(&index.number);
    let pool = Pool::<Tracked>::with_index(index).expect("memory");
    let census = Census::default();
    let first = pool.alloc(census.tracked()).expect("a slot is free");
    number.set(pool.index_of(&first));
    assert!(panics(|| drop(pool.alloc(census.tracked()))));
    assert_eq!((first.id(), pool.in_use(), census.live()), (1, 1, 1));
    drop(first);
    assert_eq!((pool.in_use(), census.live()), (0, 0));
}

#[test]
fn a_panic_inside_is_passed_on() {
    let index = Trickster::new(4);
    let (in_allocate, in_free) = (Rc::clone(&index.in_allocate), Rc::clone(&index.in_free));
    let pool = Pool::<Tracked>::with_index(index).expect("memory");
    let census = Census::default();
    for _ in 0..8 {
        in_allocate.set(Some(Box::new(|| blow())));
        assert!(blows(|| drop(pool.alloc(census.tracked()))));
        let handle = pool.alloc(census.tracked()).expect("a slot is free");
        in_free.set(Some(Box::new(|| blow())));
        assert!(blows(|| drop(handle)));
        let handle = pool.alloc(census.tracked()).expect("a slot is free");
        in_free.set(Some(Box::new(|| blow())));
        // The value that was on its way out has no owner any more.
        assert!(blows(|| drop(OwnedHandle::into_inner(handle))));
        assert_eq!((pool.in_use(), census.live()), (0, 0));
    }
    let all: Vec<_> = (0..4).map(|_| pool.alloc(census.tracked())).collect();
    assert!(all.iter().all(Result::is_ok));
}

#[test]
fn an_allocation_inside_is_refused() {
    let index = Trickster::new(4);
    let (in_allocate, in_free) = (Rc::clone(&index.in_allocate), Rc::clone(&index.in_free));
    let pool = Pool::<u64>::with_index(index).expect("memory");
    // SAFETY: every handle below is dropped before `leaked`.
    let leaked = unsafe { Leaked::new(pool) };
    let pool = leaked.get();
    let refusals = Rc::new(Cell::new(0));
    let reenter = || -> Option<Box<dyn FnOnce()>> {
        let refusals = Rc::clone(&refusals);
        Some(Box::new(move || {
            let refused = pool.alloc(1).expect_err("it is busy");
            assert_eq!(
                (refused.kind(), refused.into_inner()),
                (AllocErrorKind::Exhausted, 1)
            );
            assert!(pool.alloc_uninit().is_err());
            refusals.set(refusals.get() + 1);
        }))
    };
    in_allocate.set(reenter());
    let handle = pool.alloc(2).expect("a slot is free");
    in_free.set(reenter());
    drop(handle);
    assert_eq!((refusals.get(), pool.in_use()), (2, 0));
}

#[test]
fn a_drop_inside_is_a_panic_and_counts_stay_exact() {
    type Handle = FixedHandle<'static, Tracked, Indexed<Trickster>>;
    let index = Trickster::new(4);
    let in_allocate = Rc::clone(&index.in_allocate);
    let census = Census::default();
    // SAFETY: every handle below is dropped before `leaked`.
    let leaked = unsafe { Leaked::new(Pool::<Tracked>::with_index(index).expect("memory")) };
    let pool: &'static Pool<Tracked> = leaked.get();
    let victim: Handle = pool.alloc(census.tracked()).expect("a slot is free");
    in_allocate.set(Some(Box::new(move || drop(victim))));
    assert!(panics(|| drop(pool.alloc(census.tracked()))));
    assert_eq!((pool.in_use(), census.live()), (0, 0));
    assert!(pool.alloc(census.tracked()).is_ok());
}

#[test]
fn what_it_says_is_available_is_not_believed() {
    let index = Trickster::new(4);
    let available = Rc::clone(&index.available);
    let pool = Pool::<u64>::with_index(index).expect("memory");
    let _one = pool.alloc(1).expect("a slot is free");
    available.set(Some(usize::MAX));
    assert_eq!(pool.available(), 3);
    available.set(Some(1));
    assert_eq!(pool.available(), 1);
    assert_eq!(
        (pool.available(), pool.in_use(), pool.capacity()),
        (3, 1, 4)
    );
}

/// Numbers that are there but not handed out: the pool is full before its time, nothing more.
#[test]
fn an_allocator_that_gives_up_early_exhausts_the_pool() {
    let mut index = Trickster::new(4);
    index.free.clear();
    let pool = Pool::<u64>::with_index(index).expect("memory");
    assert_eq!((pool.available(), pool.capacity()), (0, 4));
    assert!(pool.alloc(1).is_err());
}

/// Its capacity is asked before anything is built on it.
#[test]
fn a_capacity_that_changes_is_refused() {
    struct Flip(Cell<usize>);
    impl IndexAllocator for Flip {
        fn allocate(&mut self) -> Option<usize> {
            None
        }
        fn free(&mut self, _index: usize) {}
        fn available(&self) -> usize {
            usize::MAX
        }
        fn capacity(&self) -> usize {
            self.0.replace(self.0.get() * 2)
        }
    }
    let refused = FixedPool::<u64, Indexed<Flip>>::with_index(Flip(Cell::new(4)));
    let error = refused.expect_err("it said 4, then 8");
    assert_eq!(error.knob(), Some("capacity"));
}

/// A number that is in use already would count as a value that nobody wrote, where the index is asked
/// for the values. (Beside a user's own the pool keeps bits: such a number is just never free.)
#[test]
fn an_index_with_numbers_in_use_is_refused() {
    fn refused<S: CheckedStrategy>(strategy: S) {
        let config = PoolConfig::<String>::with_capacity(4);
        let pool = FixedPool::with_parts(config, strategy, NoHooks, Global);
        assert!(pool.is_err(), "its first slot was never written");
    }
    fn used<I: IndexAllocator>(mut index: I) -> I {
        assert!(index.allocate().is_some());
        index
    }
    let (stack, list) = (Stack::new(4), FreeList::new(4));
    refused(Indexed::new(used(stack.expect("it is small"))));
    refused(Indexed::new(used(list.expect("it is small"))));
    refused(Indexed::new(used(Bitmap::new(4).expect("it is small"))));
    refused(Checked::new(Indexed::new(used(
        Bitmap::new(4).expect("it is small"),
    ))));
}
