//! Every formula on size, alignment, stride, growth and size class: checked `const fn`s on
//! integers, no pointers.
//!
//! A formula that cannot be satisfied answers `None`; nothing here wraps or panics.

mod buffer;
mod chunk;
mod growth;
mod round;
mod run;
mod size_class;
mod slab;
mod slot;
#[cfg(all(
    feature = "heap",
    feature = "std",
    unix,
    target_pointer_width = "64",
    any(not(any(loom, shuttle)), all(test, loom))
))]
pub(crate) mod span;

pub(crate) use buffer::BufferLayout;
pub(crate) use chunk::{ChunkGrowth, ChunkPlan};
pub use growth::{clamp_growth, exponential_growth};
pub use round::{align_down, align_up};
pub(crate) use run::RunLayout;
pub use size_class::SizeClasses;
pub use slab::SlabLayout;
pub use slot::SlotLayout;

/// Largest alignment the `alignment` knobs accept, in bytes. A type may itself ask for more.
pub const MAX_ALIGNMENT: usize = 4096;
