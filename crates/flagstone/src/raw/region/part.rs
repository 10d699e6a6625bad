//! Blocks that somebody has: to change, or to read with others.

use alloc::{boxed::Box, sync::Arc};
use core::{mem, mem::MaybeUninit, ptr, ptr::NonNull, slice};

use super::{
    extent::Keeper,
    storage::{NO_ID, Record, Storage},
};
use crate::sync::atomic::{AtomicU32, Ordering};

/// The right to change some bytes of a storage: all of them, or what a split left. One word, so that blocks
/// move as fast as they can.
///
/// # Invariants
///
/// 1. It has a share of the record, and is the only part that points to it.
pub(crate) struct Part(NonNull<Record>);

// SAFETY: the right to bytes that are its own, and a share of a record that is `Send` and `Sync`.
unsafe impl Send for Part {}
// SAFETY: as above; by `&self` bytes are only read.
unsafe impl Sync for Part {}

impl Part {
    /// The part that has the only share of a record.
    #[inline(always)]
    pub(super) fn new(record: NonNull<Record>) -> Self {
        Self(record)
    }

    #[inline(always)]
    fn record(&self) -> &Record {
        // SAFETY: there while a share is (invariant 1).
        unsafe { self.0.as_ref() }
    }

    /// The byte at `offset`, which is at most the capacity.
    #[inline(always)]
    fn at(&self, offset: u32) -> NonNull<u8> {
        let record = self.record();
        debug_assert!(offset as usize <= self.capacity());
        // SAFETY: within the storage (invariant 3 of the record).
        unsafe {
            record
                .start
                .add((Record::get(&record.offset) + offset) as usize)
        }
    }

    #[inline(always)]
    pub(crate) fn capacity(&self) -> usize {
        Record::get(&self.record().capacity) as usize
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        Record::get(&self.record().init) as usize
    }

    fn set_len(&mut self, len: usize) {
        Record::set(&self.record().init, len as u32);
    }

    /// Bytes of the whole storage.
    pub(crate) fn storage_len(&self) -> usize {
        self.record().whole().len as usize
    }

    /// A number that the code above gave it, or [`NO_ID`]; that again before it is released.
    #[inline(always)]
    pub(crate) fn id(&self) -> u32 {
        Record::get(&self.record().id)
    }

    pub(crate) fn set_id(&mut self, id: u32) {
        Record::set(&self.record().id, id);
    }

    pub(crate) fn keeper(&self) -> &Arc<Keeper> {
        &self.record().region.keeper
    }

    /// The number of its region, and how many bytes from the region's start it begins.
    pub(crate) fn place(&self) -> (u32, usize) {
        let region = &self.record().region;
        let first = region.start.as_ptr().addr();
        (region.number, self.at(0).as_ptr().addr() - first)
    }

    /// The initialised bytes.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: initialised and this part's alone (invariant 3 of the record); borrowed as `self` is.
        unsafe { slice::from_raw_parts(self.at(0).as_ptr(), self.len()) }
    }

    /// The initialised bytes.
    #[inline(always)]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.at(0).as_ptr(), self.len()) }
    }

    /// What is not initialised yet. All of it counts as changed from now on.
    pub(crate) fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        let (len, capacity) = (self.len(), self.capacity());
        let record = self.record();
        record.mark(Record::get(&record.offset) + capacity as u32);
        let start = self.at(len as u32);
        // SAFETY: this part's alone (invariant 3 of the record), and `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(start.as_ptr().cast(), capacity - len) }
    }

    /// Counts the next `count` bytes as initialised.
    ///
    /// # Safety
    ///
    /// They are, and they lie within the capacity.
    #[cfg_attr(
        not(feature = "bytes"),
        expect(dead_code, reason = "what `BufMut` needs")
    )]
    pub(crate) unsafe fn assume_init(&mut self, count: usize) {
        debug_assert!(count <= self.capacity() - self.len());
        self.set_len(self.len() + count);
    }

    /// Writes `bytes` behind the initialised ones; `false`, and nothing done, if they do not fit.
    #[inline]
    pub(crate) fn append(&mut self, bytes: &[u8]) -> bool {
        let len = self.len();
        if bytes.len() > self.capacity() - len {
            return false;
        }
        let to = self.at(len as u32);
        // SAFETY: `to` has room for them (just checked, invariant 3 of the record), which is this part's
        // alone and so not where `bytes` are: those are borrowed, and `self` exclusively.
        unsafe {
            to.as_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        };
        self.set_len(len + bytes.len());
        true
    }

    /// Makes `len` bytes initialised, up to the capacity: the new ones are 0.
    pub(crate) fn extend_zeroed(&mut self, len: usize) {
        let len = len.min(self.capacity());
        let (init, record) = (self.len(), self.record());
        if len <= init {
            return;
        }
        // Relaxed: bytes of this part are marked by this part, before now.
        let dirty = record.whole().dirty.load(Ordering::Relaxed);
        let dirty = dirty.saturating_sub(record.base() + Record::get(&record.offset));
        let dirty = (dirty as usize).min(len);
        if dirty > init {
            let start = self.at(init as u32);
            // SAFETY: within this part, whose alone they are (invariant 3 of the record).
            unsafe { start.write_bytes(0, dirty - init) };
        }
        // What lies behind is 0 (invariant 4 of the record), so it is initialised.
        self.set_len(len);
    }

    /// Forgets all but the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.record().mark_init();
            self.set_len(len);
        }
    }

    /// Forgets the first `count` initialised bytes, and the room that they take; at most all.
    pub(crate) fn advance(&mut self, count: usize) {
        let count = count.min(self.len());
        let record = self.record();
        let (capacity, init) = (self.capacity() - count, self.len() - count);
        Record::set(&record.offset, Record::get(&record.offset) + count as u32);
        Record::set(&record.capacity, capacity as u32);
        Record::set(&record.init, init as u32);
    }

    /// Takes the bytes from `at` on as a part of their own; `None` beyond the capacity. One allocation.
    pub(crate) fn split_off(&mut self, at: usize) -> Option<Self> {
        let rest = self.capacity().checked_sub(at)?;
        let (start, record) = (self.at(at as u32), self.record());
        let whole = record.whole();
        whole.share();
        let init = self.len();
        let split = Box::new(Record {
            region: Arc::clone(&record.region),
            start,
            link: Some(NonNull::from(whole)),
            len: rest as u32,
            shares: AtomicU32::new(1),
            dirty: AtomicU32::new(0),
            offset: AtomicU32::new(0),
            capacity: AtomicU32::new(rest as u32),
            init: AtomicU32::new(init.saturating_sub(at) as u32),
            id: AtomicU32::new(NO_ID),
            slab: record.slab,
            account: record.account,
            class: record.class,
            is_split: true,
        });
        Record::set(&record.capacity, at as u32);
        Record::set(&record.init, init.min(at) as u32);
        Some(Self(NonNull::from(Box::leak(split))))
    }

    /// Adds a part right behind of the same storage, if the bytes of this one are all initialised or
    /// none of the other's are; else it comes back.
    pub(crate) fn join(&mut self, next: Self) -> Result<(), Self> {
        let same = ptr::eq(self.record().whole(), next.record().whole());
        let adjacent = same && self.at(self.capacity() as u32) == next.at(0);
        if !adjacent || (self.len() < self.capacity() && next.len() > 0) {
            return Err(next);
        }
        // Its bytes are this part's from now on. Both have a share of the storage, so this is not the last.
        let record = self.record();
        Record::set(&record.capacity, (self.capacity() + next.capacity()) as u32);
        self.set_len(self.len() + next.len());
        drop(next);
        Ok(())
    }

    /// The initialised bytes, not to be changed any more.
    #[inline(always)]
    pub(crate) fn freeze(self) -> View {
        let record = self.record();
        record.mark_init();
        let (start, len) = (Record::get(&record.offset), Record::get(&record.init));
        let record = self.0;
        mem::forget(self);
        View { record, start, len }
    }

    /// Ends it; the storage, if nothing else is left of it.
    #[inline(always)]
    pub(crate) fn release(self) -> Option<Storage> {
        self.record().mark_init();
        let record = self.0;
        mem::forget(self);
        // SAFETY: from `open` or `split_off`; the share was this part's (invariant 1), which is gone.
        unsafe { Record::release(record) }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.record().mark_init();
        // SAFETY: as in `release`.
        drop(unsafe { Record::release(self.0) });
    }
}

