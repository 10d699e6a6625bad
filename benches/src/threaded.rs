//! What threads share: pools of ours and of others, and handles of one value.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{Arc, Mutex},
};

use flagstone::{
    LockFreePool, SharedPool, ThreadLocalPool, ThreadSafePool, pool::ArcShared, sync::SpinLock,
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
