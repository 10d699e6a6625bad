//! A knob outside its range is refused by name, value and range; one within it is heeded.

use flagstone::{
    ConfigError, FixedPool, GrowingPool, PoolConfig,
    index::{Bitmap, FreeList, Stack},
    pool::{GrowthStrategy, Indexed, InitializationStrategy, Intrusive, NoHooks},
    provider::Global,
};

/// The error names `knob`, and its sentence names the value and every word of `allowed`.
#[track_caller]
fn names<T>(refused: Result<T, ConfigError>, knob: &str, value: &str, allowed: &[&str]) {
    let error = refused.err().expect("the knob is refused");
    assert_eq!(error.knob(), Some(knob));
    let sentence = error.to_string();
    for word in [knob, value].iter().chain(allowed) {
        assert!(
            sentence.contains(word),
            "{sentence:?} does not say {word:?}"
        );
    }
    assert!(error.out_of_memory().is_none());
}

fn growth(strategy: GrowthStrategy) -> Result<PoolConfig<u64>, ConfigError> {
    PoolConfig::builder()
        .capacity(4)
        .growth_strategy(strategy)
        .build()
}

#[test]
fn a_capacity_must_be_set() {
    names(
        PoolConfig::<u64>::builder().build(),
        "capacity",
        "not set",
        &["0 to"],
    );
}

#[test]
fn a_growth_factor_is_a_finite_number_above_one() {
    for factor in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1.0,
        0.5,
        0.0,
        -0.0,
        -2.0,
    ] {
        let refused = growth(GrowthStrategy::Exponential { factor });
        names(
            refused,
            "growth_strategy factor",
            &factor.to_string(),
            &["finite", "1"],
        );
    }
    for factor in [1.0 + f64::EPSILON, 1.5, 2.0, f64::MAX] {
        assert!(growth(GrowthStrategy::Exponential { factor }).is_ok());
    }
}

#[test]
fn a_growth_amount_is_at_least_one() {
    let refused = growth(GrowthStrategy::Linear { amount: 0 });
    names(refused, "growth_strategy amount", "0", &["1 to"]);
    assert!(growth(GrowthStrategy::Linear { amount: 1 }).is_ok());
}

#[test]
fn a_limit_is_not_below_the_capacity() {
    let limited = |max| PoolConfig::<u64>::builder().capacity(10).max_capacity(max);
    names(limited(Some(9)).build(), "max_capacity", "9", &["10 to"]);
    assert_eq!(
        limited(Some(10)).build().map(|c| c.max_capacity()),
        Ok(Some(10))
    );
    assert_eq!(limited(None).build().map(|c| c.max_capacity()), Ok(None));
}

#[test]
fn an_alignment_is_a_power_of_two_from_the_types_own_to_4096() {
    let aligned = |bytes| PoolConfig::<u64>::builder().capacity(1).alignment(bytes);
    for bytes in [0, 1, 3, 4, 12, 65, 8192, usize::MAX, 1 << (usize::BITS - 1)] {
        names(
            aligned(bytes).build(),
            "alignment",
            &bytes.to_string(),
            &["8", "4096"],
        );
    }
    for bytes in [8, 64, 4096] {
        assert_eq!(aligned(bytes).build().map(|c| c.alignment()), Ok(bytes));
    }
    // A type may ask for more than the knob could.
    #[repr(align(8192))]
    struct Wide;
    let wide = PoolConfig::<Wide>::builder().capacity(1).build();
    assert_eq!(wide.map(|c| c.alignment()), Ok(8192));
}

#[test]
fn a_fixed_pool_refuses_to_grow() {
    for strategy in [
        GrowthStrategy::Linear { amount: 1 },
        GrowthStrategy::Exponential { factor: 2.0 },
        GrowthStrategy::Custom {
            compute: Box::new(|n| n),
        },
    ] {
        let config = growth(strategy).expect("in range");
        let name = format!("{config:?}");
        let refused = FixedPool::with_config(config);
        let error = refused.expect_err("a fixed pool does not grow");
        assert_eq!(error.knob(), Some("growth_strategy"));
        let said = error.to_string();
        let strategies = ["Linear", "Exponential", "Custom"];
        assert!(
            strategies
                .iter()
                .any(|s| said.contains(s) && name.contains(s)),
            "{said}"
        );
    }
    assert!(FixedPool::with_config(growth(GrowthStrategy::None).expect("in range")).is_ok());
}

