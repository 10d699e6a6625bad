//! Traces of a sample of the objects, and what they say about all.

use std::num::NonZeroU64;

/// How a sample was taken: every byte that a program allocates is a sample point with probability
/// `1 / bytes`, and an object is in the trace exactly when one of its bytes is such a point.
///
/// So an object of `size` bytes is there with probability `1 - exp(-size / bytes)` (an empty one
/// counts as one byte), independently of all others. Each object that is there stands for
/// [`weight`](Self::weight) objects, and sums of weights are unbiased estimates. An object that is
/// resized leaves the trace and may enter it anew with its new size, as if it had been freed and
/// allocated: the trace has no reallocations.
///
/// ```
/// # use flagstone_trace::Sampling;
/// let sampling = Sampling::every(1000).unwrap();
/// assert!(sampling.weight(10) > 99.0);
/// assert!(sampling.weight(1_000_000) < 1.001);
/// assert_eq!(Sampling::every(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sampling(NonZeroU64);

impl Sampling {
    /// One sample point per `bytes` bytes on average; `None` for 0.
    #[must_use]
    pub fn every(bytes: u64) -> Option<Self> {
        NonZeroU64::new(bytes).map(Self)
    }

    /// Bytes per sample point.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0.get()
    }

    /// How many objects of the program one object of `size` bytes in the trace stands for: the
    /// inverse of the probability that it is in the trace. At least 1.
    #[must_use]
    pub fn weight(self, size: u64) -> f64 {
        let expected = size.max(1) as f64 / self.bytes() as f64;
        1.0 / -(-expected).exp_m1()
    }
}
