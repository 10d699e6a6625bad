//! A count without atomics stays on its thread.
use flagstone::{GrowingPool, SharedPool};

fn main() {
    let pool = SharedPool::new(GrowingPool::new(1));
    let handle = pool.alloc(1).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(handle));
    });
}
