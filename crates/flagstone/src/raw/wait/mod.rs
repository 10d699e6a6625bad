//! Waiting for something that is counted: bytes of a budget, slots of a pool.
//!
//! ```text
//! take ──▶ Balance: enough, and nobody waits ──▶ done, without a lock
//!            │  else
//!            ▼
//!          WaitQueue: the future's own node is linked in ◀── give: Balance says that somebody waits
//!                     answered in order, woken outside the lock
//! ```
//!
//! A node lies in the future (or on the stack of the thread) that waits, so waiting allocates nothing.
//! What it waits for is handed to it directly: an answer is written into the node under the queue's
//! lock, and nobody else can have it.

mod balance;
mod given;
mod line;
#[cfg(all(test, loom))]
mod models;
mod queue;
mod timeout;
mod waiter;
mod waiting;
mod wake;

pub(crate) use balance::{Balance, MOST};
pub(crate) use given::Given;
pub(crate) use queue::{Held, WaitQueue};
pub use timeout::Timeout;
pub(crate) use waiter::{Queued, Waiter};
pub(crate) use waiting::Plan;
pub use waiting::Waiting;
pub(crate) use wake::{Asker, Panicked};
