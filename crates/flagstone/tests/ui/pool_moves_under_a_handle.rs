//! A pool does not move while a handle lives.
use flagstone::{FixedPool, GrowingPool};

fn main() {
    let fixed = FixedPool::new(1);
    let growing = GrowingPool::new(1);
    let handles = (fixed.alloc(1).unwrap(), growing.alloc(1).unwrap());
    let moved = (fixed, growing);
    println!("{} {}", *handles.0, *handles.1);
    drop(moved);
}
