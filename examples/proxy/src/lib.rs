//! The parts of the proxy and of the scenario that shows its memory; `README.md` tells of both.
#![forbid(unsafe_code)]

pub mod args;
pub mod memory;
pub mod plot;
pub mod proxy;
pub mod scenario;

mod pattern;
mod pump;
mod resident;
