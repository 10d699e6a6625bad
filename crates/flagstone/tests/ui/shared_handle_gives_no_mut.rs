//! What is shared is not changed through one of its handles.
use flagstone::{GrowingPool, SharedPool};

fn main() {
    let pool = SharedPool::new(GrowingPool::new(1));
    let handle = pool.alloc(1).unwrap();
    *handle = 2;
}
