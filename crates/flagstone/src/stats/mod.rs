//! What a structure has done so far: collector, snapshot, report (feature `stats`).
//!
//! ```text
//!  hot path ─▶ Collector ── snapshot() ─▶ Snapshot ─┬─ + of other threads' and parts' snapshots
//!              cells, one thread                    ╰─▶ Report ─▶ text, JSON
//! ```
//!
//! A structure of one thread owns a [`Collector`] and its numbers are exact at any time. One that
//! threads share has a collector wherever it has a single-threaded part (behind its lock, per
//! thread); their snapshots are added up when somebody asks, so no counter is shared on a hot path.
//!
//! Without the feature a collector is an empty type whose calls are empty, and nothing of this
//! module is public: the hot calls of the library take the same instructions as if it did not exist.

#[cfg(feature = "stats")]
mod collector;
#[cfg(not(feature = "stats"))]
#[path = "no_collector.rs"]
mod collector;
#[cfg(feature = "stats")]
mod json;
#[cfg(feature = "stats")]
mod metric;
#[cfg(feature = "stats")]
mod report;
#[cfg(feature = "stats")]
mod snapshot;

#[cfg(feature = "stats")]
pub use collector::Collector;
#[cfg(not(feature = "stats"))]
pub(crate) use collector::Collector;
#[cfg(feature = "stats")]
pub use json::Json;
#[cfg(feature = "stats")]
pub use metric::{Kind, Metric};
#[cfg(feature = "stats")]
pub use report::Report;
#[cfg(feature = "stats")]
pub use snapshot::Snapshot;
