//! User code runs under no borrow and no lock of the pool's: it may use the pool.
#![expect(unsafe_code, reason = "borrows pools for ever")]

use std::{cell::Cell, fmt, rc::Rc};

use flagstone::pool::NoHooks;

use super::SLOTS;
use crate::{
    conformance::{Counted, Door, PoolKind, each, fill},
    hooks::CallingHooks,
    leaked::Leaked,
};

type Handle<K, T> = <<K as PoolKind>::Pool<T, NoHooks> as Door>::Handle<'static>;

/// A value whose destructor places other values in its own pool.
struct Phoenix<K: PoolKind> {
    pool: &'static K::Pool<Self, NoHooks>,
    lives: u32,
    deaths: Rc<Cell<usize>>,
}

impl<K: PoolKind> Drop for Phoenix<K> {
    fn drop(&mut self) {
        self.deaths.set(self.deaths.get() + 1);
        let Some(lives) = self.lives.checked_sub(1) else {
            return;
        };
        // Its own slot is still in use.
        assert!(!self.pool.is_empty());
        let next = Self {
            pool: self.pool,
            lives,
            deaths: Rc::clone(&self.deaths),
        };
        match self.pool.alloc(next) {
            Ok(handle) => drop(handle),
            Err(refused) => drop(refused.into_inner()),
        }
    }
}

impl<K: PoolKind> fmt::Debug for Phoenix<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phoenix({})", self.lives)
    }
}

/// A destructor allocates from the pool it dies in, deeper than the pool has slots.
pub fn destructor_allocates<K: PoolKind>() {
    each::<K>(|setting| {
        // SAFETY: every handle below is dropped before `leaked`.
        let leaked = unsafe { Leaked::new(K::plain::<Phoenix<K>>(setting, SLOTS)) };
        let pool = leaked.get();
        let deaths = Rc::new(Cell::new(0));
        let phoenix = Phoenix {
            pool,
            lives: 2 * SLOTS as u32,
            deaths: Rc::clone(&deaths),
        };
        drop(pool.alloc(phoenix).expect("a slot is free"));
        assert_eq!(deaths.get(), 2 * SLOTS + 1);
        assert!(pool.is_empty());
    });
}

/// The link of a list whose links lie in one pool.
struct Link<K: PoolKind> {
    next: Option<Handle<K, Self>>,
    deaths: Rc<Cell<usize>>,
}

// The handle it holds does not care where it lies.
impl<K: PoolKind> Unpin for Link<K> {}

impl<K: PoolKind> Drop for Link<K> {
    fn drop(&mut self) {
        self.deaths.set(self.deaths.get() + 1);
    }
}

/// A value owns a handle into its own pool: dropping the head drops the list.
pub fn value_owns_a_handle_of_its_pool<K: PoolKind>() {
    each::<K>(|setting| {
        // SAFETY: every handle below is dropped before `leaked`.
        let leaked = unsafe { Leaked::new(K::plain::<Link<K>>(setting, SLOTS)) };
        let pool = leaked.get();
        let deaths = Rc::new(Cell::new(0));
        let mut head: Option<Handle<K, Link<K>>> = None;
        for _ in 0..SLOTS {
            let link = Link {
                next: head.take(),
                deaths: Rc::clone(&deaths),
            };
            head = pool.alloc(link).ok();
        }
        assert!(pool.is_full());
        let mut length = 0;
        let mut at = head.as_ref();
        while let Some(link) = at {
            length += 1;
            at = link.next.as_ref();
        }
        assert_eq!(length, SLOTS);
        drop(head);
        assert_eq!(deaths.get(), SLOTS);
        assert!(pool.is_empty());
    });
}

/// The closure of `alloc_with` uses the pool, to the last slot.
pub fn closure_allocates<K: PoolKind>() {
    each::<K>(|setting| {
        let pool = K::plain::<u64>(setting, SLOTS);
        let mut inner = Vec::new();
        let outer = pool.alloc_with(|| {
            inner = fill(&pool, || 1);
            2
        });
        assert_eq!(*outer.expect("its slot was taken before"), 2);
        assert_eq!(inner.len(), SLOTS - 1);
        assert!(inner.iter().all(|handle| **handle == 1));
    });
}

type Hook = CallingHooks<Box<dyn Fn(bool, &mut u64)>>;

/// A hook uses the pool it is called by.
pub fn hook_allocates<K: PoolKind>() {
    each::<K>(|setting| {
        type Place<K> = Rc<Cell<Option<&'static <K as PoolKind>::Pool<u64, Hook>>>>;
        let place: Place<K> = Rc::default();
        let calls = Rc::new(Cell::new(0));
        let hooks: Hook = CallingHooks(Box::new({
            let (place, calls) = (Rc::clone(&place), Rc::clone(&calls));
            move |_acquired, value| {
                calls.set(calls.get() + 1);
                if *value > 0
                    && let Some(pool) = place.get()
                    && let Ok(handle) = pool.alloc(*value - 1)
                {
                    assert_eq!(*handle, *value - 1);
                }
            }
        }));
        // SAFETY: every handle below is dropped before `leaked`.
        let leaked = unsafe { Leaked::new(K::hooked::<u64, Hook>(setting, SLOTS, hooks)) };
        let pool = leaked.get();
        place.set(Some(pool));
        drop(pool.alloc(4).expect("a slot is free"));
        // Every value is acquired and released, and calls for one less each time.
        assert_eq!(calls.get(), 2 + 4 + 8 + 16 + 32);
        assert!(pool.is_empty());
        place.set(None);
    });
}
