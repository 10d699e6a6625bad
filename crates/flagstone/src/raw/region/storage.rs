//! Pieces of regions that are blocks, of which nobody has a byte.

use alloc::{boxed::Box, sync::Arc};
use core::{fmt, ptr::NonNull};

use super::{
    extent::{Extent, Keeper, Region},
    part::Part,
};
use crate::{
    raw::zero,
    sync::atomic::{AtomicU32, Ordering},
};

/// More shares of one storage than that are refused by ending the process, as those of an `Arc` are.
const MOST_SHARES: u32 = u32::MAX / 2;

/// A piece of a region from which storages are carved.
///
/// # Invariants
///
/// 1. The first `carved` bytes of `extent` are those of `out` storages, and of such that were retired.
pub(crate) struct Run {
    extent: Extent,
    carved: u32,
    out: u32,
}

impl Run {
    pub(crate) fn new(extent: Extent) -> Self {
        Self {
            extent,
            carved: 0,
            out: 0,
        }
    }

    /// Bytes that have been carved.
    pub(crate) fn carved(&self) -> u32 {
        self.carved
    }

    /// Carves a storage of the next `len` bytes, if there are as many.
    pub(crate) fn carve(&mut self, len: u32, note: Note) -> Option<Storage> {
        let end = self.carved.checked_add(len)?;
        if len == 0 || end > self.extent.len {
            return None;
        }
        let piece = Extent {
            region: Arc::clone(&self.extent.region),
            offset: self.extent.offset + self.carved,
            len,
            touched: self.extent.touched.saturating_sub(self.carved).min(len),
        };
        self.carved = end;
        self.out += 1;
        Some(Storage::new(piece, note))
    }

    /// Takes a storage back for good; another run's comes back.
    pub(crate) fn retire(&mut self, storage: Storage) -> Result<(), Storage> {
        let record = &*storage.0;
        let first = self.extent.start().as_ptr().addr();
        let offset = record.start.as_ptr().addr().wrapping_sub(first);
        // Storages of this part of the region were carved here, because no two pieces overlap.
        if !Arc::ptr_eq(&record.region, &self.extent.region) || offset >= self.carved as usize {
            return Err(storage);
        }
        self.out -= 1;
        Ok(())
    }

    /// The piece it was made of, if all storages were retired.
    pub(crate) fn finish(mut self) -> Result<Extent, Self> {
        if self.out > 0 {
            return Err(self);
        }
        self.extent.touched = self.extent.touched.max(self.carved);
        Ok(self.extent)
    }
}

/// What the code above remembers of a storage.
#[derive(Clone, Copy, Default)]
pub(crate) struct Note {
    pub(crate) slab: u32,
    /// The account that its bytes are charged to.
    pub(crate) account: u32,
    pub(crate) class: u16,
}

/// No name: see [`Part::id`].
pub(crate) const NO_ID: u32 = u32::MAX;

/// What parts and views point to: of a whole storage, or of what a split took of one.
///
/// Its fields are atomics where a part changes them, because others have their shares and look at the
/// record meanwhile; alone they order nothing.
///
/// # Invariants
///
/// 1. `len` bytes from `start` lie in `region`. Those of a whole storage are this record's alone; those of
///    a split lie in the storage of which `link` is the record, in which it has a share.
/// 2. `shares` counts the part and the views of it, and the records that were split off it. While there are
///    some, there is no `Storage` of it. If there is a part, there is no view.
/// 3. `capacity` bytes from `offset` are the part's alone, `init` of them are initialised. Once it is
///    frozen, they are its views', which have initialised ones only.
/// 4. Bytes of a whole storage from `dirty` on are 0, unless they are within the initialised bytes of a part
///    that has not marked them yet.
/// 5. `link` of a storage is the next one on a list, which is its owner's.
pub(super) struct Record {
    pub(super) region: Arc<Region>,
    pub(super) start: NonNull<u8>,
    pub(super) link: Option<NonNull<Record>>,
    pub(super) len: u32,
    pub(super) shares: AtomicU32,
    pub(super) dirty: AtomicU32,
    pub(super) offset: AtomicU32,
    pub(super) capacity: AtomicU32,
    pub(super) init: AtomicU32,
    pub(super) id: AtomicU32,
    pub(super) slab: u32,
    pub(super) account: u32,
    pub(super) class: u16,
    pub(super) is_split: bool,
}

