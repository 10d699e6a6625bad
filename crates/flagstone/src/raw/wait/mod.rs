//! Waiting for something that is counted: bytes of a budget, slots of a pool.
//!
//! ```text
//! take ──▶ Balance: enough, and nobody waits ──▶ done, without a lock
//!            │  else
//!            ▼
//!          WaitQueue: the future's own node is linked in ◀── give: Balance says that somebody waits
//!                     granted in order, woken outside the lock
//! ```

mod balance;

pub(crate) use balance::{Balance, MOST};
