//! A report as one file for a browser.
//!
//! The file has all it needs in it: styles, plots as SVG, no script. It loads nothing, so it can be
//! sent to somebody and reads the same there.

mod charts;
mod escape;
mod frame;
mod page;
mod palette;
mod tables;

pub use page::page;