#[test]
fn a_fixed_pool_refuses_another_limit() {
    let config = |max| {
        PoolConfig::<u64>::builder()
            .capacity(4)
            .max_capacity(Some(max))
            .build()
    };
    let refused = FixedPool::with_config(config(5).expect("in range"));
    names(refused, "max_capacity", "5", &["capacity"]);
    assert!(FixedPool::with_config(config(4).expect("in range")).is_ok());
}

#[test]
fn a_pool_of_slots_refuses_a_reset() {
    let config = || {
        PoolConfig::<u64>::builder()
            .capacity(4)
            .initialization(InitializationStrategy::Custom {
                initializer: Box::new(|| 1),
                reset: Some(Box::new(|n| *n = 0)),
            })
            .build()
            .expect("some pool could do it")
    };
    names(
        FixedPool::with_config(config()),
        "initialization",
        "reset",
        &["without a reset"],
    );
    names(
        GrowingPool::with_config(config()),
        "initialization",
        "reset",
        &["without a reset"],
    );
}

#[test]
fn an_index_allocator_says_how_many_slots_there_are() {
    let stack = Stack::new(5).expect("it is small");
    let config = PoolConfig::<u64>::with_capacity(4);
    let refused = FixedPool::with_parts(config, Indexed::new(stack), NoHooks, Global);
    names(refused, "capacity", "4", &["5"]);
}

#[test]
fn a_slab_that_cannot_align_a_slot_says_what_it_can() {
    let aligned = |bytes| {
        let config = PoolConfig::<u64>::builder().capacity(1).alignment(bytes);
        let config = config.build().expect("in range");
        GrowingPool::<u64, _, _, 1024>::with_parts(config, NoHooks, Global)
    };
    let most = (3..12)
        .map(|shift| 1 << shift)
        .take_while(|&bytes| aligned(bytes).is_ok())
        .last();
    let most = most.expect("the type's own at least");
    assert!((64..1024).contains(&most));
    names(
        aligned(4096),
        "alignment",
        "4096",
        &["8", &most.to_string()],
    );
    names(
        aligned(2 * most),
        "alignment",
        &(2 * most).to_string(),
        &[&most.to_string()],
    );
}

#[test]
fn an_index_that_cannot_count_so_far_says_how_far() {
    let most = (1_usize << 30).to_string();
    names(
        Bitmap::new((1 << 30) + 1),
        "capacity",
        "1073741825",
        &[&most],
    );
    names(
        Stack::new(usize::MAX),
        "capacity",
        &usize::MAX.to_string(),
        &["4294967295"],
    );
    names(
        FreeList::new(usize::MAX),
        "capacity",
        &usize::MAX.to_string(),
        &["4294967294"],
    );
}

#[test]
fn borrowed_storage_must_suffice() {
    let mut words = [0_u64; 2];
    names(Bitmap::over(&mut words[..], 65), "words", "2", &["3"]);
    names(Stack::over([0_u32; 65], [0_u64; 1]), "bits", "64", &["65"]);
}

/// Growth is not by the default when a strategy is set: each knob has its own effect.
#[test]
fn a_growth_strategy_is_heeded() {
    let grown = |strategy: GrowthStrategy| {
        let pool = GrowingPool::<[u8; 64], NoHooks, Global, 1024>::with_parts(
            PoolConfig::builder()
                .capacity(20)
                .growth_strategy(strategy)
                .build()
                .expect("in range"),
            NoHooks,
            Global,
        )
        .expect("memory");
        let per_slab = pool.slots_per_slab();
        let before = pool.capacity();
        let handles: Vec<_> = (0..=before).map(|_| pool.alloc([0; 64]).ok()).collect();
        let added = (pool.capacity() - before) / per_slab;
        drop(handles);
        (added, per_slab, before)
    };
    assert_eq!(grown(GrowthStrategy::None).0, 0);
    let (added, per_slab, before) = grown(GrowthStrategy::Linear { amount: 30 });
    assert_eq!(added, 30_usize.div_ceil(per_slab));
    assert_eq!(
        grown(GrowthStrategy::Exponential { factor: 4.0 }).0,
        (3 * before).div_ceil(per_slab)
    );
    let compute: Box<dyn Fn(usize) -> usize + Send + Sync> = Box::new(|current| 2 * current + 1);
    assert_eq!(
        grown(GrowthStrategy::Custom { compute }).0,
        (2 * before + 1).div_ceil(per_slab)
    );
}

/// The strategies all take their own parts.
#[test]
fn parts_can_be_chosen_one_by_one() {
    let config = PoolConfig::with_capacity(3);
    let pool = FixedPool::<u8, _, _, _>::with_parts(config, Intrusive::default(), NoHooks, Global);
    assert_eq!(pool.expect("memory").provider(), &Global);
}
