//! A knob outside its range.

use core::{error::Error, fmt};

use super::OutOfMemory;

/// A pool cannot be built as configured: the sentence names the knob, its value and what is
/// allowed, or says that the memory for it could not be had.
///
/// ```
/// use flagstone::pool::{GrowthStrategy, PoolConfig};
///
/// let error = PoolConfig::<u64>::builder()
///     .capacity(10)
///     .growth_strategy(GrowthStrategy::Exponential { factor: 0.5 })
///     .build()
///     .unwrap_err();
/// assert_eq!(error.knob(), Some("growth_strategy factor"));
/// assert!(error.to_string().contains("0.5"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigError {
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Problem {
    Knob {
        knob: &'static str,
        given: Given,
        allowed: Allowed,
    },
    Memory(OutOfMemory),
}

/// The value a knob had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Given {
    Unset,
    Number(usize),
    Factor(f64),
    Choice(&'static str),
}

/// What would have been accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Allowed {
    Range {
        least: usize,
        most: usize,
        unit: &'static str,
    },
    PowerOfTwo {
        least: usize,
        most: usize,
    },
    Only(&'static str),
}

impl ConfigError {
    pub(crate) const fn knob_out_of_range(
        knob: &'static str,
        given: Given,
        allowed: Allowed,
    ) -> Self {
        Self {
            problem: Problem::Knob {
                knob,
                given,
                allowed,
            },
        }
    }

    /// The name of the knob that was refused; `None` when memory was the problem.
    #[must_use]
    pub const fn knob(&self) -> Option<&'static str> {
        match self.problem {
            Problem::Knob { knob, .. } => Some(knob),
            Problem::Memory(_) => None,
        }
    }

    /// The provider's refusal, when every knob was fine.
    #[must_use]
    pub const fn out_of_memory(&self) -> Option<OutOfMemory> {
        match self.problem {
            Problem::Memory(error) => Some(error),
            Problem::Knob { .. } => None,
        }
    }
}

impl From<OutOfMemory> for ConfigError {
    fn from(error: OutOfMemory) -> Self {
        Self {
            problem: Problem::Memory(error),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problem {
            Problem::Memory(error) => error.fmt(f),
            Problem::Knob {
                knob,
                given,
                allowed,
            } => write!(f, "{knob} is {given}, allowed: {allowed}"),
        }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("not set"),
            Self::Number(number) => number.fmt(f),
            Self::Factor(factor) => factor.fmt(f),
            Self::Choice(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { least, most, unit } => write!(f, "{least} to {most} {unit}"),
            Self::PowerOfTwo { least, most } => {
                write!(f, "a power of two from {least} to {most} bytes")
            }
            Self::Only(what) => f.write_str(what),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            Problem::Memory(error) => Some(error),
            Problem::Knob { .. } => None,
        }
    }
}
