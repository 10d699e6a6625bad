//! Objects wander between boxes: a cache of long-lived references is none of short-lived ones.
use flagstone::slab::{Recycle, RecycleCache};

fn shorter<'a, K>(cache: RecycleCache<&'static str, K>) -> RecycleCache<&'a str, K>
where
    K: Recycle<&'static str> + Recycle<&'a str>,
{
    cache
}

fn main() {}
