//! Without a bit per slot an index cannot be checked, so there is no door for one.
use flagstone::FixedPool;

fn main() {
    let pool = FixedPool::<u8>::new(1);
    let _ = unsafe { pool.from_index(0) };
}
