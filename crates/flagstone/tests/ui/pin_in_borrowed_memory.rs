//! Nothing is pinned where the memory is used again after its pool was forgotten.
use std::marker::PhantomPinned;

use flagstone::provider::ByteRegion;
use flagstone::{FixedPool, OwnedHandle};

fn main() {
    let mut memory = [const { std::mem::MaybeUninit::uninit() }; 1024];
    let pool = FixedPool::new_in(1, ByteRegion::new(&mut memory));
    drop(OwnedHandle::into_pin(pool.alloc(PhantomPinned).unwrap()));
}
