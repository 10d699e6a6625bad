//! Not every byte is a `bool`: the bytes are shown, but cannot be changed.
use flagstone::BufferPool;

fn main() {
    let pool = BufferPool::<bool>::new(4, 1);
    let mut buffer = pool.alloc().unwrap();
    let _ = buffer.push(true);
    println!("{:?}", buffer.as_bytes());
    buffer.as_bytes_mut()[0] = 7;
}
