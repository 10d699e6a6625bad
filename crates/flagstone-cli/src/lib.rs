//! The `flagstone` command: records a program's allocations and replays them with different
//! allocators.
//!
//! ```text
//! flagstone record -o git.flagtrace -- git log     what did the program allocate?
//! flagstone info git.flagtrace                     how much, how large, for how long?
//! flagstone replay git.flagtrace                   how would other allocators do?
//! flagstone diff before.json after.json            what changed between two replays?
//! flagstone import heaptrack.git.7.zst             traces from other tools' files
//! flagstone export --to pprof -o g.pb git.flagtrace   files for other tools
//! ```
//!
//! This crate is a library only so that its parts can be tested and another contender can be
//! written against [`replay::Contender`]; the command is `main.rs`, which adds nothing to it.

pub mod args;
pub mod command;
pub mod info;
pub mod replay;
pub mod report;

mod bundled;
mod failure;
mod fitness;
mod output;
mod progress;
mod source;
mod symbols;
mod totals;
mod whole_file;

pub use bundled::{BUNDLED, Bundled};
pub use failure::Failure;
pub use source::{Source, SourceBytes, SourceReader};
