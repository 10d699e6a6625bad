//! A pool of `&'static str` is not a pool of `&'short str`: it would drop or hand out the shorter.
use flagstone::FixedPool;

fn shorten<'p, 's>(pool: &'p FixedPool<&'static str>, _: &'s str) -> &'p FixedPool<&'s str> {
    pool
}

fn lengthen<'p, 's>(pool: &'p FixedPool<&'s str>) -> &'p FixedPool<&'static str> {
    pool
}

fn main() {
    let pool = FixedPool::new(1);
    let text = String::new();
    shorten(&pool, &text);
    lengthen(&pool);
}
