//! A box keeps its slab and cache, but not memory that was lent to the cache.
use core::mem::MaybeUninit;

use flagstone::{
    provider::ByteRegion,
    slab::{NoLock, SlabCache},
};

fn main() {
    let mut bytes = [MaybeUninit::uninit(); 4096];
    let kept = {
        let region = ByteRegion::new(&mut bytes);
        let cache = SlabCache::<u8, NoLock, 512, _>::new_in(&region).unwrap();
        cache.alloc(1).unwrap()
    };
    drop(kept);
}
