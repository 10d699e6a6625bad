//! A pool is not assigned over while a handle lives.
use flagstone::FixedPool;

fn main() {
    let mut pool = FixedPool::new(1);
    let handle = pool.alloc(1).unwrap();
    pool = FixedPool::new(2);
    println!("{}", *handle);
    drop(pool);
}
