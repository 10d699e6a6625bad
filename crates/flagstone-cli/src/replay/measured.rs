//! What one replay measured.

use serde::{Deserialize, Serialize};

/// The numbers of one replay of a trace by one contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Allocations, reallocations and frees carried out.
    pub operations: u64,
    /// Processor time they took, summed over the threads, in nanoseconds. Decoding the trace and
    /// waiting for another thread's operation are not in it; writing the stamps is.
    pub busy_ns: u64,
    /// How resident memory grew, where the system tells.
    pub growth: Option<Growth>,
}

/// Resident memory above the baseline, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// The most there was at any time.
    pub peak: u64,
    /// What was left after the last operation.
    pub end: u64,
}

impl Measured {
    /// Mean processor time of an operation in nanoseconds.
    #[must_use]
    pub fn ns_per_operation(&self) -> f64 {
        self.busy_ns as f64 / self.operations.max(1) as f64
    }
}
