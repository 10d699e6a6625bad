//! What one replay measured.

use serde::{Deserialize, Serialize};

use super::latency::Latencies;

/// The numbers of one replay of a trace by one contender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Allocations, reallocations and frees carried out.
    pub operations: u64,
    /// Processor time they took, summed over the threads, in nanoseconds. Decoding the trace and
    /// waiting for another thread's operation are not in it; writing the stamps is.
    pub busy_ns: u64,
    /// How resident memory grew, where the system tells.
    pub growth: Option<Growth>,
    /// Pages that were touched and not there, where the system tells: many more than are in the
    /// peak if memory goes back to the system and is taken again.
    pub faults: Option<u64>,
    /// Resident memory in the pauses, where the system tells.
    pub looks: Vec<Look>,
    /// How long single operations took, if that was asked for.
    pub latencies: Option<Latencies>,
}

/// Memory at one time of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Where in the trace it was.
    pub moment: Moment,
    /// Resident memory above the baseline, in bytes.
    pub resident_bytes: u64,
}

/// A place between two events of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// How many events come before it.
    pub events: u64,
    /// When the last of them was recorded, in nanoseconds since the start.
    pub time_ns: u64,
    /// Bytes alive then, as the program asked for them.
    pub live_bytes: u64,
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
