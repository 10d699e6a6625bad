//! Nothing is pinned where a hook gets a reference to move it through.
use std::marker::PhantomPinned;

use flagstone::pool::{FixedPool, Poolable, PoolableHooks};
use flagstone::OwnedHandle;

struct Pinned(PhantomPinned);

impl Poolable for Pinned {}

fn main() {
    let pool = FixedPool::with_hooks(1, PoolableHooks).unwrap();
    drop(OwnedHandle::into_pin(pool.alloc(Pinned(PhantomPinned)).unwrap()));
}
