//! A handle cannot outlive its pool.
use flagstone::GrowingPool;

fn main() {
    let handle = {
        let pool = GrowingPool::new(1);
        pool.alloc(1).unwrap()
    };
    println!("{}", *handle);
}
