//! No value is visited, moved out or dropped while a handle to it may live.
use flagstone::{FixedPool, GrowingPool};

fn main() {
    let mut fixed = FixedPool::new(1);
    let handle = fixed.alloc(1).unwrap();
    fixed.clear();
    let _ = fixed.iter_mut();
    drop(fixed.drain());
    println!("{}", *handle);

    let mut growing = GrowingPool::new(1);
    let handle = growing.alloc(1).unwrap();
    growing.clear();
    let _ = growing.iter_mut();
    drop(growing.drain());
    println!("{}", *handle);
}
