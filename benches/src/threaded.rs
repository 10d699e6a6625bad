//! What threads share of ours, handles of one value, and the loop that shares nothing.

use std::{hint::black_box, sync::Arc};

use flagstone::{
    LockFreePool, SharedPool, ThreadLocalPool, ThreadSafePool,
    pool::{ArcHandle, ArcShared, LockFreeHandle, ThreadLocalHandle, ThreadSafeHandle},
    sync::SpinLock,
};

use crate::{
    contender::{Role, exhausted},
    payload::Payload,
    store::stores,
    threads::Shared,
};

/// How often a thread uses what it shares in a window, at least and at most.
const WINDOW: [u64; 2] = [1 << 10, 1 << 20];

stores!(
    OurThreadSafe, "flagstone::ThreadSafePool", Role::Ours,
    'p, ThreadSafePool<T> => ThreadSafeHandle<'p, T>,
    |slots| ThreadSafePool::new(slots),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
stores!(
    OurSpinning, "flagstone::ThreadSafePool<SpinLock>", Role::Ours,
    'p, ThreadSafePool<T, SpinLock> => ThreadSafeHandle<'p, T, SpinLock>,
    |slots| ThreadSafePool::with_lock(slots).unwrap_or_else(|_| exhausted()),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
stores!(
    OurKept, "flagstone::ThreadSafePool(Arc)", Role::Ours,
    'p, Arc<ThreadSafePool<T>> => ArcHandle<ThreadSafePool<T>>,
    |slots| Arc::new(ThreadSafePool::new(slots)),
    |pool, value| pool.alloc_static(value).unwrap_or_else(|_| exhausted())
);
stores!(
    OurLockFree, "flagstone::LockFreePool", Role::Ours,
    'p, LockFreePool<T> => LockFreeHandle<T>,
    |slots| LockFreePool::new(slots),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
stores!(
    OurExact, "flagstone::LockFreePool(exact)", Role::Ours,
    'p, LockFreePool<T> => LockFreeHandle<T>,
    |slots| LockFreePool::exact(slots),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);
stores!(
    OurPerThread, "flagstone::ThreadLocalPool", Role::Ours,
    'p, ThreadLocalPool<T> => ThreadLocalHandle<T>,
    |slots| ThreadLocalPool::new(slots),
    |pool, value| pool.alloc(value).unwrap_or_else(|_| exhausted())
);

/// Arithmetic on every thread, nothing shared: how much two threads can do at once on this machine.
pub(crate) struct Arithmetic;

impl Shared for Arithmetic {
    const NAME: &'static str = "control::arithmetic";
    const ROLE: Role = Role::Control;
    const LEAST: u64 = WINDOW[0];
    const WINDOW: u64 = WINDOW[1];

    fn for_threads(_: usize) -> Self {
        Self
    }

    fn work(&self, thread: usize, count: u64) {
        let mut state = thread as u64;
        for _ in 0..count {
            for _ in 0..8 {
                state = state.wrapping_mul(0x5851_F42D_4C95_7F2D) ^ (state >> 29);
            }
            black_box(state);
        }
    }

    fn reset(&mut self) {}
}

/// A handle of one value, which every thread clones and drops.
macro_rules! cloned {
    ($adapter:ident, $name:literal, $role:expr, $handle:ty, $make:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T: Payload>($handle);

        impl<T: Payload> Shared for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = $role;
            const LEAST: u64 = WINDOW[0];
            const WINDOW: u64 = WINDOW[1];

            fn for_threads(_: usize) -> Self {
                Self($make(T::of(7)))
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
    ArcShared<ThreadSafePool<T>>,
    |value| Arc::new(SharedPool::new(ThreadSafePool::new(1)))
        .alloc_static(value)
        .unwrap_or_else(|_| exhausted())
);
cloned!(ArcClones, "std::Arc", Role::Rival, Arc<T>, Arc::<T>::new);
