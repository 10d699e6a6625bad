//! What a pool is told when it is built.

mod builder;
mod growth;
mod initialization;

pub use builder::PoolConfigBuilder;
pub use growth::GrowthStrategy;
pub use initialization::InitializationStrategy;
#[cfg(feature = "alloc")]
pub(in crate::pool) use initialization::{Initializer, Reset};

use crate::error::ConfigError;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
use crate::error::{Allowed, Given};

/// Sizes, growth, initialization and alignment of a pool; made by a [builder](Self::builder), which
/// checks every knob.
///
/// ```
/// use flagstone::pool::{GrowingPool, GrowthStrategy, PoolConfig};
///
/// let config = PoolConfig::builder()
///     .capacity(1000)
///     .max_capacity(Some(10_000))
///     .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
///     .alignment(64)
///     .pre_initialize(false)
///     .build()?;
/// let pool = GrowingPool::with_config(config)?;
/// let handle = pool.alloc([0_u8; 40]).unwrap();
/// assert_eq!(&raw const *handle as usize % 64, 0);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct PoolConfig<T> {
    pub(super) capacity: usize,
    pub(super) max_capacity: Option<usize>,
    pub(super) growth: Option<GrowthStrategy>,
    pub(super) initialization: InitializationStrategy<T>,
    pub(super) alignment: usize,
    pub(super) pre_initialize: bool,
}

impl<T> PoolConfig<T> {
    /// A builder with nothing set.
    pub fn builder() -> PoolConfigBuilder<T> {
        PoolConfigBuilder::default()
    }

    /// `capacity` slots, everything else as it is when no knob is touched.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            capacity,
            max_capacity: None,
            growth: None,
            initialization: InitializationStrategy::Lazy,
            alignment: align_of::<T>(),
            pre_initialize: false,
        }
    }

    /// Slots to begin with.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Slots that are never exceeded, if there is a limit.
    #[must_use]
    pub fn max_capacity(&self) -> Option<usize> {
        self.max_capacity
    }

    /// Alignment of every slot, in bytes.
    #[must_use]
    pub fn alignment(&self) -> usize {
        self.alignment
    }

    /// Whether values are made by an initializer.
    pub(super) fn makes_values(&self) -> bool {
        !matches!(self.initialization, InitializationStrategy::Lazy)
    }

    /// Takes the initialization out; the caller passes every value then.
    #[cfg(feature = "alloc")]
    pub(super) fn take_initialization(&mut self) -> InitializationStrategy<T> {
        core::mem::replace(&mut self.initialization, InitializationStrategy::Lazy)
    }

    /// Refuses to make values before they are asked for.
    #[cfg(all(feature = "std", target_has_atomic = "64"))]
    pub(super) fn check_makes_none_ahead(&self) -> Result<(), ConfigError> {
        let choice = match &self.initialization {
            InitializationStrategy::Eager(_) => "Eager",
            InitializationStrategy::Custom { .. } if self.pre_initialize => {
                "Custom with pre_initialize"
            }
            _ => return Ok(()),
        };
        Err(ConfigError::knob_out_of_range(
            "initialization",
            Given::Choice(choice),
            Allowed::Only(
                "Lazy or Custom, because the slots of this pool are with many threads: none can \
                 hold a value that nobody asked for",
            ),
        ))
    }

    /// Refuses what only a pool that keeps its objects constructed could do.
    pub(super) fn check_slot_pool(&self) -> Result<(), ConfigError> {
        self.initialization.check_slot_pool()
    }
}
