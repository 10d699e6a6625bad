//! Names of blocks, good until the block is gone.
#![forbid(unsafe_code)]

use alloc::{boxed::Box, vec::Vec};
use core::mem;
use std::sync::OnceLock;

use lock_api::{Mutex, MutexGuard};

use super::error::{BlockIdError, StaleBlock};
use crate::{
    raw::region::{NO_ID, Part},
    sync::{
        DefaultLock,
        atomic::{AtomicU32, Ordering},
        default_lock,
    },
};

/// The name of a block of one allocator: an index, and how often the index was used before.
///
/// Copy it, send it, store it: it is a number, and no right to anything as long as somebody has the
/// [`Block`](super::Block). A block that was [detached](super::BlockAllocator::detach) is read, written,
/// freed and attached again by its id. An id of a block that is gone is found out by one compare, for
/// ever: the generation is counted up when a block with a name is freed, and an index whose generation
/// cannot be counted any more is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId {
    index: u32,
    generation: u32,
}

impl BlockId {
    /// The index, unique among the blocks that have names now.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How often the index was used before.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

/// The first entries; each further row has as many as all before it.
const FIRST: u32 = 64;
const ROWS: usize = 26;

/// What an index stands for.
struct Entry {
    generation: u32,
    state: State,
}

enum State {
    /// No block, or not any more.
    Free,
    /// A block that somebody has.
    Attached,
    /// A block that nobody has.
    Detached(Part),
}

type Locked = Mutex<DefaultLock, Entry>;

/// The names that an allocator has given.
///
/// A lock for each, held while a block is read or written by its id. Rows stay.
pub(super) struct Ids {
    rows: [OnceLock<Box<[Locked]>>; ROWS],
    /// Indices that were freed, and those not used yet.
    free: Mutex<DefaultLock, Vec<u32>>,
    fresh: AtomicU32,
    /// An index that reaches this generation is not used again.
    last: u32,
}

impl Ids {
    pub(super) fn new() -> Self {
        Self::until(u32::MAX)
    }

    fn until(last: u32) -> Self {
        Self {
            rows: [const { OnceLock::new() }; ROWS],
            free: Mutex::from_raw(default_lock(), Vec::new()),
            fresh: AtomicU32::new(0),
            last,
        }
    }

    /// The entry of an index that was given; `None` of one that was not.
    fn entry(&self, index: u32) -> Option<&Locked> {
        let (row, at) = place(index);
        self.rows.get(row)?.get()?.get(at as usize)
    }

    /// The entry that an id names, if it still does.
    fn find(&self, id: BlockId) -> Result<MutexGuard<'_, DefaultLock, Entry>, BlockIdError> {
        let entry = self.entry(id.index).ok_or(BlockIdError::foreign())?.lock();
        if entry.generation != id.generation {
            return Err(StaleBlock {
                expected: id.generation,
                found: entry.generation,
            }
            .into());
        }
        if matches!(entry.state, State::Free) {
            return Err(BlockIdError::foreign());
        }
        Ok(entry)
    }

    /// A name for a block that somebody has; `None` when there are no more.
    pub(super) fn give(&self) -> Option<BlockId> {
        let freed = self.free.lock().pop();
        let index = match freed {
            Some(index) => index,
            None => {
                // Not counted on when there are no more: it would begin again.
                let next = |fresh| (place(fresh).0 < ROWS).then_some(fresh + 1);
                // Relaxed, both: a number that publishes nothing.
                let fresh = &self.fresh;
                fresh
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
                    .ok()?
            }
        };
        let (row, at) = place(index);
        let row = self.rows.get(row)?.get_or_init(|| new_row(row));
        let mut entry = row.get(at as usize)?.lock();
        entry.state = State::Attached;
        Some(BlockId {
            index,
            generation: entry.generation,
        })
    }

    /// The name with that index, of a block that somebody has.
    pub(super) fn of(&self, index: u32) -> Option<BlockId> {
        let generation = self.entry(index)?.lock().generation;
        Some(BlockId { index, generation })
    }

    /// Whether an id still names a block.
    pub(super) fn verify(&self, id: BlockId) -> Result<(), BlockIdError> {
        self.find(id).map(drop)
    }

