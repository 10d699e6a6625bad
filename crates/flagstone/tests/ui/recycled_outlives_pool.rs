//! An object in use cannot outlive its pool.
use flagstone::{RecyclePool, pool::FnRecycle};

fn main() {
    let object = {
        let pool = RecyclePool::new(1, FnRecycle::new(|| 1, |_: &mut i32| ()));
        pool.acquire().unwrap()
    };
    println!("{}", *object);
}
