//! A pool of `&'static str` is not a pool of `&'short str`: it would drop or hand out the shorter.
use flagstone::GrowingPool;

fn shorten<'p, 's>(pool: &'p GrowingPool<&'static str>, _: &'s str) -> &'p GrowingPool<&'s str> {
    pool
}

fn lengthen<'p, 's>(pool: &'p GrowingPool<&'s str>) -> &'p GrowingPool<&'static str> {
    pool
}

fn main() {
    let pool = GrowingPool::new(1);
    let text = String::new();
    shorten(&pool, &text);
    lengthen(&pool);
}
