//! What the recorder inside a program leaves behind: one spool file per process image.
//!
//! The recorder writes to the folder that the environment variable [`SPOOL_VARIABLE`] names.
//! A [`Control`] in that folder says how. [`processes`] finds the files, and [`merge`](crate::merge) makes a trace of one.

mod control;
mod cursor;
mod file;
#[expect(dead_code, reason = "the recorder includes this file as well")]
pub(crate) mod format;

pub use control::Control;
pub(crate) use cursor::{Cursor, Record};
pub(crate) use file::Segment;
pub use file::{Spool, processes};
pub(crate) use format::{DEPTH_LIMIT, FIRST_SEGMENT, Op};

/// Name of the environment variable with the absolute path of the folder for spool files.
pub const SPOOL_VARIABLE: &str = format::SPOOL_VARIABLE;
