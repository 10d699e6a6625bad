//! The allocators that replay a trace against each other.
//!
//! To add one: implement [`Contender`] in a file of its own and add it to the list of [`contenders`]. It needs
//! an allocator that is a [`GlobalAlloc`](std::alloc::GlobalAlloc), the trait that Rust's
//! allocators implement anyway:
//!
//! ```
//! use flagstone_cli::replay::{Alone, Contender, Measured, Shared, Stopped};
//! use std::alloc::System;
//!
//! #[derive(Debug)]
//! struct Mine;
//!
//! impl Contender for Mine {
//!     fn name(&self) -> &'static str {
//!         "mine"
//!     }
//!     fn about(&self) -> &'static str {
//!         "the allocator of this example"
//!     }
//!     fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped> {
//!         stage.play(|| System)
//!     }
//!     fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped> {
//!         stage.play(|| System)
//!     }
//! }
//! ```
//!
//! An allocator that has a use for knowing which objects die together implements
//! [`LifetimeAlloc`](super::LifetimeAlloc) instead and is played with `play_with_lifetimes`.
//!
//! The replay is compiled for each allocator's type, so no call is indirect and all pay the same.

mod arenas;
mod contract;
#[cfg(all(unix, target_pointer_width = "64"))]
mod heap;
mod list;
mod pools;
mod rivals;
mod system;

pub use contract::Contender;
pub use list::{contender_named, contenders, perform};
pub(crate) use rivals::not_built;
