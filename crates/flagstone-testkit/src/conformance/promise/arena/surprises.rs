//! Iterators that lie, closures, clones and formatting that panic: nothing is lost or written where it
//! must not be.

use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use flagstone::AllocErrorKind;

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, WholeArena, each_arena},
    fuse::{Fuse, blow, blows},
    model::NaiveArena,
    value::{Census, Tracked},
};

/// Says what it likes about how many elements it has.
struct Liar<I> {
    values: I,
    says: (usize, Option<usize>),
}

impl<I: Iterator> Iterator for Liar<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.values.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.says
    }
}

impl<I: Iterator> ExactSizeIterator for Liar<I> {}

const LIES: [(usize, Option<usize>); 8] = [
    (0, None),
    (0, Some(0)),
    (1, Some(1)),
    (99, Some(5)),
    (1000, None),
    (isize::MAX as usize, None),
    (isize::MAX as usize / 8, Some(usize::MAX)),
    (usize::MAX, Some(usize::MAX)),
];

/// Whatever an iterator says, what it gives is placed.
pub fn iterators_that_lie<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for says in LIES {
            for len in [0, 1, 7, 300] {
                let slice = arena.alloc_slice_iter(Liar {
                    values: 0..len,
                    says,
                });
                assert!(slice.iter().copied().eq(0..len));
                naive.placed(slice);
                let census = Census::default();
                let values = (0..len).map(|_| census.tracked::<()>());
                let boxed = arena.alloc_boxed_slice(Liar { values, says });
                assert_eq!((boxed.len(), census.live()), (len as usize, len as usize));
                drop(boxed);
                assert_eq!(census.live(), 0);
                let nothings = arena.alloc_slice_iter(Liar {
                    values: (0..len).map(|_| ()),
                    says,
                });
                assert_eq!(nothings.len(), len as usize);
            }
            adds_up(&arena);
        }
        naive.check();
    });
}

/// An iterator that panics: what it gave before is dropped, its room is there again.
pub fn iterators_that_panic<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        arena.alloc_boxed_slice(0..100_u64);
        for nth in [1, 2, 9, 50] {
            let before = arena.usage();
            let census = Census::default();
            let fuse = Fuse::at(nth);
            let values = || {
                fuse.set(nth);
                (0..60).map(|_| {
                    fuse.tick();
                    census.tracked::<()>()
                })
            };
            assert!(blows(|| drop(arena.alloc_boxed_slice(values()))));
            assert_eq!((census.born() % nth, census.live()), ((nth - 1) % nth, 0));
            let numbers = || values().map(|value| value.id());
            assert!(blows(|| {
                arena.alloc_slice_iter(numbers());
            }));
            assert!(blows(|| {
                arena.alloc_slice_iter(numbers().filter(|_| true));
            }));
            assert!(blows(|| {
                fuse.set(nth);
                arena.alloc_slice_fill_with(60, |n| {
                    fuse.tick();
                    n
                });
            }));
            let after = arena.usage();
            if K::ONE_CURSOR && before.chunks == after.chunks {
                assert_eq!(after.allocated, before.allocated, "room was lost");
            }
            adds_up(&arena);
        }
        assert_eq!(arena.alloc_slice_iter(0..100).len(), 100);
    });
}

/// A destructor that panics while an unfinished slice is dropped loses nothing but itself.
pub fn iterators_whose_values_panic<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        // The second panic would be one while unwinding: the iterator ends by a refusal.
        let census = Census::default();
        arena.set_limit(Some(20_000));
        let values = || {
            arena
                .try_alloc_boxed_slice(std::iter::repeat_with(|| census.tracked::<()>()))
                .err()
        };
        census.drops().set(5);
        assert!(blows(|| {
            values();
        }));
        assert_eq!(census.live(), 0);
        let refused = values().expect("there is no end to it");
        assert_eq!(refused.kind(), AllocErrorKind::LimitReached);
        assert_eq!(census.live(), 0);
        adds_up(&arena);
    });
}

/// What is made and does not come to be leaves its room.
pub fn makers_that_panic<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        arena.alloc([0_u64; 20]);
        let before = arena.usage();
        for _ in 0..3 {
            assert!(blows(|| {
                arena.alloc_with(|| -> [u64; 10] { blow() });
            }));
            assert!(blows(|| drop(arena.try_alloc_with(|| -> u8 { blow() }))));
            assert!(blows(|| {
                arena.alloc_with(|| -> () { blow() });
            }));
        }
        assert_eq!(arena.usage(), before);
        adds_up(&arena);
    });
}

/// A clone that panics.
pub fn clones_that_panic<K: ArenaKind>() {
    struct Fragile<'f>(&'f Fuse);
    impl Clone for Fragile<'_> {
        fn clone(&self) -> Self {
            self.0.tick();
            Self(self.0)
        }
    }
    each_arena::<K>(|arena| {
        arena.alloc([0_u64; 20]);
        let before = arena.usage();
        let fuse = Fuse::never();
        let values = [0; 9].map(|_| Fragile(&fuse));
        for nth in 1..=9 {
            fuse.set(nth);
            assert!(blows(|| {
                arena.alloc_slice_clone(&values);
            }));
            assert_eq!(arena.usage(), before);
        }
        assert_eq!(arena.alloc_slice_clone(&values).len(), 9);
    });
}

