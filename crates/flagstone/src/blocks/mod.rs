//! Bytes under a budget: blocks that are pooled, shared without copying, and charged until the last byte
//! of them is gone.
//!
//! | type | is |
//! |---|---|
//! | [`Budget`] | a limit of bytes that can be waited for, fairly and without allocating |
//! | [`Reservation`], [`Scope`], [`TaskScope`] | an admitted share of it, a tenant's part, a task's |
//! | [`BlockAllocator`] | pooled memory whose blocks are charged to a budget |
//! | [`Block`] | bytes that one owner changes |
//! | [`BlockView`] | the same, shared and not changed any more |
//! | [`BlockId`] | the name of a block, found out when it is stale |
//!
//! ```
//! use core::alloc::Layout;
//! use flagstone::blocks::BlockAllocator;
//!
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let mut future = std::pin::pin!(future);
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     loop {
//! #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
//! #             return output;
//! #         }
//! #     }
//! # }
//! let blocks = BlockAllocator::new(64 << 20);
//! block_on(async {
//!     let mut block = blocks.alloc(Layout::new::<[u8; 16 << 10]>()).await?;
//!     block.write(0, b"a request")?;
//!     let request = block.freeze();
//!     let body = request.slice(2..);
//!     drop(request);
//!     assert_eq!(*body, *b"request");
//!     Ok::<(), Box<dyn core::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Where a block comes from
//!
//! ```text
//!            hot                  cold                   store
//!  alloc ─▶ ╭────────────╮     ╭──────────────╮     ╭──────────────────╮     provider
//!           │ magazines  │ ◀── │ magazines by │ ◀── │ slabs by class,  │ ◀── regions of
//!  drop ──▶ │ of a thread│ ──▶ │ class and age│ ──▶ │ free pieces      │ ──▶ ≤ 1 GiB
//!           ╰────────────╯     ╰──────────────╯     ╰──────────────────╯
//!            charged            charged              not charged
//! ```
//!
//! | tier | progress | who can make whom wait |
//! |---|---|---|
//! | hot | wait-free for its thread, unless another takes what is in it: then the thread goes to the next tier | who takes waits for the end of the owner's current call, some dozen instructions |
//! | cold | a lock for each class | those who move magazines of one class at the same moment, for a few instructions |
//! | provider | its own | who finds no room while memory is on its way from the provider or to it waits for that call, in another thread; a provider must not wait for one that allocates here |
//! | store | one lock | those who miss both caches; constant time, but for slabs that come and go (logarithmic), and for [`audit`](BlockAllocator::audit) |
//! | budget | lock-free while nobody waits | see [`Budget`] |
//!
//! Nobody else's code runs under any of these locks: neither a provider's, nor a waker's, nor a hook's. The
//! global allocator may be called under those of the second and third tier, so it must not itself be made
//! of blocks.
//!
//! # What is promised about bytes
//!
//! - What is charged is the size of a block's class; what is asked for is at least four fifths of it, with
//!   the sizes that are used unless told otherwise. All of the budget can be had.
//! - Free blocks in caches stay charged. Before anybody is refused or waits, all caches of all threads are
//!   emptied; while somebody waits, what is freed goes past them.
//! - Resident memory is what is in use, what is cached, which both are charged, and the *slack* that
//!   [`snapshot`](BlockAllocator::snapshot) says, and no more, but for the rest of the last page of each slab
//!   and piece. Slack is free blocks of slabs that are in use, less than a slab for each of them, and
//!   memory that nothing is in, at most [`idle_bytes`](BlockAllocatorConfig::idle_bytes) of it when
//!   whoever freed something has returned; the rest went back, if the provider takes it. What a program
//!   maps and allocates elsewhere is not in these numbers, nor what a system makes of them that backs
//!   memory by huge pages without being asked.
//! - Bookkeeping is 64 bytes for each block that was ever out at once, in allocations of that size.
//! - Neither a block nor waiting for one allocates in the steady state. A split does (64 bytes), and so does
//!   what `bytes::Bytes` counts by.
//! - A block that is forgotten (`mem::forget`) stays charged for ever.

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
#[cfg(all(test, shuttle))]
mod long_models;
mod moving;
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
    ReserveMany, ReserveTimeout, Scope, ScopeBuilder, ScopeSnapshot, TaskScope, Timeout, WaitTimes,
    Waiting,
};
pub use config::{BlockAllocatorConfig, BlockAllocatorConfigBuilder, Oversize, ZeroPolicy};
pub use error::{BlockError, BlockIdError, OutOfBounds, StaleBlock};
pub use id::BlockId;
pub use report::{BlockAuditError, BlockSnapshot};
pub use view::BlockView;
