//! Type sizes that users rely on.

use flagstone::{
    AllocError, AllocErrorKind, Arena,
    arena::{ArenaBox, ArenaScope, Checkpoint, LocalArena},
    index::{Bitmap, Stack},
    pool::{Checked, FixedHandle, FixedVacant, GrowingHandle, GrowingVacant, Indexed, Intrusive},
    provider::Global,
};

const WORD: usize = size_of::<usize>();

/// `$ty` is `$words` words wide, and so is an option of it.
macro_rules! words {
    ($($words:literal: $ty:ty),* $(,)?) => {
        $(
            assert_eq!(size_of::<$ty>(), $words * WORD, stringify!($ty));
            assert_eq!(size_of::<Option<$ty>>(), $words * WORD, stringify!(Option<$ty>));
        )*
    };
}

#[test]
fn a_handle_into_a_contiguous_pool_is_two_words() {
    words! {
        2: FixedHandle<'_, u8>,
        2: FixedHandle<'_, [u64; 100]>,
        2: FixedHandle<'_, (), Checked<Intrusive>>,
        2: FixedHandle<'_, u8, Indexed<Stack>>,
        2: FixedHandle<'_, u8, Checked<Indexed<Bitmap>>>,
        2: FixedVacant<'_, u8>,
    }
}

#[test]
fn a_handle_into_slabs_is_one_word() {
    words! {
        1: GrowingHandle<'_, u8>,
        1: GrowingHandle<'_, [u64; 100]>,
        1: GrowingHandle<'_, ()>,
        1: GrowingVacant<'_, u8>,
    }
}

#[test]
fn an_error_is_one_word_more_than_its_value() {
    assert_eq!(size_of::<AllocError<()>>(), WORD);
    assert_eq!(size_of::<AllocError<u64>>(), WORD + 8);
    assert_eq!(size_of::<AllocError<[u8; 64]>>(), WORD + 64);
    assert_eq!(size_of::<AllocErrorKind>(), 1);
}

#[test]
fn a_box_in_an_arena_is_a_pointer() {
    words! {
        1: ArenaBox<'_, u8>,
        1: ArenaBox<'_, [u64; 100]>,
        1: ArenaBox<'_, ()>,
        2: ArenaBox<'_, [u8]>,
        2: ArenaBox<'_, str>,
        2: ArenaBox<'_, dyn std::fmt::Debug>,
    }
}

/// Nothing in an arena is per chunk or per value: a cursor (three words), chunks (eight), values to be
/// dropped, and the provider or where it is.
#[test]
fn an_arena_is_a_few_words() {
    assert_eq!(size_of::<Arena>(), 14 * WORD);
    assert_eq!(size_of::<ArenaScope<'_, Global>>(), 20 * WORD);
    assert_eq!(size_of::<Checkpoint>(), 6 * WORD);
    assert_eq!(size_of::<LocalArena<'_>>(), 5 * WORD);
}
