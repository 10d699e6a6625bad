//! Naive versions of the library's structures, to compare with: obviously right, and slow.

mod buffers;
mod index;
mod pool;
mod recycle;
mod region;

pub use buffers::NaiveBuffers;
pub use index::NaiveIndex;
pub use pool::NaivePool;
pub use recycle::{NaiveObject, NaiveRecycle};
pub use region::NaiveRegion;