    /// Has `f` use a block that nobody has.
    pub(super) fn with<R>(
        &self,
        id: BlockId,
        f: impl FnOnce(&mut Part) -> R,
    ) -> Result<R, BlockIdError> {
        match &mut self.find(id)?.state {
            State::Detached(part) => Ok(f(part)),
            _ => Err(BlockIdError::attached()),
        }
    }

    /// Nobody has the block of that name any more.
    pub(super) fn detach(&self, id: BlockId, part: Part) {
        if let Some(entry) = self.entry(id.index) {
            entry.lock().state = State::Detached(part);
        }
    }

    /// Somebody has it again.
    pub(super) fn attach(&self, id: BlockId) -> Result<Part, BlockIdError> {
        let mut entry = self.find(id)?;
        match mem::replace(&mut entry.state, State::Attached) {
            State::Detached(part) => Ok(part),
            _ => Err(BlockIdError::attached()),
        }
    }

    /// The block of that name, which somebody had, is gone.
    pub(super) fn end(&self, id: BlockId) {
        if let Ok(entry) = self.find(id) {
            self.finish(id, entry);
        }
    }

    /// Ends the name of a block that nobody has; the block.
    pub(super) fn free(&self, id: BlockId) -> Result<Part, BlockIdError> {
        let entry = self.find(id)?;
        if matches!(entry.state, State::Attached) {
            return Err(BlockIdError::attached());
        }
        match self.finish(id, entry) {
            State::Detached(mut part) => {
                part.set_id(NO_ID);
                Ok(part)
            }
            _ => Err(BlockIdError::foreign()),
        }
    }

    fn finish(&self, id: BlockId, mut entry: MutexGuard<'_, DefaultLock, Entry>) -> State {
        let state = mem::replace(&mut entry.state, State::Free);
        entry.generation += 1;
        let used_up = entry.generation == self.last;
        drop(entry);
        if !used_up {
            self.free.lock().push(id.index);
        }
        state
    }

    /// Takes out all blocks that nobody has, one by one.
    pub(super) fn take_all(&self, mut take: impl FnMut(Part)) {
        let rows = self.rows.iter().filter_map(OnceLock::get);
        for entry in rows.flatten() {
            let mut entry = entry.lock();
            if let State::Detached(_) = entry.state {
                entry.generation = entry.generation.saturating_add(1);
                let state = mem::replace(&mut entry.state, State::Free);
                drop(entry);
                if let State::Detached(mut part) = state {
                    part.set_id(NO_ID);
                    take(part);
                }
            }
        }
    }
}

/// The row of an index, and where in it.
fn place(index: u32) -> (usize, u32) {
    let row = (index / FIRST + 1).ilog2();
    (row as usize, index - FIRST * ((1 << row) - 1))
}

fn new_row(row: usize) -> Box<[Locked]> {
    let entries = (0..FIRST << row).map(|_| {
        let entry = Entry {
            generation: 0,
            state: State::Free,
        };
        Mutex::from_raw(default_lock(), entry)
    });
    entries.collect()
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_used_up_is_not_used_again() {
        let ids = Ids::until(3);
        for generation in 0..3 {
            let id = ids.give().unwrap();
            assert_eq!((id.index, id.generation), (0, generation));
            ids.end(id);
            assert_eq!(
                ids.verify(id).unwrap_err().stale(),
                Some(StaleBlock {
                    expected: generation,
                    found: generation + 1
                })
            );
        }
        assert_eq!(ids.give().unwrap().index, 1);
    }

    #[test]
    fn names_that_have_run_out_do_not_begin_again() {
        let ids = Ids::new();
        ids.fresh.store(u32::MAX - (FIRST - 1), Ordering::Relaxed);
        for _ in 0..=FIRST {
            assert_eq!(ids.give(), None);
        }
    }

    #[test]
    fn rows_follow_each_other() {
        assert_eq!(place(0), (0, 0));
        assert_eq!(place(FIRST - 1), (0, FIRST - 1));
        assert_eq!(place(FIRST), (1, 0));
        assert_eq!(place(3 * FIRST - 1), (1, 2 * FIRST - 1));
        assert_eq!(place(3 * FIRST), (2, 0));
    }
}
