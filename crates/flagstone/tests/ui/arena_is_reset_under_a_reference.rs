//! An arena cannot be reset while anything borrowed from it is in use.
use flagstone::Arena;

fn main() {
    let mut arena = Arena::new();
    let text = arena.alloc_str("kept");
    arena.reset();
    println!("{text}");
}
