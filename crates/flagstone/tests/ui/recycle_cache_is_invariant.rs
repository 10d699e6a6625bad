//! Objects wander between boxes: a cache of long-lived references is none of short-lived ones.
use flagstone::slab::{Recycle, RecycleCache};

struct Make;

impl<'a> Recycle<&'a str> for Make {
    fn create(&self) -> &'a str {
        ""
    }
}

fn shorter<'a>(cache: RecycleCache<&'static str, Make>) -> RecycleCache<&'a str, Make> {
    cache
}

fn main() {
    let _ = shorter;
}
