//! Buffers: runs of elements of one length.

mod buffers;
mod plain;

pub use buffers::BufferPool;
pub use plain::{AnyBits, NoPadding};
