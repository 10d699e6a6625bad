//! Blocks as buffers of the crate `bytes`.
#![expect(
    unsafe_code,
    reason = "`BufMut` is unsafe to implement; bytes are counted as written at its caller's word"
)]

use bytes::{Buf, BufMut, Bytes, buf::UninitSlice};

use super::{block::Block, view::BlockView};

// SAFETY: `chunk_mut` is the room behind the written bytes, as long as `remaining_mut` says, and the same
// until `advance_mut` counts some of it as written.
unsafe impl BufMut for Block {
    fn remaining_mut(&self) -> usize {
        self.capacity() - self.len()
    }

    unsafe fn advance_mut(&mut self, count: usize) {
        let room = self.remaining_mut();
        assert!(count <= room, "{count} bytes written into a room of {room}");
        // SAFETY: within the capacity, and the caller has initialised them.
        unsafe { self.part_mut().assume_init(count) };
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        UninitSlice::uninit(self.spare_mut())
    }

    fn put_slice(&mut self, bytes: &[u8]) {
        let room = self.remaining_mut();
        let fits = self.extend_from_slice(bytes).is_ok();
        assert!(fits, "{} bytes put into a room of {room}", bytes.len());
    }
}

/// Reads from the front, and forgets what was read.
impl Buf for BlockView {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        self
    }

    fn advance(&mut self, count: usize) {
        Self::advance(self, count);
    }
}

/// Without copying: one allocation for what `Bytes` counts by. The charge leaves with the last `Bytes` of
/// it. There is no way back from `Bytes`.
impl From<BlockView> for Bytes {
    fn from(view: BlockView) -> Self {
        Self::from_owner(view)
    }
}

/// As from a view: [`Block::freeze`] comes first.
impl From<Block> for Bytes {
    fn from(block: Block) -> Self {
        Self::from_owner(block.freeze())
    }
}