// SAFETY: a share of the region, and the right to bytes of it.
unsafe impl Send for Record {}
// SAFETY: as above; what changes by `&self` are atomics.
unsafe impl Sync for Record {}

/// The only right to some bytes of a region: of a block that nobody has.
pub(crate) struct Storage(Box<Record>);

impl Storage {
    /// All of an extent: a block whose memory is free when it is dropped.
    pub(crate) fn new(extent: Extent, note: Note) -> Self {
        Self(Box::new(Record {
            start: extent.start(),
            link: None,
            len: extent.len,
            shares: AtomicU32::new(0),
            dirty: AtomicU32::new(extent.touched),
            offset: AtomicU32::new(0),
            capacity: AtomicU32::new(0),
            init: AtomicU32::new(0),
            id: AtomicU32::new(NO_ID),
            slab: note.slab,
            account: note.account,
            class: note.class,
            is_split: false,
            region: extent.region,
        }))
    }

    /// Bytes.
    #[inline(always)]
    pub(crate) fn len(&self) -> u32 {
        self.0.len
    }

    #[inline(always)]
    pub(crate) fn note(&self) -> Note {
        let Record {
            slab,
            account,
            class,
            ..
        } = *self.0;
        Note {
            slab,
            account,
            class,
        }
    }

    pub(crate) fn set_account(&mut self, account: u32) {
        self.0.account = account;
    }

    pub(crate) fn keeper(&self) -> &Arc<Keeper> {
        &self.0.region.keeper
    }

    /// Its keeper's address.
    #[inline(always)]
    pub(crate) fn home(&self) -> usize {
        self.0.region.home
    }

    /// The number of its allocator.
    #[inline(always)]
    pub(crate) fn allocator(&self) -> u32 {
        self.0.region.allocator
    }

    /// Whether it is wiped when it comes back.
    #[inline(always)]
    pub(crate) fn wipes(&self) -> bool {
        self.0.region.wipes
    }

    /// Hangs it before `next`, where nothing hung.
    #[inline(always)]
    pub(crate) fn hang(&mut self, next: Option<Self>) {
        debug_assert!(self.0.link.is_none(), "something hangs there");
        self.0.link = next.map(|next| NonNull::from(Box::leak(next.0)));
    }

    /// Takes off what hangs on it.
    #[inline(always)]
    pub(crate) fn unhang(&mut self) -> Option<Self> {
        let next = self.0.link.take()?;
        // SAFETY: leaked by `hang`, and this was the only pointer to it (invariant 5).
        Some(Self(unsafe { Box::from_raw(next.as_ptr()) }))
    }

    /// Writes zeros over what may hold something else, or over everything. For certain: nothing that
    /// the compiler may leave out.
    pub(crate) fn wipe(&mut self, everything: bool) {
        let record = &*self.0;
        let dirty = Record::get(&record.dirty);
        Record::set(&record.dirty, 0);
        let len = if everything { record.len } else { dirty };
        // SAFETY: the record's bytes (invariant 1), and no part or view has them (invariant 2).
        unsafe { zero(record.start, len as usize) };
    }

    /// Gives the first `capacity` bytes out; at most all.
    #[inline(always)]
    pub(crate) fn open(self, capacity: u32) -> Part {
        let record = &*self.0;
        Record::set(&record.shares, 1);
        Record::set(&record.offset, 0);
        Record::set(&record.capacity, capacity.min(record.len));
        Record::set(&record.init, 0);
        Part::new(NonNull::from(Box::leak(self.0)))
    }
}

impl Record {
    /// What is written and read by the part or the storage alone, or not at all.
    #[inline(always)]
    pub(super) fn get(field: &AtomicU32) -> u32 {
        // Relaxed: see the type.
        field.load(Ordering::Relaxed)
    }

    /// See [`get`](Self::get).
    #[inline(always)]
    pub(super) fn set(field: &AtomicU32, value: u32) {
        // Relaxed: see the type.
        field.store(value, Ordering::Relaxed);
    }

