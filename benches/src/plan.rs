//! A fixed sequence of positions, the same for every contender.

/// Steps of a plan.
pub(crate) const PLAN_STEPS: usize = 1 << 15;

/// Positions below a bound, gone through again and again.
///
/// `N` is the shortest integer that holds the positions: the sequence must not push the values out
/// of the cache, and must be too long for a branch predictor to learn.
pub(crate) struct Plan<N>(Box<[N]>);

impl<N: TryFrom<u64>> Plan<N> {
    /// Positions below `bound`, from Marsaglia's xorshift64 ("Xorshift RNGs", 2003).
    pub(crate) fn new(bound: u64) -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut step = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let Ok(position) = N::try_from(state % bound) else {
                panic!("the positions below {bound} do not fit a plan's integers");
            };
            position
        };
        Self((0..PLAN_STEPS).map(|_| step()).collect())
    }
}

impl<N: Copy> Plan<N> {
    /// The position at `at`, counted modulo the plan's length.
    #[inline(always)]
    pub(crate) fn step(&self, at: usize) -> N {
        self.0[at % PLAN_STEPS]
    }
}
