//! Memory of a provider, in pieces of which each has one owner: what blocks are made of.
//!
//! ```text
//! Region::map ─▶ Extent ─ split ─▶ Extent ─▶ Run ─ carve ─▶ Storage ─ open ─▶ Part ─ freeze ─▶ View
//!                       ◀─ join ──         ◀─ finish     ◀─ retire  ◀─ the last of them released ─╯
//! ```
//!
//! Each of these is a value that is moved and never copied, so whatever safe code above does with them,
//! it cannot hand the same byte out twice. It can lose bytes; they come back when their region ends,
//! which every piece delays.

mod extent;
mod part;
mod storage;

pub(crate) use extent::{Extent, Keeper, MOST, PAGE, Region, Source};
pub(crate) use part::{Part, View};
pub(crate) use storage::{NO_ID, Note, Run, Storage};
