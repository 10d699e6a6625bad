//! A scope, which others stand on, is not reset or replaced as a whole arena is.
use flagstone::Arena;

fn main() {
    let arena = Arena::new();
    let mut scope = arena.scope();
    scope.reset();
    arena.scoped(|scope| scope.reset());
    std::mem::swap(&mut *scope, &mut Arena::new());
}
