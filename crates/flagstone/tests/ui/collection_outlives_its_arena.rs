//! A collection does not outlive the arena it lives in, or the reset of it.
use allocator_api2_02::vec::Vec;
use flagstone::Arena;

fn main() {
    let list = {
        let arena = Arena::new();
        let mut list = Vec::new_in(&arena);
        list.push(1);
        list
    };
    drop(list);

    let mut arena = Arena::new();
    let mut list = Vec::new_in(&arena);
    list.push(1);
    arena.reset();
    list.push(2);
}
