//! What `flagstone info` shows of a trace.

mod chart;
mod facts;
mod json;
mod page;
mod sites;

pub use facts::Facts;
