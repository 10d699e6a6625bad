//! The core of the arenas: a pointer that moves up through chunks.
//!
//! ```text
//!   door ▶ Reserve ▶ Bump ▶ Cursor (hot)
//!                      ╰──▶ ArenaChunk ▶ provider (cold)
//! ```

mod chunk;
mod chunked;
mod cursor;
mod keep;
mod reserve;

pub(crate) use chunked::{Bump, Mark, UsedChunks};
pub(crate) use keep::{KeepList, Kept, KeptValue, Oldest};
pub(crate) use reserve::Reserve;
