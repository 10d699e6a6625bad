//! Values that notice what is done to them.
//!
//! | value | for |
//! |---|---|
//! | [`Tracked`] | counts births and deaths, finds double drops and overwritten bytes, panics in `Drop` |
//! | [`Tracked<Page>`](Page) | the same, aligned to 4096 |
//! | [`Tracked<Bulk>`](Bulk) | the same, many pages of a slab |
//! | [`Ghost`] | zero-sized, with a destructor |

mod census;
mod ghost;
mod tracked;

pub use census::{Census, Event};
pub use ghost::Ghost;
pub use tracked::{Bulk, Page, Tracked};
