//! What is promised about blocks that are waited for, whoever polls the futures.
//!
//! The promises are functions over a [`dyn Executor`](Executor), so they are compiled once, and
//! [`executor_promises!`](crate::executor_promises) makes a test of each.

mod executor;
mod macros;
mod promise;

pub use executor::{Executor, Job, yield_now};
pub use promise::{
    any_number_may_wait, cancelled_at_any_poll, closing_ends_the_wait, freed_is_handed_over,
    the_timer_ends_the_wait,
};
