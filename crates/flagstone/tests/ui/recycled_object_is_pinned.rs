//! Nothing is pinned where a reset gets a reference to move it through.
use std::marker::PhantomPinned;

use flagstone::{OwnedHandle, RecyclePool, pool::FnRecycle};

fn main() {
    let recycle = FnRecycle::new(|| PhantomPinned, |_: &mut PhantomPinned| ());
    let pool = RecyclePool::new(1, recycle);
    drop(OwnedHandle::into_pin(pool.acquire().unwrap()));
}
