//! What an arena drops later borrows nothing: not from outside, and not from the arena itself.
use flagstone::Arena;

struct Sees<'a>(&'a u8);

impl Drop for Sees<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn main() {
    let seen = 7;
    let outside = Arena::new();
    outside.alloc_drop(Sees(&seen));

    let arena = Arena::new();
    let number = arena.alloc(1);
    arena.alloc_drop(Sees(number));
}
