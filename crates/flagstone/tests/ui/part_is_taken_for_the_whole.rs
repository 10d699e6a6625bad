//! A handle to a part of a value does not give that part up: the whole lies in the slot.
use flagstone::{FixedPool, OwnedHandle};

fn main() {
    let pool = FixedPool::new(1);
    let part = OwnedHandle::map(pool.alloc((1_u8, 2_u64)).unwrap(), |whole| &mut whole.0);
    let _: u8 = OwnedHandle::into_inner(part);
}
