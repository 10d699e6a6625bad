//! The layer, and a server that shows it; `README.md` tells of both.
#![forbid(unsafe_code)]

pub mod body;
pub mod layer;
pub mod refusal;
pub mod server;

mod collect;
