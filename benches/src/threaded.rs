//! What threads share: pools of ours and of others, and handles of one value.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{Arc, Mutex},
};

use crossbeam_queue::ArrayQueue;
use flagstone::{
    LockFreePool, SharedPool, ThreadLocalPool, ThreadSafePool,
    pool::{ArcShared, LockFreeHandle, ThreadSafeHandle},
    sync::SpinLock,
};

use crate::{
    contender::{Role, exhausted},
    threads::Shared,
};

/// What is stored.
pub(crate) type Value = [u64; 8];

/// Values that a thread holds at most.
const HELD: usize = 8;
/// How often a thread uses what it shares in a window.
const WINDOW: u64 = 1 << 14;

/// Stores values and drops each when seven others have come.
#[inline(always)]
fn pass<H>(count: u64, store: impl Fn(Value) -> H) {
    let mut held = VecDeque::with_capacity(HELD);
    for number in 0..count {
        if held.len() == HELD - 1 {
            held.pop_front();
        }
        held.push_back(store([number; 8]));
    }
}

/// A pool with room for what so many threads hold, and the way to store a value in it.
macro_rules! pool {
    ($adapter:ident, $name:literal, $role:expr, $pool:ty, |$slots:ident| $make:expr,
     |$shared:ident, $value:ident| $store:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter($pool);

        impl Shared for $adapter {
            const NAME: &'static str = $name;
            const ROLE: Role = $role;
            const WINDOW: u64 = WINDOW;

            fn for_threads(threads: usize) -> Self {
                let $slots = threads * HELD;
                Self($make)
            }

            fn work(&self, _: usize, count: u64) {
                let $shared = black_box(&self.0);
                pass(count, |$value| $store);
            }

            fn reset(&mut self) {}
        }
    };
}

