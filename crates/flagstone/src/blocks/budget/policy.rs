//! What a budget is told once: the order of those who wait, and what can be counted.

use crate::{
    error::{Allowed, ConfigError, Given},
    raw::wait::MOST,
};

/// In which order requests that have to wait are granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// In the order in which they came, whatever fits; of several scopes, too.
    Fifo,
    /// In the order in which they came, but one that does not fit may be passed: by at most
    /// `most_passed` requests that could delay it, and by any that cannot, because they fit beside it.
    /// Between scopes the shared part is divided by weight.
    Fair {
        /// How often the oldest request of a scope is passed at most.
        most_passed: u32,
    },
}

impl Order {
    /// What is used by default: a request is passed 16 times at most.
    pub const DEFAULT: Self = Self::Fair { most_passed: 16 };
}

impl Default for Order {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How urgent a request is. Priorities age: one step is worth 64 later requests, so a request of a lower
/// priority stands where a higher one that came 64 requests later would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Behind 63 requests that come later.
    Low,
    /// In the order of arrival.
    #[default]
    Normal,
    /// Before 63 requests that came earlier.
    High,
}

impl Priority {
    /// So many requests is one step worth.
    const STEP: u64 = 64;

    /// The place of a request with this priority that draws `ticket`.
    pub(super) const fn key(self, ticket: u64) -> u64 {
        match self {
            Self::Low => ticket + Self::STEP,
            Self::Normal => ticket,
            Self::High => ticket - Self::STEP,
        }
    }
}

/// A capacity that can be counted.
pub(super) fn check(capacity: usize) -> Result<u64, ConfigError> {
    if capacity as u64 <= MOST {
        return Ok(capacity as u64);
    }
    Err(ConfigError::knob_out_of_range(
        "capacity",
        Given::Number(capacity),
        Allowed::Range {
            least: 0,
            most: usize::try_from(MOST).unwrap_or(usize::MAX),
            unit: "bytes",
        },
    ))
}
