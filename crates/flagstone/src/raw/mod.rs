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
mod home;
mod hooks;
mod idle;
mod lifecycle;
mod list;
mod run;
mod slab;
mod slabs;
mod strategy;
mod touch;

pub use home::{Home, PinHome};
pub use hooks::{FnHooks, Hooks, NoHooks, Poolable, PoolableHooks};
pub(crate) use idle::Idle;
pub(crate) use lifecycle::{PutBack, release, retire, welcome};
pub(crate) use run::Run;
pub(crate) use slab::{Slab, SlabShape};
pub(crate) use slabs::{SlabCursor, Slabs};
pub(crate) use strategy::{Attach, Cursor};
pub use strategy::{Checked, CheckedStrategy, FromCapacity, Indexed, Intrusive, Strategy};
pub(crate) use touch::touch;
