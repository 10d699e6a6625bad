//! Pools that threads share, and what stands in for one.
//!
//! `object-pool`, `opool`, `lockfree-object-pool` and the queue keep objects that are made already, and
//! have no way to store a value that is given: the value is assigned to the object that was handed out.
//! The first two move the whole object into its guard and back.

use std::sync::Mutex;

use ::lockfree_object_pool::{LinearObjectPool, LinearReusable};
use ::object_pool::{Pool, Reusable};
use crossbeam_queue::ArrayQueue;
use infinity_pool::{PinnedPool, PooledMut};
use sharded_slab::Slab as ShardedSlab;
use slab::Slab;

use super::{boxes::MiBox, opool::Maker, unnamed::Unnamed};
use crate::{
    contender::{Role, exhausted},
    store::stores,
};

stores!(
    Boxes, "Box(system)", Role::Rival,
    'p, () => Box<T>,
    |_| (),
    |(), value| Box::new(value)
);
stores!(
    MiBoxes, "Box(mimalloc)", Role::Rival,
    'p, () => MiBox<T>,
    |_| (),
    |(), value| MiBox::new(value)
);

/// Containers of values with keys, which threads share.
pub(crate) trait Keyed: Sync {
    /// Forgets the value of a key that it gave out.
    fn forget(&self, key: usize);
}

impl<T: Send> Keyed for Mutex<Slab<T>> {
    #[inline(always)]
    fn forget(&self, key: usize) {
        self.lock().unwrap_or_else(|_| exhausted()).remove(key);
    }
}

impl<T: Send> Keyed for parking_lot::Mutex<Slab<T>> {
    #[inline(always)]
    fn forget(&self, key: usize) {
        self.lock().remove(key);
    }
}

impl<T: Send + Sync> Keyed for ShardedSlab<T> {
    #[inline(always)]
    fn forget(&self, key: usize) {
        self.remove(key);
    }
}

/// The key of a value; the value goes when the key does.
pub(crate) struct Key<'p, C: Keyed> {
    keeper: &'p C,
    key: usize,
}

impl<C: Keyed> Drop for Key<'_, C> {
    #[inline(always)]
    fn drop(&mut self) {
        self.keeper.forget(self.key);
    }
}

stores!(
    StdLockedSlab, "Mutex<slab>(std)", Role::Rival,
    'p, Mutex<Slab<T>> => Key<'p, Mutex<Slab<T>>>,
    |slots| Mutex::new(Slab::with_capacity(slots)),
    |keeper, value| {
        let key = keeper.lock().unwrap_or_else(|_| exhausted()).insert(value);
        Key { keeper, key }
    }
);
stores!(
    ParkingLotLockedSlab, "Mutex<slab>(parking_lot)", Role::Rival,
    'p, parking_lot::Mutex<Slab<T>> => Key<'p, parking_lot::Mutex<Slab<T>>>,
    |slots| parking_lot::Mutex::new(Slab::with_capacity(slots)),
    |keeper, value| {
        let key = keeper.lock().insert(value);
        Key { keeper, key }
    }
);
stores!(
    Sharded, "sharded_slab::Slab", Role::Rival,
    'p, ShardedSlab<T> => Key<'p, ShardedSlab<T>>,
    |_| ShardedSlab::new(),
    |keeper, value| {
        let key = keeper.insert(value).unwrap_or_else(|| exhausted());
        Key { keeper, key }
    }
);

stores!(
    OpoolShared, "opool::Pool", Role::Rival,
    'p, opool::Pool<Maker, T> => opool::RefGuard<'p, Maker, T>,
    |slots| opool::Pool::new_prefilled(slots, Maker),
    |pool, value| {
        let mut guard = pool.get();
        *guard = value;
        guard
    }
);
stores!(
    ObjectPoolShared, "object_pool::Pool", Role::Rival,
    'p, Pool<T> => Reusable<'p, T>,
    |slots| Pool::new(slots, || T::of(0)),
    |pool, value| {
        let mut object = pool.try_pull().unwrap_or_else(|| exhausted());
        *object = value;
        object
    }
);
stores!(
    LinearShared, "lockfree_object_pool::Linear", Role::Rival,
    'p, LinearObjectPool<T> => LinearReusable<'p, T>,
    |_| LinearObjectPool::new(|| T::of(0), |_| ()),
    |pool, value| {
        let mut object = pool.pull();
        *object = value;
        object
    }
);

/// A box that goes back to its queue.
pub(crate) struct Queued<'p, T> {
    queue: &'p ArrayQueue<Box<T>>,
    object: Option<Box<T>>,
}

impl<T> Drop for Queued<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self
            .object
            .take()
            .is_some_and(|it| self.queue.push(it).is_err())
        {
            exhausted()
        }
    }
}

stores!(
    BoxQueue, "crossbeam::ArrayQueue<Box>", Role::Rival,
    'p, ArrayQueue<Box<T>> => Queued<'p, T>,
    |slots| {
        let queue = ArrayQueue::new(slots);
        (0..slots).for_each(|_| drop(queue.push(Box::new(T::of(0)))));
        queue
    },
    |queue, value| {
        let mut object = queue.pop().unwrap_or_else(|| exhausted());
        *object = value;
        let object = Some(object);
        Queued { queue, object }
    }
);

stores!(
    FastallocShared, "fastalloc::ThreadSafePool", Role::Rival,
    'p, fastalloc::ThreadSafePool<T> => Unnamed,
    |slots| fastalloc::ThreadSafePool::new(slots).unwrap_or_else(|_| exhausted()),
    |pool, value| Unnamed::new(pool.allocate(value).unwrap_or_else(|_| exhausted()))
);
stores!(
    InfinityShared, "infinity_pool::PinnedPool", Role::Rival,
    'p, PinnedPool<T> => PooledMut<T>,
    |slots| {
        let pool = PinnedPool::new();
        pool.reserve(slots);
        pool
    },
    |pool, value| pool.insert(value)
);
stores!(
    LockedPlurality, "Mutex<plurality>(std)", Role::Rival,
    'p, Mutex<plurality::Pool<T>> => plurality::Box<T>,
    |_| Mutex::new(plurality::Pool::new()),
    |pool, value| {
        // Dropping a box needs no lock.
        let pool = pool.lock().unwrap_or_else(|_| exhausted());
        pool.alloc_box(value)
    }
);
