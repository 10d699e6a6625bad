//! A pool of buffers of `&'static str` is not one of `&'short str`.
use flagstone::{BufferPool, pool::Buffer};

fn shorten<'p, 's>(pool: &'p BufferPool<&'static str>, _: &'s str) -> &'p BufferPool<&'s str> {
    pool
}

fn lengthen<'p, 's>(buffer: Buffer<'p, &'s str>) -> Buffer<'p, &'static str> {
    buffer
}

fn main() {
    let pool = BufferPool::new(1, 1);
    let text = String::new();
    shorten(&pool, &text);
    lengthen(pool.alloc().unwrap());
}
