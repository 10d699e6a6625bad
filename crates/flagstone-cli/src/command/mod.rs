//! What each subcommand does.
//!
//! A subcommand goes on with the next trace when one fails, so it may have several failures to
//! report; results it did get are printed in any case.

mod diff;
mod dispatch;
mod export;
mod import;
mod info;
mod record;
mod replay;

pub use dispatch::run;
