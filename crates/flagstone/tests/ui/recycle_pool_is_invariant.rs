//! A pool of `&'static str` is not a pool of `&'short str`: it would reset or hand out the shorter.
use flagstone::{RecyclePool, pool::Recycle};

struct Texts;

impl<'s> Recycle<&'s str> for Texts {
    fn create(&self) -> &'s str {
        ""
    }
}

type Pool<'s> = RecyclePool<&'s str, Texts>;

fn shorten<'p, 's>(pool: &'p Pool<'static>, _: &'s str) -> &'p Pool<'s> {
    pool
}

fn lengthen<'p, 's>(pool: &'p Pool<'s>) -> &'p Pool<'static> {
    pool
}

fn main() {
    let pool = RecyclePool::new(1, Texts);
    let text = String::new();
    shorten(&pool, &text);
    lengthen(&pool);
}
