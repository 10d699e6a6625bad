//! What an arena has, for whoever looks.

use core::ptr::NonNull;

use super::chunk::Link;

/// Walks the chunks in use.
#[derive(Debug)]
pub(crate) struct UsedChunks(Link);

impl UsedChunks {
    /// From the chunk `top` on.
    pub(super) fn from(top: Link) -> Self {
        Self(top)
    }

    /// The used bytes of the next chunk.
    ///
    /// # Safety
    ///
    /// The bump is alive, and nothing was handed out or taken back since the walk began.
    pub(crate) unsafe fn next(&mut self) -> Option<NonNull<[u8]>> {
        let chunk = NonNull::new(self.0)?;
        // SAFETY: a chunk in use, by the caller's promise.
        let header = unsafe { chunk.as_ref() };
        self.0 = header.next();
        Some(header.used_bytes())
    }
}

/// What a bump has, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Bytes of all chunks.
    pub(crate) reserved: usize,
    /// Handed out, padding included.
    pub(crate) allocated: usize,
    /// Still to be handed out: the rest of the current chunk, and spare chunks.
    pub(crate) room: usize,
    /// How many chunks there are.
    pub(crate) chunks: usize,
}
