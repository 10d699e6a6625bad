//! Type sizes that users rely on.

use flagstone::{
    AllocError, AllocErrorKind, FixedPool, GrowingPool, RecyclePool, ThreadSafePool,
    arena::ArenaBox,
    index::{Bitmap, Stack},
    pool::{
        ArcHandle, ArcShared, Buffer, Checked, FixedHandle, FixedVacant, FnRecycle, GrowingHandle,
        GrowingVacant, HandOver, Indexed, Intrusive, LentHandle, LentWeak, NoHooks, RcHandle,
        RcShared, RcWeak, Recycle, Recycled, RecycledVacant, ThreadSafeHandle, ThreadSafeVacant,
        ZeroOnFree,
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
fn a_handle_that_keeps_its_pool_is_two_words() {
    words! {
        2: RcHandle<FixedPool<u8>>,
        2: RcHandle<GrowingPool<[u64; 100]>>,
        2: ArcHandle<ThreadSafePool<u8>>,
    }
}

#[test]
fn a_handle_into_slabs_is_one_word() {
    words! {
        1: GrowingHandle<'_, u8>,
        1: GrowingHandle<'_, [u64; 100]>,
        1: GrowingHandle<'_, ()>,
        1: GrowingVacant<'_, u8>,
        1: ThreadSafeHandle<'_, [u64; 100]>,
        1: ThreadSafeVacant<'_, u8>,
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

#[test]
fn a_shared_handle_is_two_words_and_a_weak_one_a_generation_more() {
    words! {
        2: LentHandle<'_, GrowingPool<u8>>,
        2: LentHandle<'_, ThreadSafePool<[u64; 100]>>,
        2: RcShared<FixedPool<u8>>,
        2: ArcShared<ThreadSafePool<u8>>,
    }
    assert_eq!(size_of::<LentWeak<'_, GrowingPool<u8>>>(), 3 * WORD + 8);
    assert_eq!(size_of::<RcWeak<GrowingPool<u8>>>(), 3 * WORD + 8);
}

#[test]
fn a_policy_takes_no_room() {
    assert_eq!(size_of::<NoHooks>(), 0);
    assert_eq!(size_of::<ZeroOnFree>(), 0);
    assert_eq!(size_of::<HandOver<fn(u8)>>(), WORD);
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

/// Nothing in an arena is per chunk or per value: a cursor (three words), chunks (nine), values to be
/// dropped, and the provider or where it is.
#[test]
#[cfg(not(feature = "stats"))]
fn an_arena_is_a_few_words() {
    use flagstone::{
        Arena,
        arena::{ArenaScope, Checkpoint, LocalArena},
        provider::Global,
    };

    assert_eq!(size_of::<Arena>(), 15 * WORD);
    assert_eq!(size_of::<ArenaScope<'_, Global>>(), 21 * WORD);
    assert_eq!(size_of::<Checkpoint>(), 6 * WORD);
    assert_eq!(size_of::<LocalArena<'_>>(), 5 * WORD);
}
