//! What the library's promises are tested with. Not published.
//!
//! | room | holds |
//! |---|---|
//! | [`provider`] | providers that count, refuse, lie, call back and lend |
//! | [`value`] | values that are counted, over-aligned, zero-sized or large |
//! | [`hooks`] | hooks that log and panic |
//! | [`fuse`] | the one way a test panics on purpose |
//! | [`model`] | naive versions of the structures, to compare with |
//! | [`threads`] | threads that are waited for to the ends of their locals |
//! | [`heap_watch`] | counts what a thread asks of the global allocator |
//! | `executors` | what is promised about waiting for blocks, for any executor (feature `blocks`) |
//! | [`mod@conformance`] | the promises, one generic function each, and the macro that names them |
//!
//! The kit panics where a test would: a broken promise is an assertion that failed.

pub mod conformance;
#[cfg(feature = "blocks")]
pub mod executors;
pub mod fuse;
pub mod heap_watch;
pub mod hooks;
pub mod leaked;
pub mod model;
pub mod provider;
pub mod threads;
pub mod value;
