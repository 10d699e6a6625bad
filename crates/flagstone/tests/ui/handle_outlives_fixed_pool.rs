//! A handle cannot outlive its pool.
use flagstone::FixedPool;

fn main() {
    let handle = {
        let pool = FixedPool::new(1);
        pool.alloc(1).unwrap()
    };
    println!("{}", *handle);
}
