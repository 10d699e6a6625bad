//! Clearing a pool needs it alone: no object is in use then.
use flagstone::{RecyclePool, pool::FnRecycle};

fn main() {
    let mut pool = RecyclePool::new(1, FnRecycle::new(|| 1, |_: &mut i32| ()));
    let object = pool.acquire().unwrap();
    pool.clear();
    println!("{}", *object);
}
