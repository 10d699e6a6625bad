//! A pool behind a lock that is for one thread is not shared.
use flagstone::{ThreadSafePool, sync::NoLock};

fn main() {
    let pool = ThreadSafePool::<u8, NoLock>::with_lock(1).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| drop(pool.alloc(1)));
    });
}
