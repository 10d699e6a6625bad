//! An arena cannot move, be swapped or dropped while anything borrowed from it is in use.
use flagstone::Arena;

fn main() {
    let mut arena = Arena::new();
    let first = arena.alloc(1);
    drop(arena);
    *first = 2;

    let mut arena = Arena::new();
    let second = arena.alloc(1);
    std::mem::swap(&mut arena, &mut Arena::new());
    *second = 2;

    let mut arena = Arena::new();
    let third = arena.alloc_boxed(1);
    arena.shrink_to(0);
    drop(third);
}
