//! The core of the arenas: a pointer that moves up through chunks.
//!
//! ```text
//!   Arena, LockArena ▶ Bump ▶ Cursor (hot)
//!                       ╰───▶ ArenaChunk ▶ provider (cold)
//!   LocalArena ▶ Cursor (hot)
//!        ╰─────▶ SharedBump ▶ ArenaChunk ▶ provider (cold)
//!   SyncArena ─────╯
//! ```

mod chunk;
mod chunked;
mod cursor;
mod keep;
mod leftover;
mod mark;
mod reserve;
mod shared;
mod tally;
mod usage;

pub(crate) use chunk::ArenaChunk;
pub(crate) use chunked::{Bump, Need};
pub(crate) use cursor::Cursor;
pub(crate) use keep::{KeepList, Kept, KeptValue, Oldest};
pub(crate) use mark::Mark;
pub(crate) use reserve::Reserve;
pub(crate) use shared::SharedBump;
pub(crate) use usage::{Usage, UsedChunks};
