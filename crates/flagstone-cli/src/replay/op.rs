//! One operation of a window, as a worker carries it out.

use super::lifetime::Lifetime;

/// What to do with one slot: a fixed-size record without names that need looking up.
///
/// A worker streams through these while it is timed, so everything that costs a lookup (which
/// object, how large it was) has been settled by the [`Planner`](super::planner::Planner) before.
/// 32 bytes: two to a cache line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Op {
    /// Bytes of the object after this operation; of a free: the bytes it had. Never 0.
    pub(super) size: u64,
    /// Bytes before a reallocation, 0 for the other kinds.
    pub(super) old_size: u64,
    /// Which slot of the [`SlotTable`](super::slots::SlotTable) holds the object's address.
    pub(super) slot: u32,
    /// Operations that must have been completed on the slot before this one may start.
    pub(super) turn: u32,
    pub(super) kind: OpKind,
    pub(super) align_log2: u8,
    /// What an allocator is told that asks for it.
    pub(super) lifetime: Lifetime,
}

/// What an [`Op`] asks of the allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OpKind {
    #[default]
    Alloc,
    AllocZeroed,
    Realloc,
    Free,
}

impl Op {
    pub(super) fn align(&self) -> usize {
        1 << self.align_log2
    }
}
