//! A cache takes slots without atomics: each thread has a clone.
use flagstone::slab::{SlabCache, SpinLock};

fn main() {
    let cache = SlabCache::<u8, SpinLock, 4096>::new().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| cache.alloc(1));
    });
}
