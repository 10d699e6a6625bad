//! What is behind the slice is not initialised, and safe code does not read it.
use flagstone::BufferPool;

fn main() {
    let pool = BufferPool::<u32>::new(4, 1);
    let mut buffer = pool.alloc().unwrap();
    let first: u32 = buffer.spare_capacity_mut()[0];
    println!("{first}");
}
