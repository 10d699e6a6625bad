//! What a walk borrows ends with the pool, and with its next use.
use flagstone::FixedPool;

fn main() {
    let value = {
        let mut pool = FixedPool::new(1);
        std::mem::forget(pool.alloc(1));
        pool.iter_mut().next().unwrap()
    };
    println!("{value}");

    let mut pool = FixedPool::new(1);
    let first = pool.iter_mut().next();
    pool.clear();
    drop::<Option<&mut i32>>(first);

    let drain = pool.drain();
    let _ = pool.alloc(2);
    drop(drain);
}