/// The right to read some bytes of a storage.
///
/// # Invariants
///
/// 1. It has a share of the record.
/// 2. `len` bytes from `start` are initialised, and no part has them.
pub(crate) struct View {
    record: NonNull<Record>,
    start: u32,
    len: u32,
}

// SAFETY: a share of a record that is `Send` and `Sync`, and the right to read.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    #[inline(always)]
    fn record(&self) -> &Record {
        // SAFETY: there while a share is (invariant 1).
        unsafe { self.record.as_ref() }
    }

    /// The bytes.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: within the storage (invariant 2).
        let start = unsafe { self.record().start.add(self.start as usize) };
        // SAFETY: initialised, and not changed while a view has them (invariant 2).
        unsafe { slice::from_raw_parts(start.as_ptr(), self.len as usize) }
    }

    /// Only `len` bytes from `start`; nothing happens if there are not as many.
    pub(crate) fn narrow(&mut self, start: usize, len: usize) {
        let fits = start
            .checked_add(len)
            .is_some_and(|end| end <= self.len as usize);
        debug_assert!(fits, "checked by the caller");
        if fits {
            self.start += start as u32;
            self.len = len as u32;
        }
    }

    /// Bytes of the whole storage.
    pub(crate) fn storage_len(&self) -> usize {
        self.record().whole().len as usize
    }

    /// Whether nothing else of its storage is left.
    pub(crate) fn is_only(&self) -> bool {
        self.record().is_only()
    }

    /// The right to change these bytes, and those behind, if nothing else is left of what they were taken
    /// from.
    pub(crate) fn thaw(self) -> Result<Part, Self> {
        if !self.is_only() {
            return Err(self);
        }
        let record = self.record();
        // What was split off a whole storage is gone, because it had a share of it. What was split off a
        // split may be there, behind the end of the part that these bytes were frozen from.
        let end = if record.is_split {
            Record::get(&record.offset) + Record::get(&record.capacity)
        } else {
            record.len
        };
        Record::set(&record.offset, self.start);
        Record::set(&record.capacity, end - self.start);
        Record::set(&record.init, self.len);
        let record = self.record;
        mem::forget(self);
        Ok(Part(record))
    }

    /// Ends it; the storage, if nothing else is left of it.
    #[inline(always)]
    pub(crate) fn release(self) -> Option<Storage> {
        let record = self.record;
        mem::forget(self);
        // SAFETY: from `open`; the share was this view's (invariant 1), which is gone.
        unsafe { Record::release(record) }
    }
}

impl Clone for View {
    fn clone(&self) -> Self {
        self.record().share();
        Self {
            record: self.record,
            start: self.start,
            len: self.len,
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: as in `release`.
        drop(unsafe { Record::release(self.record) });
    }
}

const _: () =
    assert!(size_of::<Part>() == size_of::<usize>() && size_of::<View>() == size_of::<usize>() + 8);
