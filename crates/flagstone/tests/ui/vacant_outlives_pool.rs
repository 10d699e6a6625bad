//! An empty slot cannot outlive its pool.
use flagstone::{FixedPool, GrowingPool};

fn main() {
    let fixed = FixedPool::<u8>::new(1);
    let growing = GrowingPool::<u8>::new(1);
    let slots = (fixed.alloc_uninit().unwrap(), growing.alloc_uninit().unwrap());
    drop(fixed);
    drop(growing);
    drop(slots);
}
