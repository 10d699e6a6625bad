//! Budgets: how many bytes there may be, who has them, and who waits.
//!
//! ```text
//! Budget, Scope, TaskScope ──▶ Ledger ─┬─ Balance: what is left, in one word
//!                                      ├─ Account of each scope
//!                                      ├─ WaitQueue: who waits, granted as `order` says
//!                                      └─ Relief: who is asked before anybody waits
//! ```
#![forbid(unsafe_code)]

mod account;
mod books;
mod capacity;
mod config;
mod door;
mod error;
mod hook;
mod ledger;
#[cfg(all(test, shuttle))]
pub(super) mod long_models;
#[cfg(all(test, loom))]
mod models;
mod order;
mod plan;
mod policy;
mod pressure;
mod relief;
mod reservation;
mod scope;
mod snapshot;
mod system;
mod task;
mod tenant;
mod waits;

pub use crate::raw::wait::{Timeout, Waiting};
pub(crate) use books::Charge;
pub use capacity::Capacity;
pub use config::BudgetConfig;
pub use door::Budget;
pub use error::{BudgetError, BudgetErrorKind, Holder};
pub use hook::ReliefHook;
pub use plan::{Bytes, Many, Reserve, ReserveMany, ReserveTimeout};
pub use policy::{Order, Priority};
pub use pressure::{Level, Observation, Pressure};
pub use relief::Pass;
pub(crate) use relief::Shortage;
pub use reservation::Reservation;
pub use scope::{Scope, ScopeBuilder};
pub use snapshot::{BudgetSnapshot, ScopeSnapshot};
pub use task::TaskScope;
pub use waits::WaitTimes;
