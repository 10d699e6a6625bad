//! Which local a thread has, of a heap that is not the only one.

use core::ptr::{self, NonNull};

use super::{local::Local, store::Store};
use crate::{
    layout::span::SLICE,
    provider::Provider,
    sync::atomic::{AtomicPtr, Ordering},
    thread::ThreadNumber,
};

/// Entries of a part: a slice full.
const ENTRIES: usize = SLICE / size_of::<Entry>();
const PARTS: usize = ThreadNumber::LIMIT / ENTRIES;

type Entry = AtomicPtr<Local>;

/// Locals by the numbers of their threads, in slices of the heap. The local of a thread that ended is that of
/// the next thread with its number, with all that it has.
pub(crate) struct ByThread {
    parts: [AtomicPtr<Entry>; PARTS],
}

impl ByThread {
    pub(crate) const fn new() -> Self {
        Self {
            parts: [const { AtomicPtr::new(ptr::null_mut()) }; PARTS],
        }
    }

    /// The local of the thread with that number; null if it has none.
    #[inline(always)]
    pub(crate) fn find(&self, number: ThreadNumber) -> *const Local {
        let number = number.get();
        // Acquire: pairs with the exchange in `part`, which passes the zeroed entries on.
        let part = self.parts[number / ENTRIES].load(Ordering::Acquire);
        if part.is_null() {
            return ptr::null();
        }
        // SAFETY: within the part.
        let entry = unsafe { &*part.add(number % ENTRIES) };
        // Relaxed: written by this thread, or by one with the same number before it, which gave it back.
        entry.load(Ordering::Relaxed)
    }

    /// Enters the local of the calling thread, which has that number; `false` without memory.
    pub(crate) fn enter<P: Provider>(
        &self,
        number: ThreadNumber,
        local: NonNull<Local>,
        store: &Store<P>,
    ) -> bool {
        let number = number.get();
        let Some(part) = self.part(number / ENTRIES, store) else {
            return false;
        };
        // SAFETY: within the part.
        let entry = unsafe { &*part.as_ptr().add(number % ENTRIES) };
        // Relaxed: see `find`.
        entry.store(local.as_ptr(), Ordering::Relaxed);
        true
    }

    fn part<P: Provider>(&self, part: usize, store: &Store<P>) -> Option<NonNull<Entry>> {
        let place = &self.parts[part];
        if let Some(part) = NonNull::new(place.load(Ordering::Acquire)) {
            return Some(part);
        }
        let slice = store.own_slice()?;
        // SAFETY: a slice of ours.
        unsafe { slice.write_bytes(0, SLICE) };
        let entries = slice.cast::<Entry>();
        // AcqRel: pairs with the Acquire in `find`, and with itself where another thread was quicker.
        let entered = place.compare_exchange(
            ptr::null_mut(),
            entries.as_ptr(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        match entered {
            Ok(_) => Some(entries),
            Err(other) => {
                // SAFETY: ours, and nobody knows of it.
                unsafe { store.return_slice(slice) };
                NonNull::new(other)
            }
        }
    }
}
