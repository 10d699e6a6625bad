//! What a box of long-lived references gives up its cache could hand to others.
use flagstone::slab::SlabBox;

fn shorter<'a>(value: SlabBox<&'static str>) -> SlabBox<&'a str> {
    value
}

fn main() {
    let _ = shorter;
}
