//! What an arena has.

use crate::raw::bump::Usage;

/// What an arena has, in bytes, and in how many chunks.
///
/// `reserved = allocated + available + wasted`, unless other threads allocate at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArenaUsage {
    /// Bytes from the provider.
    pub reserved: usize,
    /// Bytes handed out since the last reset, padding between values included, and in a
    /// [`SyncArena`](super::SyncArena) the pieces that its local arenas have.
    pub allocated: usize,
    /// Bytes to be handed out before another chunk is needed, if the requests happen to fit.
    pub available: usize,
    /// Bytes of headers, and at the ends of chunks that were left.
    pub wasted: usize,
    /// Chunks.
    pub chunks: usize,
}

impl From<Usage> for ArenaUsage {
    fn from(usage: Usage) -> Self {
        let accounted = usage.allocated.saturating_add(usage.room);
        Self {
            reserved: usage.reserved,
            allocated: usage.allocated,
            available: usage.room,
            wasted: usage.reserved.saturating_sub(accounted),
            chunks: usage.chunks,
        }
    }
}
