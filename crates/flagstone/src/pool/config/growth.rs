//! By how many slots a pool grows.

use core::fmt;

use crate::{
    error::{Allowed, ConfigError, Given},
    layout::exponential_growth,
};

/// By how many slots a pool that is full grows. Whatever the answer, the pool adds at least one
/// slot, rounds up to whole slabs, and never exceeds its `max_capacity`.
///
/// ```
/// use flagstone::pool::GrowthStrategy;
///
/// # #[cfg(feature = "alloc")] {
/// let by_half = GrowthStrategy::Custom {
///     compute: Box::new(|current| current / 2),
/// };
/// assert_eq!(by_half.compute_growth(100), 50);
/// # }
/// assert_eq!(GrowthStrategy::Linear { amount: 8 }.compute_growth(100), 8);
/// ```
#[non_exhaustive]
pub enum GrowthStrategy {
    /// Not at all.
    None,
    /// By the same number each time.
    Linear {
        /// Slots to add; at least 1.
        amount: usize,
    },
    /// So that the capacity is multiplied.
    Exponential {
        /// The multiplier; finite and above 1.
        factor: f64,
    },
    /// As a closure says. It runs outside every borrow of the pool, and may use the pool.
    #[cfg(feature = "alloc")]
    Custom {
        /// From the present capacity to the slots to add.
        compute: alloc::boxed::Box<dyn Fn(usize) -> usize + Send + Sync>,
    },
}

impl GrowthStrategy {
    /// The slots to add to `current`; 0 only for [`None`](Self::None) or if a closure says so.
    #[must_use]
    pub fn compute_growth(&self, current: usize) -> usize {
        match self {
            Self::None => 0,
            Self::Linear { amount } => *amount,
            Self::Exponential { factor } => exponential_growth(current, *factor),
            #[cfg(feature = "alloc")]
            Self::Custom { compute } => compute(current), // USER CODE
        }
    }

    /// Whether a pool with this strategy ever grows.
    #[must_use]
    pub fn allows_growth(&self) -> bool {
        !matches!(self, Self::None)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match *self {
            Self::Linear { amount: 0 } => Err(ConfigError::knob_out_of_range(
                "growth_strategy amount",
                Given::Number(0),
                Allowed::Range {
                    least: 1,
                    most: usize::MAX,
                    unit: "slots",
                },
            )),
            Self::Exponential { factor } if !(factor > 1.0 && factor.is_finite()) => {
                Err(ConfigError::knob_out_of_range(
                    "growth_strategy factor",
                    Given::Factor(factor),
                    Allowed::Only("a finite number above 1"),
                ))
            }
            _ => Ok(()),
        }
    }

    pub(in crate::pool) fn name(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Linear { .. } => "Linear",
            Self::Exponential { .. } => "Exponential",
            #[cfg(feature = "alloc")]
            Self::Custom { .. } => "Custom",
        }
    }
}

impl fmt::Debug for GrowthStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear { amount } => f.debug_struct("Linear").field("amount", amount).finish(),
            Self::Exponential { factor } => f
                .debug_struct("Exponential")
                .field("factor", factor)
                .finish(),
            other => f.write_str(other.name()),
        }
    }
}
