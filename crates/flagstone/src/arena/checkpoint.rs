//! A state of an arena.

use crate::raw::bump::{Mark, Oldest};

/// A state of an arena to go back to; made by [`Arena::checkpoint`](super::Arena::checkpoint).
///
/// Neither `Send` nor `Sync`, like everything that points into an arena by itself.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    pub(super) mark: Mark,
    /// The newest value with a destructor that stays.
    pub(super) stays: Oldest,
}
