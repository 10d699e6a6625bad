//! Traces from other tools' files.
//!
//! [`import`](import()) tells the format by the file's beginning. What each format has and lacks is said at
//! [`Origin`](crate::Origin), and stored in the trace's header.

mod dhat;
mod error;
mod format;
mod heaptrack;
mod input;

pub use error::ImportError;
pub use format::{ImportFormat, Imported, import, import_as};
