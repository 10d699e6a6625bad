//! Values in, handles out.
//!
//! | pool | slots | handle | grows | gives back |
//! |---|---|---|---|---|
//! | [`FixedPool`] | one contiguous run | two words | no | when dropped |
//! | [`GrowingPool`] | slabs | one word | by a [`GrowthStrategy`] | empty slabs |
//!
//! | [`RecyclePool`] | one contiguous run | two words | no | when dropped |
//! | [`BufferPool`] | one contiguous run, or slabs | three words | if told to | when dropped; empty slabs |
//!
//! All are for one thread at a time: they can be sent, not shared. Pools of values have the same doors:
//! `alloc(value)`, `alloc_with(closure)`, `alloc_init()`, `alloc_uninit()`, and with `&mut self`
//! `iter_mut`, `drain` and `clear`. A recycling pool keeps its objects constructed: `acquire()`.

mod buffer;
mod config;
mod fixed;
mod growing;
mod recycle;
mod recycling;
mod store;

pub use crate::raw::{
    Checked, CheckedStrategy, FnHooks, FromCapacity, Hooks, Indexed, Intrusive, NoHooks, Poolable,
    PoolableHooks, Strategy,
};
pub use buffer::{AnyBits, BufferPool, NoPadding};
pub use config::{GrowthStrategy, InitializationStrategy, PoolConfig, PoolConfigBuilder};
pub use fixed::FixedPool;
pub use growing::GrowingPool;
#[cfg(feature = "alloc")]
pub use recycle::ConfiguredRecycle;
pub use recycle::{AtAcquire, FnRecycle, Recycle, ResetAt};
pub use recycling::RecyclePool;
pub use store::{
    Buffer, Drain, FixedHandle, FixedHome, FixedVacant, GrowingHandle, GrowingHome, GrowingVacant,
    IterMut, RawBuffers, RecycleHome, Recycled, RecycledVacant,
};