pool!(
    OurThreadSafe,
    "flagstone::ThreadSafePool",
    Role::Ours,
    ThreadSafePool<Value>,
    |slots| ThreadSafePool::new(slots),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
pool!(
    OurSpinning,
    "flagstone::ThreadSafePool<SpinLock>",
    Role::Ours,
    ThreadSafePool<Value, SpinLock>,
    |slots| ThreadSafePool::with_lock(slots).unwrap_or_else(|_| exhausted()),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
pool!(
    OurKept,
    "flagstone::ThreadSafePool(Arc)",
    Role::Ours,
    Arc<ThreadSafePool<Value>>,
    |slots| Arc::new(ThreadSafePool::new(slots)),
    |pool, value| pool.alloc_static(value).unwrap_or_else(|_| exhausted())
);
/// Slots of a lock-free pool for each that is held: a thread has two magazines of 32 at hand.
const SPARE: usize = 32;

pool!(
    OurLockFree,
    "flagstone::LockFreePool",
    Role::Ours,
    LockFreePool<Value>,
    |slots| LockFreePool::new(slots * SPARE),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
pool!(
    OurPerThread,
    "flagstone::ThreadLocalPool",
    Role::Ours,
    ThreadLocalPool<Value>,
    |slots| ThreadLocalPool::new(slots),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
pool!(
    Boxes,
    "Box(system)",
    Role::Rival,
    (),
    |_slots| (),
    |_pool, value| black_box(Box::new(value))
);

/// The key of a value in a locked slab; the value goes when the key does.
struct Key<F: FnMut()>(F);

impl<F: FnMut()> Drop for Key<F> {
    fn drop(&mut self) {
        self.0();
    }
}

pool!(
    StdLockedSlab,
    "Mutex<slab>(std)",
    Role::Rival,
    Mutex<slab::Slab<Value>>,
    |slots| Mutex::new(slab::Slab::with_capacity(slots)),
    |slab, value| {
        let locked = || slab.lock().unwrap_or_else(|_| exhausted());
        let key = locked().insert(value);
        Key(move || {
            locked().remove(key);
        })
    }
);
pool!(
    ParkingLotLockedSlab,
    "Mutex<slab>(parking_lot)",
    Role::Rival,
    parking_lot::Mutex<slab::Slab<Value>>,
    |slots| parking_lot::Mutex::new(slab::Slab::with_capacity(slots)),
    |slab, value| {
        let key = slab.lock().insert(value);
        Key(move || {
            slab.lock().remove(key);
        })
    }
);

/// What `opool` makes its values with.
pub(crate) struct Zeros;

impl opool::PoolAllocator<Value> for Zeros {
    fn allocate(&self) -> Value {
        [0; 8]
    }
}

pool!(
    OpoolShared,
    "opool::Pool",
    Role::Rival,
    opool::Pool<Zeros, Value>,
    |slots| opool::Pool::new_prefilled(slots, Zeros),
    |pool, value| {
        let mut guard = pool.get();
        *guard = value;
        guard
    }
);
pool!(
    FastallocShared,
    "fastalloc::ThreadSafePool",
    Role::Rival,
    fastalloc::ThreadSafePool<Value>,
    |slots| fastalloc::ThreadSafePool::new(slots).unwrap_or_else(|_| exhausted()),
    |pool, value| pool.allocate(value).unwrap_or_else(|_| exhausted())
);

pool!(
    ObjectPoolShared,
    "object_pool::Pool",
    Role::Rival,
    object_pool::Pool<Value>,
    |slots| object_pool::Pool::new(slots, || [0; 8]),
    |pool, value| {
        let mut guard = pool.try_pull().unwrap_or_else(|| exhausted());
        *guard = value;
        guard
    }
);
pool!(
    LinearShared,
    "lockfree_object_pool::Linear",
    Role::Rival,
    lockfree_object_pool::LinearObjectPool<Value>,
    |_slots| lockfree_object_pool::LinearObjectPool::new(|| [0; 8], |_| ()),
    |pool, value| {
        let mut guard = pool.pull();
        *guard = value;
        guard
    }
);
pool!(
    ShardedShared,
    "sharded_slab::Slab",
    Role::Rival,
    sharded_slab::Slab<Value>,
    |_slots| sharded_slab::Slab::new(),
    |slab, value| {
        let key = slab.insert(value).unwrap_or_else(|| exhausted());
        Key(move || {
            slab.remove(key);
        })
    }
);
pool!(
    QueueShared,
    "ArrayQueue<Box>",
    Role::Rival,
    ArrayQueue<Box<Value>>,
    |slots| {
        let queue = ArrayQueue::new(slots);
        while queue.push(Box::new([0; 8])).is_ok() {}
        queue
    },
    |queue, value| {
        let mut place = queue.pop().unwrap_or_else(|| exhausted());
        *place = value;
        let mut place = Some(place);
        Key(move || {
            let back = place.take().map(|place| queue.push(place));
            back.unwrap_or_else(|| exhausted())
                .unwrap_or_else(|_| exhausted());
        })
    }
);

/// Values on their way from one thread to the next.
const RING: usize = 256;

/// A pool whose values one thread stores and another drops, with a ring between the two.
macro_rules! handed {
    ($adapter:ident, $name:literal, $role:expr, $pool:ty, $make:expr, $handle:ty,
     |$shared:ident, $value:ident| $store:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter {
            // For ever, so that handles that borrow it can be in the ring.
            pool: &'static $pool,
            ring: ArrayQueue<$handle>,
        }

        impl Shared for $adapter {
            const NAME: &'static str = $name;
            const ROLE: Role = $role;
            const WINDOW: u64 = WINDOW;

            fn for_threads(_: usize) -> Self {
                Self {
                    pool: Box::leak(Box::new($make)),
                    ring: ArrayQueue::new(RING),
                }
            }

            fn work(&self, thread: usize, count: u64) {
                let $shared = self.pool;
                for number in 0..count {
                    if thread == 0 {
                        let $value = [number; 8];
                        let mut handle = $store;
                        while let Err(back) = self.ring.push(handle) {
                            handle = back;
                            std::thread::yield_now();
                        }
                    } else {
                        while self.ring.pop().is_none() {
                            std::thread::yield_now();
                        }
                    }
                }
            }

            fn reset(&mut self) {}
        }
    };
}

handed!(
    RingFloor,
    "floor::ring",
    Role::Floor,
    (),
    (),
    Value,
    |_pool, value| value
);
handed!(
    HandedLockFree,
    "flagstone::LockFreePool",
    Role::Ours,
    LockFreePool<Value>,
    LockFreePool::new(RING * SPARE),
    LockFreeHandle<Value>,
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
handed!(
    HandedSpinning,
    "flagstone::ThreadSafePool<SpinLock>",
    Role::Ours,
    ThreadSafePool<Value, SpinLock>,
    ThreadSafePool::with_lock(2 * RING).unwrap_or_else(|_| exhausted()),
    ThreadSafeHandle<'static, Value, SpinLock>,
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
handed!(
    HandedOpool,
    "opool::Pool",
    Role::Rival,
    opool::Pool<Zeros, Value>,
    opool::Pool::new_prefilled(2 * RING, Zeros),
    opool::RefGuard<'static, Zeros, Value>,
    |pool, value| {
        let mut guard = pool.get();
        *guard = value;
        guard
    }
);
handed!(
    HandedObjectPool,
    "object_pool::Pool",
    Role::Rival,
    object_pool::Pool<Value>,
    object_pool::Pool::new(2 * RING, || [0; 8]),
    object_pool::Reusable<'static, Value>,
    |pool, value| {
        let mut guard = pool.try_pull().unwrap_or_else(|| exhausted());
        *guard = value;
        guard
    }
);
handed!(
    HandedBoxes,
    "Box(system)",
    Role::Rival,
    (),
    (),
    Box<Value>,
    |_pool, value| Box::new(value)
);

/// A handle of one value, which every thread clones and drops.
macro_rules! cloned {
    ($adapter:ident, $name:literal, $role:expr, $handle:ty, $make:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter($handle);

        impl Shared for $adapter {
            const NAME: &'static str = $name;
            const ROLE: Role = $role;
            const WINDOW: u64 = WINDOW;

            fn for_threads(_: usize) -> Self {
                Self($make([7; 8]))
            }

            fn work(&self, _: usize, count: u64) {
                for _ in 0..count {
                    drop(black_box(black_box(&self.0).clone()));
                }
            }

            fn reset(&mut self) {}
        }
    };
}

cloned!(
    OurClones,
    "flagstone::SharedHandle(atomic)",
    Role::Ours,
    ArcShared<ThreadSafePool<Value>>,
    |value| Arc::new(SharedPool::new(ThreadSafePool::new(1)))
        .alloc_static(value)
        .unwrap_or_else(|_| exhausted())
);
cloned!(
    ArcClones,
    "std::Arc",
    Role::Rival,
    Arc<Value>,
    Arc::<Value>::new
);
