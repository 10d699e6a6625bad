//! Padding is uninitialised: the bytes of such a type are not shown.
use flagstone::BufferPool;

#[derive(Clone, Copy)]
#[repr(C)]
struct Padded {
    small: u8,
    large: u32,
}

fn main() {
    let pool = BufferPool::<Padded>::new(4, 1);
    let mut buffer = pool.alloc().unwrap();
    let _ = buffer.push(Padded { small: 1, large: 2 });
    println!("{:?}", buffer.as_bytes());
}