/// Formats as it is told.
struct Odd<'o>(&'o dyn Fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Display for Odd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// Formatting that fails, panics, ignores that it was refused, or writes in many pieces.
pub fn odd_formatting<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        arena.alloc([0_u64; 20]);
        let before = arena.usage();
        let fails = Odd(&|f| {
            f.write_str("some")?;
            Err(fmt::Error)
        });
        let refused = arena
            .try_alloc_fmt(format_args!("{fails}"))
            .expect_err("it failed");
        assert_eq!(refused.kind(), AllocErrorKind::Format);
        let panics = Odd(&|f| {
            f.write_str("some")?;
            blow()
        });
        assert!(blows(|| {
            arena.alloc_fmt(format_args!("{panics}"));
        }));
        assert_eq!(arena.usage(), before, "its room was lost");
        let many = Odd(&|f| (0..500).try_for_each(|n| write!(f, "{n},")));
        let expected: String = (0..500).map(|n| format!("{n},")).collect();
        assert_eq!(*arena.alloc_fmt(format_args!("{many}")), expected[..]);
        let nothing = Odd(&|_| Ok(()));
        assert_eq!(arena.alloc_fmt(format_args!("{nothing}{nothing}")), "");
        arena.set_limit(Some(arena.usage().reserved + 2000));
        // Goes on after a refusal, and says that all is well.
        let ignores = Odd(&|f| {
            for _ in 0..10_000 {
                let _ = f.write_str("more and more");
            }
            Ok(())
        });
        let refused = arena
            .try_alloc_fmt(format_args!("{ignores}"))
            .expect_err("the limit");
        assert_eq!(refused.kind(), AllocErrorKind::LimitReached);
        adds_up(&arena);
    });
}

/// Every door that does not return errors panics instead, every other one returns them, and neither
/// calls what it was given before there is room.
pub fn both_forms_of_a_door<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        arena.set_limit(Some(0));
        let called = Cell::new(0);
        let call = |n: usize| {
            called.set(called.get() + 1);
            n
        };
        let census = Census::default();
        let layout = std::alloc::Layout::new::<u64>();
        macro_rules! refused {
            ($($door:ident $try_door:ident ($($argument:expr),*);)*) => {
                $({
                    let refused = arena.$try_door($($argument),*).err().expect("no byte is allowed");
                    assert_eq!(refused.kind(), AllocErrorKind::LimitReached, stringify!($door));
                    let _value = refused.into_inner();
                    let panic = catch_unwind(AssertUnwindSafe(|| {
                        let _ = arena.$door($($argument),*);
                    }));
                    let words = panic.expect_err(stringify!($door));
                    let words = words.downcast_ref::<String>().expect("a sentence");
                    assert!(words.contains("limit of 0 bytes"), "{words}");
                })*
            };
        }
        refused! {
            alloc try_alloc (1_u8);
            alloc_with try_alloc_with (|| call(0) > 0);
            alloc_drop try_alloc_drop (census.tracked::<()>());
            alloc_auto try_alloc_auto (census.tracked::<()>());
            alloc_leak try_alloc_leak (census.tracked::<()>());
            alloc_boxed try_alloc_boxed (census.tracked::<()>());
            alloc_boxed_slice try_alloc_boxed_slice ([census.tracked::<()>()]);
            alloc_slice_copy try_alloc_slice_copy (&[1]);
            alloc_slice_clone try_alloc_slice_clone (&[1]);
            alloc_slice_fill_with try_alloc_slice_fill_with (3, |n| call(n) > 0);
            alloc_slice_iter try_alloc_slice_iter (0..3);
            alloc_str try_alloc_str ("x");
            alloc_bytes try_alloc_bytes (1);
            alloc_fmt try_alloc_fmt (format_args!("{}", census.born()));
            alloc_layout try_alloc_layout (layout);
        }
        assert_eq!((called.get(), census.live()), (0, 0));
        assert_eq!(arena.usage().reserved, 0);
    });
}

/// An iterator that is refused half-way drops what it gave.
pub fn slices_that_find_no_room<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        arena.alloc(0_u64);
        let allowed = arena.usage().reserved;
        arena.set_limit(Some(allowed));
        let census = Census::default();
        let make = || -> Tracked { census.tracked() };
        let refused = arena.try_alloc_boxed_slice(std::iter::repeat_with(make));
        assert_eq!(
            refused.expect_err("no end").kind(),
            AllocErrorKind::LimitReached
        );
        assert_eq!(census.live(), 0);
        assert!(census.born() > 0);
        let refused = arena.try_alloc_slice_iter(0..);
        assert_eq!(
            refused.expect_err("no end").kind(),
            AllocErrorKind::LimitReached
        );
        assert_eq!(arena.usage().reserved, allowed);
        adds_up(&arena);
    });
}