    /// The record of the whole storage.
    #[inline(always)]
    pub(super) fn whole(&self) -> &Self {
        match self.link {
            // SAFETY: there, because this record has a share in it (invariant 1).
            Some(whole) if self.is_split => unsafe { whole.as_ref() },
            _ => self,
        }
    }

    /// Bytes from the start of the whole storage.
    pub(super) fn base(&self) -> u32 {
        (self.start.as_ptr().addr() - self.whole().start.as_ptr().addr()) as u32
    }

    /// Remembers that the part's bytes below `end` may be other than 0.
    #[inline(always)]
    pub(super) fn mark(&self, end: u32) {
        let (dirty, end) = if self.is_split {
            (&self.whole().dirty, self.base() + end)
        } else {
            (&self.dirty, end)
        };
        // Relaxed, both: read by who has the storage, after the last share was released.
        if dirty.load(Ordering::Relaxed) < end {
            dirty.fetch_max(end, Ordering::Relaxed);
        }
    }

    /// Remembers that the part's initialised bytes may be other than 0.
    #[inline(always)]
    pub(super) fn mark_init(&self) {
        self.mark(Self::get(&self.offset) + Self::get(&self.init));
    }

    pub(super) fn share(&self) {
        // Relaxed: whoever shares has a share.
        if self.shares.fetch_add(1, Ordering::Relaxed) > MOST_SHARES {
            std::process::abort();
        }
    }

    /// Whether the caller's share is the only one.
    #[inline(always)]
    pub(super) fn is_only(&self) -> bool {
        // Acquire: pairs with the Release in `unshare`: what others did with their shares is over.
        self.shares.load(Ordering::Acquire) == 1
    }

    /// Ends a share; whether it was the last. If not, the record may be gone when this returns, so there is
    /// no reference to all of it meanwhile.
    ///
    /// # Safety
    ///
    /// The caller has a share, which it does not use again unless it was the last.
    #[inline(always)]
    unsafe fn unshare(record: NonNull<Self>) -> bool {
        // SAFETY: there, because the caller's share is; what the record's end may come after is the call that
        // counts down, which is on an atomic.
        let shares = unsafe { &(*record.as_ptr()).shares };
        // Acquire: as in `is_only`.
        if shares.load(Ordering::Acquire) != 1 {
            // Release: pairs with the Acquire in `is_only`, above and below.
            if shares.fetch_sub(1, Ordering::Release) != 1 {
                return false;
            }
            // Acquire: as in `is_only`.
            shares.load(Ordering::Acquire);
        }
        true
    }

    /// Ends a share; the storage, if it was the last of all.
    ///
    /// # Safety
    ///
    /// `record` came from [`Storage::open`] or [`Part::split_off`], and the caller has a share, which it
    /// does not use again.
    #[inline(always)]
    pub(super) unsafe fn release(record: NonNull<Self>) -> Option<Storage> {
        // SAFETY: the caller's promise.
        if !unsafe { Self::unshare(record) } {
            return None;
        }
        // SAFETY: there, because the caller's share was the last.
        if unsafe { (*record.as_ptr()).is_split } {
            // SAFETY: the caller's share was the last.
            return unsafe { Self::release_split(record) };
        }
        // SAFETY: leaked by `open`; nobody else has a share, so this is the only pointer in use.
        Some(Storage(unsafe { Box::from_raw(record.as_ptr()) }))
    }

    /// # Safety
    ///
    /// As for `release`, of a split, whose last share has ended.
    #[cold]
    unsafe fn release_split(record: NonNull<Self>) -> Option<Storage> {
        // SAFETY: leaked by `split_off`; nobody else has a share, so this is the only pointer in use.
        let this = unsafe { Box::from_raw(record.as_ptr()) };
        let whole = this.link?;
        drop(this);
        // SAFETY: the share of the split (invariant 1), which is gone.
        unsafe { Self::release(whole) }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.is_split {
            return;
        }
        // One by one, because each owns the next: dropped together they would nest.
        let mut next = self.link.take();
        while let Some(at) = next {
            // SAFETY: leaked by `hang`, and this was the only pointer to it (invariant 5).
            let mut record = unsafe { Box::from_raw(at.as_ptr()) };
            next = record.link.take();
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("len", &self.len()).finish()
    }
}

const _: () = assert!(cfg!(any(loom, shuttle)) || size_of::<Record>() <= 64);
