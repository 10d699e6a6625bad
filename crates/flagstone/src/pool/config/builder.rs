//! Setting knobs, then checking them all.

use super::{GrowthStrategy, InitializationStrategy, PoolConfig};
use crate::{
    error::{Allowed, ConfigError, Given},
    layout::MAX_ALIGNMENT,
};

/// Collects the knobs of a [`PoolConfig`]; [`build`](Self::build) checks them.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct PoolConfigBuilder<T> {
    capacity: Option<usize>,
    max_capacity: Option<usize>,
    growth: Option<GrowthStrategy>,
    initialization: InitializationStrategy<T>,
    alignment: Option<usize>,
    pre_initialize: bool,
}

impl<T> Default for PoolConfigBuilder<T> {
    fn default() -> Self {
        Self {
            capacity: None,
            max_capacity: None,
            growth: None,
            initialization: InitializationStrategy::Lazy,
            alignment: None,
            pre_initialize: false,
        }
    }
}

impl<T> PoolConfigBuilder<T> {
    /// Slots to begin with; must be set. 0 is a pool that is full at once, or grows at once.
    pub fn capacity(mut self, slots: usize) -> Self {
        self.capacity = Some(slots);
        self
    }

    /// Slots that are never exceeded; `None`, the default, for no limit.
    pub fn max_capacity(mut self, slots: Option<usize>) -> Self {
        self.max_capacity = slots;
        self
    }

    /// By how much the pool grows when it is full. Not set, a growing pool doubles and a fixed pool
    /// does not grow.
    pub fn growth_strategy(mut self, strategy: GrowthStrategy) -> Self {
        self.growth = Some(strategy);
        self
    }

    /// Who makes the values of `alloc_init`; nobody by default.
    #[doc(alias("initializer", "reset_fn", "initialization_strategy"))]
    pub fn initialization(mut self, strategy: InitializationStrategy<T>) -> Self {
        self.initialization = strategy;
        self
    }

    /// Alignment of every slot in bytes: a power of two from that of `T` up to 4096. The distance
    /// between slots is rounded up to it, so 64 keeps slots on cache lines of their own.
    #[doc(alias = "CachePadded")]
    pub fn alignment(mut self, bytes: usize) -> Self {
        self.alignment = Some(bytes);
        self
    }

    /// Whether the initial slots are made ready when the pool is built: with an initializer, by
    /// making their values; without one, by touching their memory, so that first use takes no page
    /// fault.
    pub fn pre_initialize(mut self, yes: bool) -> Self {
        self.pre_initialize = yes;
        self
    }

    /// Checks every knob.
    ///
    /// # Errors
    ///
    /// Names the knob, its value and what is allowed: when no capacity was set, `max_capacity` is
    /// below it, a growth amount is 0, a growth factor is not a finite number above 1, or the
    /// alignment is no power of two in its range.
    pub fn build(self) -> Result<PoolConfig<T>, ConfigError> {
        let capacity = self.capacity.ok_or(ConfigError::knob_out_of_range(
            "capacity",
            Given::Unset,
            Allowed::Range {
                least: 0,
                most: isize::MAX as usize,
                unit: "slots",
            },
        ))?;
        if let Some(max) = self.max_capacity
            && max < capacity
        {
            return Err(ConfigError::knob_out_of_range(
                "max_capacity",
                Given::Number(max),
                Allowed::Range {
                    least: capacity,
                    most: usize::MAX,
                    unit: "slots",
                },
            ));
        }
        if let Some(growth) = &self.growth {
            growth.check()?;
        }
        let alignment = self.alignment.unwrap_or(align_of::<T>());
        let (least, most) = (align_of::<T>(), MAX_ALIGNMENT.max(align_of::<T>()));
        if !alignment.is_power_of_two() || alignment < least || alignment > most {
            return Err(ConfigError::knob_out_of_range(
                "alignment",
                Given::Number(alignment),
                Allowed::PowerOfTwo { least, most },
            ));
        }
        Ok(PoolConfig {
            capacity,
            max_capacity: self.max_capacity,
            growth: self.growth,
            initialization: self.initialization,
            alignment,
            pre_initialize: self.pre_initialize,
        })
    }
}
