//! A local arena, and what it hands out, does not outlive the shared one or its reset.
use flagstone::SyncArena;

fn main() {
    let local = {
        let shared = SyncArena::new();
        shared.local()
    };
    drop(local);

    let mut shared = SyncArena::new();
    let value = shared.local().alloc(1);
    shared.reset();
    *value = 2;
}
