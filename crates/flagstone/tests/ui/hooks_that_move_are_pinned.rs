//! A policy that moves a value out of its slot rules out pinning it.
use std::marker::PhantomPinned;

use flagstone::OwnedHandle;
use flagstone::pool::{FixedPool, HandOver};

fn main() {
    let pool = FixedPool::with_hooks(1, HandOver::to(|_: PhantomPinned| ())).unwrap();
    drop(OwnedHandle::into_pin(pool.alloc(PhantomPinned).unwrap()));
}
