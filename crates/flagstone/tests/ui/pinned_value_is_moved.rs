//! A value that may be pinned is neither moved out of the pool nor given out to be moved.
use std::marker::PhantomPinned;

use flagstone::{FixedPool, GrowingPool};

fn main() {
    let mut fixed = FixedPool::<PhantomPinned>::new(1);
    let _ = fixed.iter_mut();
    drop(fixed.drain());
    let mut growing = GrowingPool::<PhantomPinned>::new(1);
    let _ = growing.iter_mut();
    drop(growing.drain());
}
