//! Links of kept values lie among the bytes in use: whoever could write them could have any function
//! called when the arena is dropped.

use core::mem::MaybeUninit;

fn main() {
    let mut arena = flagstone::Arena::new();
    arena.alloc_drop(String::from("kept"));
    for bytes in arena.used_bytes() {
        bytes.fill(MaybeUninit::new(0));
    }
}
