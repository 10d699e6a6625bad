//! A cache of short-lived references is no cache of long-lived ones, nor the other way round.
use flagstone::slab::{FnRecycle, RecycleCache, SlabBox, SpinLock};

type Make = FnRecycle<fn() -> &'static str, fn(&mut &'static str)>;

fn shorter<'a>(value: SlabBox<&'static str>) -> SlabBox<&'a str> {
    value
}

fn objects<'a>(cache: RecycleCache<&'static str, Make>) -> RecycleCache<&'a str, Make> {
    cache
}

fn main() {
    let _ = (shorter, objects);
}
