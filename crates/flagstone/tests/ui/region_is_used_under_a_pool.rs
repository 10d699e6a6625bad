//! The bytes under a region are the region's while a pool stands on it.
use flagstone::{FixedPool, provider::ByteRegion};

fn main() {
    let mut memory = [const { std::mem::MaybeUninit::uninit() }; 1024];
    let region = ByteRegion::new(&mut memory);
    let pool = FixedPool::new_in(1, region);
    memory[0].write(1);
    drop(pool.alloc(1_u8));
}
