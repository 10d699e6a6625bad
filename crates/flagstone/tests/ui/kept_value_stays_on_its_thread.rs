//! What an arena drops later may be sent, because the arena may be.
use std::rc::Rc;

use flagstone::{Arena, SyncArena};

fn main() {
    Arena::new().alloc_drop(Rc::new(1));
    Arena::new().alloc_auto(Rc::new(1));
    SyncArena::new().alloc_drop(Rc::new(1));
}
