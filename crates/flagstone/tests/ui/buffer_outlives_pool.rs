//! A buffer cannot outlive its pool.
use flagstone::BufferPool;

fn main() {
    let buffer = {
        let pool = BufferPool::<u8>::new(1, 1);
        pool.alloc().unwrap()
    };
    println!("{}", buffer.len());
}
