//! Naive versions of the library's structures, to compare with: obviously right, and slow.

mod arena;
mod arena_op;
mod arena_replay;
mod buffers;
mod index;
mod pool;
mod recycle;
mod region;

pub use arena::{Block, NaiveArena};
pub use arena_op::ArenaOp;
pub use arena_replay::replay_arena;
pub use buffers::NaiveBuffers;
pub use index::NaiveIndex;
pub use pool::NaivePool;
pub use recycle::{NaiveObject, NaiveRecycle};
pub use region::NaiveRegion;
