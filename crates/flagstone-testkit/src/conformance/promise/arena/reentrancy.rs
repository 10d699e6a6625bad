//! User code runs under no borrow and no lock of the arena's: it may use the arena.
#![expect(unsafe_code, reason = "borrows arenas for ever")]

use std::{cell::RefCell, fmt, rc::Rc};

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, WholeArena, each_arena},
    leaked::Leaked,
    model::NaiveArena,
    provider::Reentrant,
};

/// A maker allocates, and makes another one that does.
pub fn makers_allocate<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        fn nest<A: WholeArena>(arena: &A, naive: &RefCell<NaiveArena>, depth: u64) -> [u64; 9] {
            if depth > 0 {
                let place = arena.alloc_with(|| nest(arena, naive, depth - 1));
                assert_eq!(*place, [depth - 1; 9]);
                naive.borrow_mut().placed(place);
                naive.borrow_mut().placed(arena.alloc_bytes(500));
            }
            [depth; 9]
        }
        let naive = RefCell::new(NaiveArena::new(K::MIN_ALIGN));
        for _ in 0..5 {
            let place = arena.alloc_with(|| nest(&arena, &naive, 20));
            assert_eq!(*place, [20; 9]);
            naive.borrow_mut().placed(place);
        }
        naive.borrow().check();
        adds_up(&arena);
    });
}

/// A maker that allocates and then panics: what it allocated stays.
pub fn makers_allocate_and_panic<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut inner = None;
        for n in 0..50_u32 {
            let blown = crate::fuse::blows(|| {
                arena.alloc_with(|| -> [u64; 30] {
                    inner = Some(arena.alloc(n));
                    crate::fuse::blow()
                });
            });
            assert!(blown);
            arena.alloc([u64::MAX; 30]);
            assert_eq!(inner.as_deref(), Some(&n));
        }
        adds_up(&arena);
    });
}

/// Iterators allocate between their elements; clones and elements made one by one do.
pub fn iterators_allocate<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let naive = RefCell::new(NaiveArena::new(K::MIN_ALIGN));
        let place = |n: u32| {
            naive.borrow_mut().placed(arena.alloc(n));
            n
        };
        for len in [1, 8, 9, 100, 1000] {
            let slices = [
                arena.alloc_slice_iter((0..len).map(place)),
                arena.alloc_slice_iter((0..len).filter(|&n| place(n) == n)),
                arena.alloc_slice_fill_with(len as usize, |n| place(n as u32)),
            ];
            for slice in slices {
                assert!(slice.iter().copied().eq(0..len));
                naive.borrow_mut().placed(slice);
            }
            let lists = (0..len).map(|n| &*arena.alloc_slice_iter((0..n % 10).map(place)));
            let lists = arena.alloc_slice_iter(lists);
            assert!((0..len).all(|n| lists[n as usize].len() as u32 == n % 10));
        }
        naive.borrow().check();
        adds_up(&arena);
    });
}

/// What is formatted places values and strings of its own.
pub fn formatting_allocates<K: ArenaKind>() {
    struct Nested<'a, A>(&'a A, u32);
    impl<A: WholeArena> fmt::Display for Nested<'_, A> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if self.1 == 0 {
                return f.write_str(".");
            }
            let inner = self
                .0
                .alloc_fmt(format_args!("{}", Nested(self.0, self.1 - 1)));
            f.write_str(inner)?;
            self.0.alloc(self.1);
            f.write_str(inner)
        }
    }
    each_arena::<K>(|arena| {
        let text = arena.alloc_fmt(format_args!("<{}>", Nested(&arena, 9)));
        assert_eq!(*text, format!("<{}>", ".".repeat(512))[..]);
        adds_up(&arena);
    });
}

/// A provider uses the arena that asks it for a chunk: both get their room.
pub fn providers_allocate<K: ArenaKind>() {
    // SAFETY: nothing from the arena is used after it is dropped; it is hushed before.
    let leaked = unsafe { Leaked::new(K::build(Reentrant::default())) };
    let arena = leaked.get();
    let naive = Rc::new(RefCell::new(NaiveArena::new(K::MIN_ALIGN)));
    arena.provider().call({
        let naive = Rc::clone(&naive);
        // Also when a chunk goes back, because an inner call was faster.
        move |_| {
            let mut naive = naive.borrow_mut();
            for n in 0..10_u64 {
                naive.placed(arena.alloc([n; 30]));
            }
        }
    });
    for n in 0..500_u64 {
        // Not under a borrow of the naive arena.
        let value = arena.alloc([n; 7]);
        naive.borrow_mut().placed(value);
        let text = arena.alloc_fmt(format_args!("{n:100}"));
        assert_eq!(text.len(), 100);
        let bytes = arena.alloc_bytes(2000);
        naive.borrow_mut().placed(bytes);
        adds_up(arena);
    }
    naive.borrow().check();
    arena.provider().hush();
}

/// One arena is the memory of another one's values, and both are used by turns.
pub fn arenas_in_arenas<K: ArenaKind>() {
    each_arena::<K>(|outer| {
        for _ in 0..3 {
            let inner = outer.alloc_boxed(K::build(flagstone::provider::Global));
            let mut naive = NaiveArena::new(K::MIN_ALIGN);
            for n in 0..200_u64 {
                naive.placed(inner.alloc([n; 5]));
                naive.placed(outer.alloc([n; 5]));
            }
            naive.check();
        }
        adds_up(&outer);
    });
}
