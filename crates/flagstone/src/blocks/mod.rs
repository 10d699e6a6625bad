//! Bytes under a budget.

mod budget;

pub use budget::*;
