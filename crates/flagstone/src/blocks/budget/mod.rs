//! Budgets: how many bytes there may be, who has them, and who waits.

mod contract;

pub use contract::*;
