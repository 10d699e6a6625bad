//! What a replay showed: as data, in the terminal and as a page.
//!
//! ```text
//! Contest ─ build ─▶ Document ─┬─ terminal   a table, sparklines, sentences
//!                              ├─ html       one file with plots
//!                              └─ JSON       for `flagstone diff` and other programs
//! ```
//!
//! Everything that is shown is in the [`Document`], so that a page says nothing that a program
//! could not read. `docs/replay-json.md` describes it.

mod build;
mod curve;
mod diff;
mod document;
mod estimate;
mod html;
mod machine;
mod spark;
mod terminal;
mod verdict;
mod words;

pub use build::{Recording, replay_of};
pub use curve::{LiveCurve, LivePoint};
pub use diff::Diff;
pub use document::{
    Bar, Document, Entrant, Latency, LeftOut, Memory, Replay, SCHEMA, SortLatency, TraceFacts,
};
pub use estimate::Estimate;
pub use html::page;
pub use machine::Machine;
