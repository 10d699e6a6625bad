//! Traces for other tools.
//!
//! | for | holds |
//! |---|---|
//! | [`Pprof`] (`go tool pprof`, Perfetto, speedscope) | objects and bytes by call stack: allocated, at the peak, at the end |
//! | [`Folded`] (flame graphs) | one of these numbers by call stack, as lines of text |
//! | [`ChromeCounters`] (`chrome://tracing`, Perfetto) | live bytes and objects over time |
//! | [`HeaptrackWriter`] (heaptrack's own viewers) | every event |
//!
//! The first three estimate the whole where the trace is a sample.

mod chrome;
mod folded;
mod heaptrack;
mod pprof;
mod symbols;

pub use chrome::ChromeCounters;
pub use folded::{Folded, Value};
pub use heaptrack::HeaptrackWriter;
pub use pprof::Pprof;
pub use symbols::{OwnNames, Symbols};
