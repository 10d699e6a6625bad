//! Values in, handles out.
//!
//! | pool | slots | handle | grows | gives back |
//! |---|---|---|---|---|
//! | [`FixedPool`] | one contiguous run | two words | no | when dropped |
//! | [`GrowingPool`] | slabs | one word | by a [`GrowthStrategy`] | empty slabs |
//! | [`ThreadSafePool`] | slabs behind a lock | one word, any thread | if told to | empty slabs |
//!
//! | `ThreadLocalPool` (`std`) | a growing pool for each thread | two words, its own thread | as it is told | empty slabs |
//!
//! A [`SharedPool`] over any of them makes handles that share a value.
//!
//! The first two are for one thread at a time: they can be sent, not shared. Every pool has the same doors:
//! `alloc(value)`, `alloc_with(closure)`, `alloc_init()`, `alloc_uninit()`, and with `&mut self`
//! `iter_mut`, `drain` and `clear`.

mod config;
mod fixed;
mod growing;
mod shared;
mod store;
#[cfg(feature = "std")]
mod thread_local;
mod thread_safe;

#[cfg(feature = "alloc")]
pub use crate::raw::Deferred;
pub use crate::raw::{
    Checked, CheckedStrategy, FnHooks, FromCapacity, HandOver, Hooks, Indexed, Intrusive, NoHooks,
    Poolable, PoolableHooks, Strategy, ZeroOnFree,
};
pub use config::{GrowthStrategy, InitializationStrategy, PoolConfig, PoolConfigBuilder};
pub use fixed::FixedPool;
pub use growing::GrowingPool;
#[cfg(feature = "alloc")]
pub use shared::{ArcShared, ArcWeak, RcShared, RcWeak};
pub use shared::{LentHandle, LentHome, LentWeak, SharedPool};
#[cfg(feature = "alloc")]
pub use store::{ArcHandle, ArcHome, RcHandle, RcHome};
pub use store::{
    Drain, FixedHandle, FixedHome, FixedVacant, GrowingHandle, GrowingHome, GrowingVacant, IterMut,
    LockedHome, Placed, Rooted, Shareable, ThreadSafeHandle, ThreadSafeVacant,
};
#[cfg(feature = "std")]
pub use thread_local::{ThreadLocalHandle, ThreadLocalPool};
pub use thread_safe::ThreadSafePool;
