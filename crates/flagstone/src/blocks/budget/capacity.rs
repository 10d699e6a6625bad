//! How much there may be.

use super::system;
use crate::error::{Allowed, ConfigError, Given};

/// The capacity of a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Capacity {
    /// So many bytes.
    Bytes(usize),
    /// A part of what the process may have; see [`Capacity::auto`].
    Auto {
        /// From 0 to 1.
        fraction: f64,
    },
}

impl Capacity {
    /// `fraction` of what the process may have: of the smallest of what its control groups allow (version
    /// 1 or 2, with those above), its limit of addresses, and the machine's memory. Read once, when the
    /// budget is built. The rest is for what is not charged: code, stacks, other allocations.
    ///
    /// Where none of these can be read, which is everywhere but on Linux, building fails.
    #[must_use]
    pub const fn auto(fraction: f64) -> Self {
        Self::Auto { fraction }
    }

    /// In bytes.
    pub(super) fn bytes(self) -> Result<usize, ConfigError> {
        let fraction = match self {
            Self::Bytes(bytes) => return Ok(bytes),
            Self::Auto { fraction } => fraction,
        };
        if !(0.0..=1.0).contains(&fraction) {
            return Err(ConfigError::knob_out_of_range(
                "capacity fraction",
                Given::Factor(fraction),
                Allowed::Only("0 to 1"),
            ));
        }
        let allowed = system::limit().ok_or_else(|| {
            ConfigError::knob_out_of_range(
                "capacity",
                Given::Choice("automatic"),
                Allowed::Only("a number of bytes, where the system does not say what it allows"),
            )
        })?;
        // Rounds to what a float can say; a capacity is no exact science.
        Ok((allowed as f64 * fraction) as usize)
    }
}
