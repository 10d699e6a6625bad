//! What is placed is aligned, apart from everything else, and stays as it is.

use std::{alloc::Layout, ptr};

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, WholeArena, each_arena},
    model::NaiveArena,
    value::{Bulk, Page},
};

/// Many alignments on addresses, which no other type has.
macro_rules! aligned {
    ($($name:ident $align:literal),*) => {
        $(
            #[derive(Clone, Copy, PartialEq, Debug)]
            #[repr(align($align))]
            struct $name(u8);
        )*

        fn one_of_each<A: ArenaDoors>(arena: &A, naive: &mut NaiveArena, n: u8) {
            $(
                let place = arena.alloc($name(n));
                assert_eq!(*place, $name(n));
                naive.placed(place);
                naive.placed(arena.alloc(n));
            )*
        }
    };
}
aligned!(
    A1 1, A2 2, A4 4, A8 8, A16 16, A32 32, A64 64, A128 128, A256 256, A512 512, A1024 1024,
    A2048 2048, A4096 4096
);

/// Values of every size and alignment, mixed.
pub fn values_of_every_type<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for n in 0..if cfg!(miri) { 2 } else { 20 } {
            one_of_each(&arena, &mut naive, n);
            naive.placed(arena.alloc([n; 3]));
            naive.placed(arena.alloc([u64::from(n); 33]));
            naive.placed(arena.alloc(u128::from(n)));
            naive.placed(arena.alloc_with(Bulk::default));
            naive.placed(arena.alloc_with(|| [Page(n), Page(n)]));
            naive.placed(arena.alloc_leak((n, u64::from(n))));
            naive.placed(arena.alloc_auto((u64::from(n), n)));
            adds_up(&arena);
        }
        naive.check();
        assert!(naive.bytes() <= arena.usage().allocated);
    });
}

/// Blocks aligned to more than a page.
pub fn blocks_of_every_alignment<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for shift in (0..=16).chain((0..=16).rev()) {
            for size in [1, 5, 64, 1000] {
                let layout = Layout::from_size_align(size, 1 << shift).expect("small");
                naive.handed_out(arena.alloc_layout(layout), layout);
                naive.placed(arena.alloc_bytes(1));
            }
            adds_up(&arena);
        }
        naive.check();
    });
}

/// Slices and strings by every door hold what they are told to hold.
pub fn slices_and_strings<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for len in (0..40).chain([100, 1000, 5000]) {
            let numbers: Vec<u32> = (0..len).collect();
            let slices = [
                arena.alloc_slice_copy(&numbers),
                arena.alloc_slice_clone(&numbers),
                arena.alloc_slice_fill_with(numbers.len(), |n| n as u32),
                arena.alloc_slice_iter(numbers.iter().copied()),
                // Says that it may be empty.
                arena.alloc_slice_iter(numbers.iter().copied().filter(|_| true)),
            ];
            for slice in slices {
                assert_eq!(slice, numbers);
                naive.placed(slice);
            }
            let text: String = numbers
                .iter()
                .map(|n| char::from(b'a' + (n % 26) as u8))
                .collect();
            assert_eq!(*arena.alloc_str(&text), text[..]);
            assert_eq!(
                *arena.alloc_fmt(format_args!("{text}{len}")),
                format!("{text}{len}")[..]
            );
            naive.placed(arena.alloc_bytes(numbers.len()));
            adds_up(&arena);
        }
        naive.check();
    });
}

/// Bytes are 0 although others lay there before.
pub fn bytes_are_zeroed<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for _ in 0..3 {
            for len in [1, 100, 3000, 70_000] {
                let bytes = arena.alloc_bytes(len);
                assert_eq!(bytes.len(), len);
                assert!(bytes.iter().all(|&byte| byte == 0));
                bytes.fill(0xFF);
            }
            arena.reset();
        }
    });
}

/// Values without a size need neither room nor a chunk.
pub fn without_a_size<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for _ in 0..2 {
            arena.alloc(());
            arena.alloc_with(|| [0_u64; 0]);
            let none: [String; 0] = [];
            arena.alloc_leak(none);
            let wide: &mut [A4096; 0] = arena.alloc([]);
            assert!(ptr::from_ref(wide).addr().is_multiple_of(4096));
            drop(arena.alloc_boxed(()));
            assert_eq!(arena.alloc_boxed_slice([(); 1000]).len(), 1000);
            assert_eq!(arena.alloc_slice_copy(&[(); 1 << 20]).len(), 1 << 20);
            assert_eq!(arena.alloc_slice_clone(&[[0_u64; 0]; 9]).len(), 9);
            assert_eq!(arena.alloc_slice_fill_with(100, |_| ()).len(), 100);
            assert_eq!(
                arena.alloc_slice_iter(std::iter::repeat_n((), 77)).len(),
                77
            );
            assert!(arena.alloc_slice_copy::<u64>(&[]).is_empty());
            assert!(arena.alloc_slice_iter(std::iter::empty::<u64>()).is_empty());
            assert!(arena.alloc_str("").is_empty());
            assert!(arena.alloc_fmt(format_args!("")).is_empty());
            assert!(arena.alloc_bytes(0).is_empty());
            for shift in 0..20 {
                let none = Layout::from_size_align(0, 1 << shift).expect("small");
                assert!(
                    arena
                        .alloc_layout(none)
                        .as_ptr()
                        .addr()
                        .is_multiple_of(1 << shift)
                );
            }
            arena.reset();
            arena.shrink_to(0);
        }
        assert_eq!(
            (arena.usage().reserved, arena.provider().requests()),
            (0, 0)
        );
        // Nor do they among others.
        let first = ptr::from_ref(arena.alloc(1_u8)).addr();
        arena.alloc(());
        arena.alloc_slice_copy::<u8>(&[]);
        let second = ptr::from_ref(arena.alloc(2_u8)).addr();
        assert_eq!(second - first, K::MIN_ALIGN);
    });
}

/// References stay good whatever else is placed, freed and refused. (What an interpreter with a
/// model of aliasing checks.)
pub fn references_outlast_other_calls<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let number = arena.alloc(1_u64);
        let text = arena.alloc_str("text");
        let list = arena.alloc_slice_iter([1, 2, 3]);
        let kept = arena.alloc_drop(vec![1]);
        let shared: &u64 = arena.alloc(7);
        for round in 0..100_u64 {
            *number += 1;
            arena.alloc([round; 9]);
            kept.push(round);
            drop(arena.alloc_boxed(String::from("boxed")));
            list[round as usize % 3] += 1;
            arena.usage();
            text.make_ascii_uppercase();
            arena.set_limit(Some(usize::MAX));
            assert!(arena.try_alloc_bytes(usize::MAX).is_err());
            assert_eq!(*shared, 7);
        }
        assert_eq!((*number, &*text, kept.len()), (101, "TEXT", 101));
        assert_eq!(*list, [1 + 34, 2 + 33, 3 + 33]);
    });
}

/// What is placed next lies right behind: nothing is wasted between values.
pub fn side_by_side<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        let step = 4_usize.next_multiple_of(K::MIN_ALIGN);
        let mut last = ptr::from_ref(arena.alloc(0_u32)).addr();
        let mut gaps = 0;
        for n in 1..100_u32 {
            let place = ptr::from_ref(arena.alloc(n)).addr();
            gaps += usize::from(place != last + step);
            last = place;
        }
        // Where a chunk or a piece ends.
        assert!(gaps <= 8, "{gaps} gaps");
    });
}
