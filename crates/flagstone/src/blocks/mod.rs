//! Bytes under a budget: blocks that are pooled, shared without copying, and charged until the last byte
//! of them is gone.

mod allocator;
mod block;
mod budget;
#[cfg(feature = "bytes")]
mod bytes;
mod class;
mod cold;
mod config;
mod core;
mod error;
mod hot;
mod id;
mod report;
mod runs;
mod stack;
mod store;
mod tidy;
mod view;

pub use allocator::{BlockAllocator, BlockRegion, BlockRegions};
pub use block::Block;
pub use budget::{
    Budget, BudgetConfig, BudgetError, BudgetErrorKind, BudgetSnapshot, Bytes, Capacity, Holder,
    Level, Many, Observation, Order, Pass, Pressure, Priority, ReliefHook, Reservation, Reserve,
    ReserveMany, ReserveTimeout, Scope, ScopeBuilder, ScopeSnapshot, TaskScope, Timeout, Waiting,
};
pub use config::{BlockAllocatorConfig, BlockAllocatorConfigBuilder, Oversize, ZeroPolicy};
pub use error::{BlockError, BlockIdError, OutOfBounds, StaleBlock};
pub use id::BlockId;
pub use report::{BlockAuditError, BlockSnapshot};
pub use view::BlockView;
