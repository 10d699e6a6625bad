//! What a scope hands out does not outlive it, in either form; nor does the scope its arena.
use flagstone::Arena;

fn main() {
    let arena = Arena::new();
    let guard = {
        let scope = arena.scope();
        scope.alloc(1)
    };
    let closure = arena.scoped(|scope| scope.alloc(2));
    println!("{guard} {closure}");

    let scope = {
        let arena = Arena::new();
        arena.scope()
    };
    drop(scope);
}
