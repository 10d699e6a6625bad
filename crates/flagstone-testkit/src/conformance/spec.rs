//! How a pool under test is to be built.

use std::fmt;

use flagstone::pool::{GrowthStrategy, InitializationStrategy};

use crate::provider::Source;

/// What a check wants of a pool.
pub struct Spec<T> {
    /// How many values it can hold in the end: neither fewer nor more.
    pub slots: usize,
    /// Who makes values.
    pub initialization: InitializationStrategy<T>,
    /// The alignment knob; `None` leaves it alone.
    pub alignment: Option<usize>,
    /// The knob of that name.
    pub pre_initialize: bool,
}

impl<T> Spec<T> {
    /// Room for `slots` values, all other knobs untouched.
    #[must_use]
    pub fn slots(slots: usize) -> Self {
        Self {
            slots,
            initialization: InitializationStrategy::Lazy,
            alignment: None,
            pre_initialize: false,
        }
    }
}

impl<T> fmt::Debug for Spec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

/// How a pool gets from its first slots to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// It has them all from the start.
    None,
    /// Five at a time.
    Linear,
    /// By half.
    Exponential,
    /// As a closure says, which says 0: at least one is added.
    Custom,
}

impl Growth {
    /// Every way to grow.
    pub const ALL: &'static [Self] = &[Self::None, Self::Linear, Self::Exponential, Self::Custom];

    /// The strategy.
    #[must_use]
    pub fn strategy(self) -> GrowthStrategy {
        match self {
            Self::None => GrowthStrategy::None,
            Self::Linear => GrowthStrategy::Linear { amount: 5 },
            Self::Exponential => GrowthStrategy::Exponential { factor: 1.5 },
            Self::Custom => GrowthStrategy::Custom {
                compute: Box::new(|_| 0),
            },
        }
    }

    /// With how many slots a pool begins that is to have `slots` in the end.
    #[must_use]
    pub fn begins_with(self, slots: usize) -> usize {
        match self {
            Self::None => slots,
            _ => slots / 3,
        }
    }
}

/// Where the memory comes from and how the pool grows: what is the same for all checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where chunks come from.
    pub source: Source,
    /// How the pool grows; [`Growth::None`] for pools that do not.
    pub growth: Growth,
}

impl Setting {
    /// Those of pools that grow: each source, each way.
    #[must_use]
    pub fn growing() -> Vec<Self> {
        let with = |&source| {
            Growth::ALL
                .iter()
                .map(move |&growth| Self { source, growth })
        };
        Source::ALL.iter().flat_map(with).collect()
    }

    /// Those of pools that do not: each source.
    #[must_use]
    pub fn fixed() -> Vec<Self> {
        let mut settings = Self::growing();
        settings.retain(|setting| setting.growth == Growth::None);
        settings
    }
}
