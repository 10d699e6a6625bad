//! A box does not outlive its arena, or the reset of it; nor what it leaks.
use flagstone::{Arena, arena::ArenaBox};

fn main() {
    let boxed = {
        let arena = Arena::new();
        arena.alloc_boxed(String::new())
    };
    drop(boxed);

    let mut arena = Arena::new();
    let leaked = ArenaBox::leak(arena.alloc_boxed(1));
    arena.reset();
    *leaked = 2;
}
