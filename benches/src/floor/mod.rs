//! Floors: hand-written, unchecked versions of the mechanisms, doing the work each must do.
//!
//! A floor has the same interface as ours (`alloc(value) -> Result`, a handle that frees on drop)
//! and the same footprint (within 2 %), and nothing else: no counters beyond what giving slabs back needs, no
//! checks, no hooks, no way to use it wrongly and survive. Ratios to a floor say what safety and
//! generality cost; ratios to a rival say whether it was worth it. Where several shapes are
//! possible all of them run, and the fastest of a run counts.

mod bitmap;
mod fixed;
mod growing;
mod recycle;

pub(crate) use bitmap::BitmapFloor;
pub(crate) use fixed::FixedFloor;
pub(crate) use growing::GrowingFloor;
pub(crate) use recycle::RecycleFloor;
