//! What the contenders store.

/// A plain value that every contender can hold.
///
/// It has no destructor: the workloads measure the way of a slot, and a destructor would cost all
/// contenders the same. `Poolable` is fastalloc's condition on its values.
pub(crate) trait Payload: Copy + fastalloc::Poolable + 'static {
    /// A value that is written completely and differs from seed to seed.
    fn of(seed: u64) -> Self;

    /// The seed again, read from the value's first bytes.
    fn first_word(&self) -> u64;
}

/// Arrays, one size at a time: fastalloc implements its trait for some lengths only.
macro_rules! payload {
    ($($words:literal)*) => {$(
        impl Payload for [u64; $words] {
            #[inline(always)]
            fn of(seed: u64) -> Self {
                [seed; $words]
            }

            #[inline(always)]
            fn first_word(&self) -> u64 {
                self[0]
            }
        }
    )*};
}

payload!(4 8 64);
