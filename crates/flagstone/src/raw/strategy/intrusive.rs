//! Links in the free slots themselves.

use core::{cell::Cell, fmt, ptr::NonNull};

use super::{
    Cursor, Strategy,
    sealed::{Attach, Machine},
};
use crate::{
    corruption::{Corruption, report},
    raw::{Run, list::LocalList},
};

/// How many free slots a debug build looks through for a double free.
const DEBUG_SEARCH: usize = 32;

/// Free slots hold the list of free slots: nothing is kept beside them, construction takes constant
/// time, and the slot freed last, still in the cache, is used first.
///
/// A slot is at least one pointer wide; types smaller than that fit
/// [`Indexed<Bitmap>`](super::Indexed) better. Releasing the same raw pointer twice is not detected
/// in release builds ([`Checked<Intrusive>`](super::Checked) does); debug builds look through the
/// last 32 frees.
pub struct Intrusive {
    list: LocalList,
    live: Cell<usize>,
}

impl Default for Intrusive {
    fn default() -> Self {
        Self {
            list: LocalList::empty(),
            live: Cell::new(0),
        }
    }
}

impl fmt::Debug for Intrusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intrusive")
            .field("live", &self.live.get())
            .finish_non_exhaustive()
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
        // SAFETY: the run's slots are ours by the caller's promise; `LINKED` makes them wide enough.
        self.list = unsafe { LocalList::new(run.base(), run.end()) };
    }

    #[inline(always)]
    fn take<T>(&self, run: &Run<T>) -> Option<NonNull<u8>> {
        let slot = self.list.pop(run.stride())?;
        self.live.set(self.live.get() + 1);
        Some(slot)
    }

    #[inline(always)]
    unsafe fn put<T>(&self, run: &Run<T>, slot: NonNull<u8>) {
        if cfg!(debug_assertions) {
            self.check(run, slot);
        }
        // SAFETY: the caller's promise.
        unsafe { self.list.push(slot, run.stride()) };
        self.live.set(self.live.get() - 1);
    }

    fn in_use<T>(&self, _run: &Run<T>) -> usize {
        self.live.get()
    }

    fn is_taken(&self, _index: usize) -> Option<bool> {
        None
    }

    fn walk<T>(&mut self, run: &Run<T>) -> Cursor {
        self.list.sort(run.stride());
        Cursor::List(self.list.walk(run.base()))
    }

    fn next_taken<T>(&self, run: &Run<T>, cursor: &mut Cursor) -> Option<NonNull<u8>> {
        match cursor {
            Cursor::List(walk) => self.list.next_live(walk, run.stride()),
            Cursor::Index(_) => None,
        }
    }
}

impl Intrusive {
    #[cold]
    fn check<T>(&self, run: &Run<T>, slot: NonNull<u8>) {
        let address = slot.as_ptr().addr();
        if run.checked_index_of(address).is_none() {
            report(Corruption::ForeignPointer { address });
        }
        if self.list.recently_freed(slot, run.stride(), DEBUG_SEARCH) {
            report(Corruption::DoubleFree { address });
        }
    }
}
