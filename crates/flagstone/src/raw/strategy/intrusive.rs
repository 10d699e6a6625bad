//! Links in the free slots themselves.

use core::{fmt, ptr::NonNull};

use super::{
    Cursor, Strategy,
    sealed::{Attach, Machine},
};
use crate::{
    corruption::{Corruption, report},
    raw::{
        Run,
        list::{LocalList, PlacedList},
    },
};

/// How many free slots a debug build looks through for a double free.
const DEBUG_SEARCH: usize = 32;

/// Free slots hold the list of free slots: nothing is kept beside them, construction takes constant
/// time, and the slot freed last, still in the cache, is used first.
///
/// A slot is at least 8 bytes wide; types smaller than that fit [`Indexed<Bitmap>`](super::Indexed)
/// better. Releasing the same raw pointer twice is not detected
/// in release builds ([`Checked<Intrusive>`](super::Checked) does); debug builds look through the
/// last 32 frees.
pub struct Intrusive {
    list: LocalList,
}

impl Default for Intrusive {
    fn default() -> Self {
        Self {
            list: LocalList::new(0, 0),
        }
    }
}

impl fmt::Debug for Intrusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intrusive").finish_non_exhaustive()
    }
}

impl Strategy for Intrusive {}

// SAFETY: `take` hands out what `LocalList::pop` gives, which is a slot nobody has (its invariant 1).
unsafe impl Machine for Intrusive {
    const LINKED: bool = true;

    fn bits(&self, _capacity: usize) -> usize {
        0
    }

    unsafe fn attach<T>(&mut self, run: &Run<T>, _memory: Attach) {
        let step = run.place().step;
        // At most `linkable` slots, so this fits.
        self.list = LocalList::new(step, step * (run.capacity() as u32 + 1));
    }

    #[inline(always)]
    fn take<T>(&self, run: &Run<T>) -> Option<NonNull<u8>> {
        self.list(run).pop()
    }

    #[inline(always)]
    unsafe fn put<T>(&self, run: &Run<T>, slot: NonNull<u8>) {
        if cfg!(debug_assertions)
            && let Some(found) = self.suspect(run, slot)
        {
            report(found);
        }
        // SAFETY: the caller's promise.
        unsafe { self.list(run).push(slot) };
    }

    fn in_use<T>(&self, run: &Run<T>) -> usize {
        self.list(run).in_use(run.place().step) as usize
    }

    fn is_taken(&self, _index: usize) -> Option<bool> {
        None
    }

    fn walk<T>(&mut self, run: &Run<T>) -> Cursor {
        Cursor::List(self.list(run).walk(run.place().step))
    }

    fn next_taken<T>(&self, run: &Run<T>, cursor: &mut Cursor) -> Option<NonNull<u8>> {
        match cursor {
            Cursor::List(walk) => self.list(run).next_live(walk),
            Cursor::Index(_) => None,
        }
    }

    #[cold]
    fn suspect<T>(&self, run: &Run<T>, slot: NonNull<u8>) -> Option<Corruption> {
        let address = slot.as_ptr().addr();
        if run.checked_index_of(address).is_none() {
            Some(Corruption::ForeignPointer { address })
        } else if self.list(run).recently_freed(slot, DEBUG_SEARCH) {
            Some(Corruption::DoubleFree { address })
        } else {
            None
        }
    }
}

impl Intrusive {
    #[inline(always)]
    fn list<T>(&self, run: &Run<T>) -> PlacedList<'_> {
        // SAFETY: the run's slots are ours since `attach`; before, the list is empty. `LINKED` makes
        // them wide enough.
        unsafe { self.list.at(run.place()) }
    }
}
