//! Free slots that threads share: a cache for each thread, and the depot between them.
//!
//! ```text
//! pool.alloc ─▶ table::find ─▶ Cache::pop ╌╌ empty ╌╌▶ Depot::take ─▶ magazine, loose or fresh slots
//! handle drop ▶ table::find ─▶ Cache::push ╌╌ full ╌╌▶ Depot::put  ─▶ magazine
//! ```

mod cache;
mod counting;
#[expect(
    clippy::module_inception,
    reason = "the depot itself, with its parts beside it"
)]
mod depot;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
mod desk;
#[cfg(not(all(feature = "async", target_has_atomic = "64")))]
#[path = "no_desk.rs"]
mod desk;
mod exact;
mod fresh;
mod loose;
mod magazine;
#[cfg(all(test, any(loom, shuttle)))]
mod models;
mod moves;
mod put;
mod reclaim;
mod registry;
pub(crate) mod table;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
mod waiting;
#[cfg(not(all(feature = "async", target_has_atomic = "64")))]
#[path = "no_waiting.rs"]
mod waiting;
#[cfg(all(test, any(loom, shuttle), feature = "async"))]
mod waiting_models;

pub(crate) use depot::{Depot, NO_POOL};
pub(crate) use fresh::{SharedShape, SharedSlab};
