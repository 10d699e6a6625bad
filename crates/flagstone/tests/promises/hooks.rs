//! The ready-made hooks call what they say.

use std::cell::Cell;

use flagstone::{
    FixedPool, GrowingPool, OwnedHandle,
    pool::{FnHooks, Poolable, PoolableHooks},
};

#[test]
fn poolable_hooks_call_the_value() {
    #[derive(Debug, Default, PartialEq)]
    struct Line {
        acquired: u32,
        released: u32,
    }

    impl Poolable for Line {
        fn on_acquire(&mut self) {
            self.acquired += 1;
        }
        fn on_release(&mut self) {
            self.released += 1;
        }
    }

    let pool = GrowingPool::with_hooks(1, PoolableHooks).expect("memory");
    let first = pool.alloc(Line::default()).expect("a slot is free");
    assert_eq!((first.acquired, first.released), (1, 0));
    let second = pool
        .alloc(OwnedHandle::into_inner(first))
        .expect("a slot is free");
    assert_eq!((second.acquired, second.released), (2, 1));
}

#[test]
fn poolable_does_nothing_unless_told() {
    struct Quiet;
    impl Poolable for Quiet {}
    let pool = FixedPool::with_hooks(1, PoolableHooks).expect("memory");
    drop(pool.alloc(Quiet));
    assert!(pool.is_empty());
}

#[test]
fn fn_hooks_call_the_closures() {
    let balance = Cell::new(0);
    let hooks = FnHooks::new(
        |n: &mut i32| balance.set(balance.get() + *n),
        |n: &mut i32| balance.set(balance.get() - *n),
    );
    let pool = FixedPool::with_hooks(2, hooks).expect("memory");
    let (a, b) = (pool.alloc(3), pool.alloc(4));
    assert_eq!(balance.get(), 7);
    drop(a);
    assert_eq!(balance.get(), 4);
    drop(b);
    assert_eq!(balance.get(), 0);
}
