//! Values in, handles out.
//!
//! | pool | slots | handle | grows | gives back |
//! |---|---|---|---|---|
//! | [`FixedPool`] | one contiguous run | two words | no | when dropped |
//! | [`GrowingPool`] | slabs | one word | by a [`GrowthStrategy`] | empty slabs |
//! | [`ThreadSafePool`] | slabs behind a lock | one word, any thread | if told to | empty slabs |
//!
//! | [`RecyclePool`] | one contiguous run | two words | no | when dropped |
//! | [`BufferPool`] | one contiguous run, or slabs | three words | if told to | when dropped; empty slabs |
//! | `ThreadLocalPool` (`std`) | a growing pool for each thread | two words, its own thread | as it is told | empty slabs |
//!
//! A [`SharedPool`] over a pool of values makes handles that share a value.
//!
//! All but the thread-safe one are for one thread at a time: they can be sent, not shared. Pools of values have the same doors:
//! `alloc(value)`, `alloc_with(closure)`, `alloc_init()`, `alloc_uninit()`, and with `&mut self`
//! `iter_mut`, `drain` and `clear`. A recycling pool keeps its objects constructed: `acquire()`.

mod buffer;
mod config;
#[cfg(feature = "alloc")]
mod configured;
mod fixed;
mod growing;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
mod lock_free;
mod recycling;
mod shared;
mod store;
#[cfg(feature = "std")]
mod thread_local;
mod thread_safe;

#[cfg(feature = "alloc")]
pub use crate::raw::Deferred;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub use crate::raw::wait::{Timeout, Waiting};
pub use crate::raw::{
    AtAcquire, Checked, CheckedStrategy, FnHooks, FnRecycle, FromCapacity, HandOver, Hooks,
    Indexed, Intrusive, NoHooks, Poolable, PoolableHooks, Recycle, ResetAt, Strategy, ZeroOnFree,
};
pub use buffer::{AnyBits, BufferPool, NoPadding};
pub use config::{GrowthStrategy, InitializationStrategy, PoolConfig, PoolConfigBuilder};
#[cfg(feature = "alloc")]
pub use configured::ConfiguredRecycle;
pub use fixed::FixedPool;
pub use growing::GrowingPool;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub use lock_free::LockFreePool;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub use lock_free::{LockFreeAllocAsync, LockFreeAllocTimeout};
pub use recycling::RecyclePool;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub use recycling::{AcquireAsync, AcquireTimeout};
#[cfg(feature = "alloc")]
pub use shared::{ArcShared, ArcWeak, RcShared, RcWeak};
pub use shared::{LentHandle, LentHome, LentWeak, SharedPool};
#[cfg(feature = "alloc")]
pub use store::{ArcHandle, ArcHome, RcHandle, RcHome};
pub use store::{
    Buffer, Drain, FixedHandle, FixedHome, FixedVacant, GrowingHandle, GrowingHome, GrowingVacant,
    IterMut, LockedHome, Placed, RawBuffers, RecycleHome, Recycled, RecycledVacant, Rooted,
    Shareable, ThreadSafeHandle, ThreadSafeVacant,
};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub use store::{ForObject, ForSlot};
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub use store::{LockFreeHandle, LockFreeHome, LockFreeVacant};
#[cfg(feature = "std")]
pub use thread_local::{ThreadLocalHandle, ThreadLocalPool};
pub use thread_safe::ThreadSafePool;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub use thread_safe::{AllocAsync, AllocTimeout};
