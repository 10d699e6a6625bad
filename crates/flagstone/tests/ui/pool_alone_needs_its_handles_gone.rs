//! Nobody gets at the values of a shared pool while a handle is out.
use flagstone::{FixedPool, SharedPool};

fn main() {
    let mut pool = SharedPool::new(FixedPool::new(1));
    let handle = pool.alloc(1).unwrap();
    pool.clear();
    println!("{handle}");
}
