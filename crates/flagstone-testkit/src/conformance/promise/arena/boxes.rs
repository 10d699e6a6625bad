//! A box in an arena drops its value once, and nobody else does.
#![expect(unsafe_code, reason = "makes boxes of raw pointers")]

use std::{cell::Cell, fmt::Debug, ptr::NonNull};

use flagstone::arena::ArenaBox;

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, WholeArena, each_arena},
    fuse::blows,
    value::{Bulk, Census, Page},
};

/// With the box, and not with the arena.
pub fn drops_its_value_once<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        let census = Census::default();
        {
            let first = arena.alloc_boxed(census.tracked::<()>());
            let second = arena.alloc_boxed(census.tracked::<Page>());
            let third = arena.alloc_boxed(census.tracked::<Bulk>());
            assert_eq!((first.id(), second.id(), third.id()), (1, 2, 3));
            drop(second);
            assert_eq!(census.live(), 2);
        }
        assert_eq!(census.live(), 0);
        arena.reset();
        assert_eq!(census.born(), 3);
    });
}

/// Taken out, given up, or leaked.
pub fn gives_its_value_up<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        let census = Census::default();
        let inner = ArenaBox::into_inner(arena.alloc_boxed(census.tracked::<()>()));
        assert_eq!((inner.id(), census.live()), (1, 1));
        drop(inner);
        let raw = ArenaBox::into_raw(arena.alloc_boxed(census.tracked::<()>()));
        assert_eq!(census.live(), 1);
        let raw: NonNull<dyn Debug> = raw;
        // SAFETY: from a box of this arena, which was given up.
        let boxed = unsafe { ArenaBox::from_raw(raw) };
        assert_eq!(format!("{boxed:?}"), "Tracked(2)");
        drop(boxed);
        assert_eq!(census.live(), 0);
        let leaked = ArenaBox::leak(arena.alloc_boxed(census.tracked::<()>()));
        assert_eq!(leaked.id(), 3);
        // What it owns outside of the arena, so that leak checkers are content.
        let leaked = NonNull::from(leaked);
        // SAFETY: leaked above, and not used below.
        let again = unsafe { leaked.read() };
        arena.reset();
        assert_eq!(census.live(), 1, "an arena does not drop what was leaked");
        drop(again);
        assert_eq!(census.live(), 0);
    });
}

/// All elements of a slice, whichever of them panics.
pub fn of_a_slice<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        for len in [0, 1, 5, 100] {
            let census = Census::default();
            let slice = arena.alloc_boxed_slice((0..len).map(|_| census.tracked::<()>()));
            assert!(slice.iter().map(|value| value.id() as usize).eq(1..=len));
            assert_eq!(census.live(), len);
            drop(slice);
            assert_eq!(census.live(), 0);
        }
        for nth in 1..=5 {
            let census = Census::default();
            let slice = arena.alloc_boxed_slice((0..5).map(|_| census.tracked::<()>()));
            census.drops().set(nth);
            assert!(blows(|| drop(slice)));
            assert_eq!(census.live(), 0);
        }
    });
}

/// What a box holds may borrow, and stay on its thread.
pub fn of_what_borrows<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let drops = Cell::new(0);
        struct Counted<'c>(&'c Cell<u32>);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let boxed = arena.alloc_boxed(Counted(&drops));
        let slice = arena.alloc_boxed_slice([Counted(&drops), Counted(&drops)]);
        assert_eq!((drops.get(), slice.len()), (0, 2));
        drop((boxed, slice));
        assert_eq!(drops.get(), 3);
        adds_up(&arena);
    });
}
