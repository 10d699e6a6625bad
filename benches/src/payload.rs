//! What the contenders store.

/// A plain value that every contender can hold.
///
/// It has no destructor: the workloads measure the way of a slot, and a destructor would cost all
/// contenders the same. `Poolable` is fastalloc's condition on its values.
pub(crate) trait Payload: Copy + fastalloc::Poolable + Send + Sync + 'static {
    /// A value that is written completely and differs from seed to seed.
    fn of(seed: u64) -> Self;

    /// Changes the first bytes only, as a user of a recycled object does.
    fn mark(&mut self, seed: u64);

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
            fn mark(&mut self, seed: u64) {
                self[0] = seed;
            }

            #[inline(always)]
            fn first_word(&self) -> u64 {
                self[0]
            }
        }
    )*};
}

payload!(4 8 64);

/// An element of a buffer.
impl Payload for u64 {
    #[inline(always)]
    fn of(seed: u64) -> Self {
        seed
    }

    #[inline(always)]
    fn mark(&mut self, seed: u64) {
        *self = seed;
    }

    #[inline(always)]
    fn first_word(&self) -> u64 {
        *self
    }
}
