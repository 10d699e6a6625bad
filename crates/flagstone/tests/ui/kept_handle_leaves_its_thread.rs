//! A handle that keeps its pool in an `Rc` stays on its thread.
use std::rc::Rc;

use flagstone::FixedPool;

fn main() {
    let handle = Rc::new(FixedPool::new(1)).alloc_static(1).unwrap();
    std::thread::spawn(move || drop(handle));
}
