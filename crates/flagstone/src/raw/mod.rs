//! The audited core: slots, lists, slabs, and the order in which values come and go.
//!
//! Address arithmetic on slots happens here and nowhere else. The doors (pools today; slabs, arenas
//! and the heap later) put types and policies on top.
//!
//! ```text
//!            take()                     put(slot)
//!   door ──────────▶ Run + Strategy ◀────────────── Home ◀── handle      contiguous, FixedPool
//!   door ──────────▶ Slabs ▶ Slab   ◀────────────── Home ◀── handle      slabs, GrowingPool
//!                         ╰──▶ LocalList ◀──╯
//! ```
//!
//! `LocalList` is the one intrusive list under both.
#![expect(unsafe_code, reason = "the unsafe core; see docs/unsafe.md")]

mod bits;
pub(crate) mod bump;
mod count;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub(crate) mod depot;
#[cfg(all(
    feature = "heap",
    feature = "std",
    unix,
    target_pointer_width = "64",
    any(not(any(loom, shuttle)), all(test, loom))
))]
pub(crate) mod heap;
mod home;
mod hooks;
mod idle;
mod lifecycle;
mod list;
mod locate;
mod mapped;
mod policy;
mod recycle;
#[cfg(all(feature = "blocks", target_has_atomic = "64"))]
pub(crate) mod region;
pub(crate) mod remote;
mod run;
mod slab;
mod slabs;
mod strategy;
mod ticket;
mod touch;
#[cfg(all(feature = "blocks", target_has_atomic = "64"))]
pub(crate) mod turn;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
#[cfg_attr(
    not(feature = "blocks"),
    expect(
        dead_code,
        unused_imports,
        reason = "budgets use more of it than pools"
    )
)]
pub(crate) mod wait;

#[cfg(target_has_atomic = "64")]
pub use count::AtomicCount;
pub(crate) use count::Counter;
use count::too_many;
pub use count::{Count, LocalCount};
pub use home::{Home, PinHome, SharedHome, ValueHome};
pub use hooks::{FnHooks, Hooks, NoHooks, Poolable, PoolableHooks};
pub(crate) use idle::Idle;
pub(crate) use lifecycle::{PutBack, put_after_move, release, retire, welcome};
pub use mapped::Mapped;
#[cfg(feature = "alloc")]
pub use policy::Deferred;
#[cfg(all(feature = "blocks", target_has_atomic = "64"))]
pub(crate) use policy::zero;
pub use policy::{HandOver, ZeroOnFree};
pub(crate) use policy::{PolicyOf, ScrubOf};
pub use recycle::{AtAcquire, FnRecycle, Recycle, ResetAt};
pub(crate) use run::Run;
pub(crate) use slab::{Slab, SlabShape};
pub(crate) use slabs::{MOST_PER_FREE, SlabCursor, Slabs};
pub(crate) use strategy::{Attach, Cursor};
pub use strategy::{Checked, CheckedStrategy, FromCapacity, Indexed, Intrusive, Strategy};
pub use ticket::Ticket;
pub(crate) use ticket::Tickets;
pub(crate) use touch::touch;
