//! What a handle is mapped to lies in its value, or lives for ever.
use flagstone::{FixedPool, OwnedHandle};

fn main() {
    let pool = FixedPool::new(1);
    let mut elsewhere = 5;
    let handle = OwnedHandle::map(pool.alloc(1).unwrap(), |_| &mut elsewhere);
    drop(elsewhere);
    println!("{handle}");
}
