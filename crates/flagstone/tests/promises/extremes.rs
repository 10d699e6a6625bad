//! Absurd capacities have an answer: an error that says what was asked, at once, and nothing is left.

use flagstone::{
    AllocErrorKind, ConfigError, FixedPool, GrowingPool, PoolConfig,
    index::{Bitmap, FreeList, Stack},
    pool::{Checked, FromCapacity, GrowthStrategy, Indexed, Intrusive, NoHooks, Strategy},
    provider::{Global, OsPages, Provider},
};
use flagstone_testkit::provider::{Counting, FailNth};

const ABSURD: [usize; 6] = [
    usize::MAX,
    usize::MAX - 1,
    usize::MAX / 2 + 1,
    isize::MAX as usize,
    isize::MAX as usize / 8 + 1,
    isize::MAX as usize / 16,
];

/// Refused by the knob or by the provider, and the sentence says how much was asked for.
#[track_caller]
fn refused<T>(result: Result<T, ConfigError>) {
    let error = result.err().expect("there is no such memory");
    assert!(
        error.knob() == Some("capacity") || error.out_of_memory().is_some(),
        "{error}"
    );
}

fn fixed<S: Strategy + FromCapacity, P: Provider>(capacity: usize, provider: P) {
    let config = PoolConfig::<u64>::with_capacity(capacity);
    refused(S::from_capacity(capacity).and_then(|strategy| {
        FixedPool::<u64, S, NoHooks, P>::with_parts(config, strategy, NoHooks, provider)
    }));
}

#[test]
fn fixed_pools_refuse_what_does_not_fit_the_address_space() {
    for capacity in ABSURD {
        let counting = Counting::new(OsPages);
        fixed::<Intrusive, _>(capacity, &counting);
        fixed::<Checked<Intrusive>, _>(capacity, Global);
        assert_eq!(counting.requests(), 0);
    }
}

#[test]
fn indexed_pools_refuse_what_cannot_be_numbered() {
    for capacity in ABSURD {
        fixed::<Indexed<Stack>, _>(capacity, Global);
        fixed::<Indexed<FreeList>, _>(capacity, Global);
        fixed::<Checked<Indexed<Bitmap>>, _>(capacity, Global);
    }
}

#[test]
fn a_count_of_bits_near_the_limit_does_not_wrap() {
    // One byte per slot: the slots fit the address space, the bits behind them do not.
    for capacity in [
        isize::MAX as usize,
        isize::MAX as usize - 7,
        isize::MAX as usize / 9 * 8 + 8,
    ] {
        let config = PoolConfig::<u8>::with_capacity(capacity);
        let strategy = Checked::new(Indexed::new(Endless));
        refused(FixedPool::with_parts(config, strategy, NoHooks, Global));
        let config = PoolConfig::<u8>::with_capacity(capacity);
        let strategy = Checked::new(Checked::new(Indexed::new(Endless)));
        refused(FixedPool::with_parts(config, strategy, NoHooks, Global));
    }

    /// As many numbers as anybody wants.
    struct Endless;
    impl flagstone::IndexAllocator for Endless {
        fn allocate(&mut self) -> Option<usize> {
            None
        }
        fn free(&mut self, _index: usize) {}
        fn available(&self) -> usize {
            isize::MAX as usize
        }
        fn capacity(&self) -> usize {
            isize::MAX as usize
        }
    }
}

/// A pool that could never have so many slots says so before it asks for memory.
#[test]
fn growing_pools_refuse_what_does_not_fit_the_address_space() {
    let fitting = isize::MAX as usize / size_of::<u64>();
    for capacity in ABSURD.into_iter().filter(|&slots| slots > fitting) {
        let provider = FailNth::after(64);
        refused(GrowingPool::<u64, _, _>::try_new_in(capacity, &provider));
        assert_eq!(provider.asked(), 0, "chunks were taken first");
    }
}

/// So does a growth step: it is refused as a whole, or stops where the memory does.
#[test]
fn an_absurd_growth_step_stops_where_the_memory_does() {
    for growth in [
        GrowthStrategy::Linear { amount: usize::MAX },
        GrowthStrategy::Exponential { factor: f64::MAX },
        GrowthStrategy::Custom {
            compute: Box::new(|_| usize::MAX),
        },
    ] {
        let provider = FailNth::after(8);
        let config = PoolConfig::<u64>::builder()
            .capacity(1)
            .growth_strategy(growth);
        let config = config.build().expect("in range");
        let pool = GrowingPool::<u64, _, _, 1024>::with_parts(config, NoHooks, &provider);
        let pool = pool.expect("memory for one slab");
        let mut handles = Vec::new();
        let error = loop {
            match pool.alloc(handles.len() as u64) {
                Ok(handle) => handles.push(handle),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), AllocErrorKind::OutOfMemory);
        assert_eq!(handles.len(), pool.capacity());
        assert!(
            handles
                .iter()
                .enumerate()
                .all(|(n, handle)| **handle == n as u64)
        );
    }
}
