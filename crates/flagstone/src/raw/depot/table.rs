//! Where a thread finds its caches.

use alloc::{boxed::Box, sync::Arc};
use core::{cell::Cell, ptr, ptr::NonNull};
use std::thread_local;

use super::cache::Cache;
use crate::thread;

/// What becomes of a cache when its thread ends.
type AtEnd = fn(&Arc<Cache>);

/// A thread's caches by the numbers of their pools.
///
/// # Invariants
///
/// 1. `entries` points to `len` addresses of caches or nulls, a boxed slice unless `len` is 0.
/// 2. The table has a share of each cache in it, as of an `Arc`.
/// 3. No user code, the global allocator included, runs between two steps of a change.
struct Table {
    entries: Cell<*mut *const Cache>,
    len: Cell<usize>,
    /// What the end of the thread, when it empties the table, calls with each cache.
    at_end: Cell<Option<AtEnd>>,
}

thread_local! {
    // Without a destructor, so that it can be used at any time of a thread's life, at the cost of a
    // load.
    static TABLE: Table = const {
        Table {
            entries: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
            at_end: Cell::new(None),
        }
    };
}

/// The calling thread's cache for the pool with that number, or for one that had it before.
///
/// The cache stays while the thread calls neither [`set`] nor ends.
#[inline(always)]
pub(crate) fn find(pool: u32) -> Option<NonNull<Cache>> {
    TABLE.with(|table| {
        if pool as usize >= table.len.get() {
            return None;
        }
        // SAFETY: within the entries (invariant 1).
        let entry = unsafe { table.entries.get().add(pool as usize) };
        // SAFETY: as above.
        NonNull::new(unsafe { entry.read() }.cast_mut())
    })
}

/// Makes room for the cache of the pool with that number, and sees to it that the end of the thread
/// empties the table and calls `at_end` with each cache; `false` when the thread is past its end.
pub(super) fn reserve(pool: u32, at_end: AtEnd) -> bool {
    TABLE.with(|table| {
        if table.at_end.get().is_none() {
            if thread::on_exit(let_all_go).is_err() {
                return false;
            }
            table.at_end.set(Some(at_end));
        }
        while pool as usize >= table.len.get() {
            let len = (pool as usize + 1).next_power_of_two().max(8);
            let room: Box<[*const Cache]> = (0..len).map(|_| ptr::null()).collect();
            // The allocator may have used pools meanwhile.
            if len > table.len.get() {
                drop(table.replace(room));
            }
        }
        true
    })
}

/// Enters a cache; what was in its place is to be dropped. After [`reserve`].
pub(super) fn set(pool: u32, cache: Arc<Cache>) -> Option<Arc<Cache>> {
    TABLE.with(|table| {
        if pool as usize >= table.len.get() {
            return Some(cache);
        }
        // SAFETY: within the entries (invariant 1).
        let entry = unsafe { table.entries.get().add(pool as usize) };
        // SAFETY: as above.
        let old = unsafe { entry.replace(Arc::into_raw(cache)) };
        // SAFETY: null, or the table's share (invariant 2), which left the table just now.
        (!old.is_null()).then(|| unsafe { Arc::from_raw(old) })
    })
}

impl Table {
    /// Puts other entries in the place of these, all of which move; the old ones, without shares.
    fn replace(&self, mut room: Box<[*const Cache]>) -> Box<[*const Cache]> {
        let old = self.take();
        for (to, from) in room.iter_mut().zip(&old) {
            *to = *from;
        }
        self.len.set(room.len());
        self.entries.set(Box::into_raw(room).cast());
        old
    }

    /// Takes all entries out.
    fn take(&self) -> Box<[*const Cache]> {
        let len = self.len.replace(0);
        let entries = self.entries.replace(ptr::null_mut());
        if len == 0 {
            return Box::default();
        }
        // SAFETY: a boxed slice of this length (invariant 1), which left the table just now.
        unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(entries, len)) }
    }
}

/// The thread ends: its slots go to the other threads.
fn let_all_go() {
    let (entries, at_end) = TABLE.with(|table| (table.take(), table.at_end.take()));
    for &entry in entries.iter().filter(|entry| !entry.is_null()) {
        // SAFETY: the table's share (invariant 2), which left the table just now.
        let cache = unsafe { Arc::from_raw(entry) };
        if let Some(at_end) = at_end {
            at_end(&cache);
        }
    }
}
