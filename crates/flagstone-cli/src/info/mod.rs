//! What `flagstone info` shows of a trace.

mod chart;
mod facts;
mod page;

pub use facts::Facts;
