//! Type sizes that users rely on.

use flagstone::{
    AllocError, AllocErrorKind, RecyclePool,
    index::{Bitmap, Stack},
    pool::{
        Buffer, Checked, FixedHandle, FixedVacant, FnRecycle, GrowingHandle, GrowingVacant,
        Indexed, Intrusive, Recycle, Recycled, RecycledVacant,
    },
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
fn an_object_in_use_is_two_words_and_a_buffer_three() {
    fn recycled<K: Recycle<[u64; 100]>>(pool: RecyclePool<[u64; 100], K>) {
        words! {
            2: Recycled<'_, [u64; 100], K>,
            2: RecycledVacant<'_, [u64; 100], K>,
        }
        drop(pool);
    }
    let recycle = FnRecycle::new(|| [0; 100], |_: &mut [u64; 100]| ());
    recycled(RecyclePool::new(1, recycle));
    words! {
        3: Buffer<'_, u8>,
        3: Buffer<'_, [u64; 100]>,
    }
}

#[test]
fn an_error_is_one_word_more_than_its_value() {
    assert_eq!(size_of::<AllocError<()>>(), WORD);
    assert_eq!(size_of::<AllocError<u64>>(), WORD + 8);
    assert_eq!(size_of::<AllocError<[u8; 64]>>(), WORD + 64);
    assert_eq!(size_of::<AllocErrorKind>(), 1);
}
