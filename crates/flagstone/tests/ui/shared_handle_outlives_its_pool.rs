//! A shared handle that borrows its pool does not outlive it, and neither does a weak one.
use flagstone::{FixedPool, SharedHandle, SharedPool};

fn main() {
    let pool = SharedPool::new(FixedPool::new(1));
    let weak = SharedHandle::downgrade(&pool.alloc(1).unwrap());
    drop(pool);
    assert!(weak.upgrade().is_none());
}
