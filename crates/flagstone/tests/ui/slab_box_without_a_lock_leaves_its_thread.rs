//! Without a lock a slot goes back without atomics.
use flagstone::slab::{NoLock, SlabCache};

fn main() {
    let cache = SlabCache::<u8, NoLock, 4096>::new().unwrap();
    let value = cache.alloc(1).unwrap();
    std::thread::spawn(move || drop(value));
}
