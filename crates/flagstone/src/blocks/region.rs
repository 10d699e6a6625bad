//! Memory of a provider, in pieces of which each has one owner: the only file of the room with `unsafe`.
//!
//! ```text
//! Region::map ─▶ Extent ─ split ─▶ Extent ─▶ Run ─ carve ─▶ Storage ─ open ─▶ Part ─ freeze ─▶ View
//!                       ◀─ join ──         ◀─ finish     ◀─ retire  ◀─ the last of them released ─╯
//! ```
//!
//! Each of these is a value that is moved and never copied, so whatever the code above does with them,
//! it cannot hand the same byte out twice. It can lose bytes; they come back when their region ends,
//! which every piece delays.
#![expect(
    unsafe_code,
    reason = "memory of a provider, shared out; see the numbered invariants"
)]

use alloc::{boxed::Box, sync::Arc};
use core::{alloc::Layout, any::Any, fmt, mem, mem::MaybeUninit, ptr, ptr::NonNull, slice};

use crate::{
    error::OutOfMemory,
    provider::{Provider, Purged, request},
    raw::zero,
    sync::atomic::{AtomicU32, Ordering},
};

/// Where regions come from.
pub(super) type Source = dyn Provider + Send + Sync;

/// The most bytes of a region.
pub(super) const MOST: usize = 1 << 30;

/// What regions and their sizes are multiples of, and how runs are aligned.
pub(super) const PAGE: usize = 4096;

/// More shares of one storage than that are refused by ending the process, as those of an `Arc` are.
const MOST_SHARES: u32 = u32::MAX / 2;

/// Whose regions are: what takes storages back, and is there while a piece of a region is.
pub(super) type Keeper = dyn Any + Send + Sync;

/// One chunk of a provider, of at most [`MOST`] bytes. Given back when the last piece of it is gone.
///
/// # Invariants
///
/// 1. `start` is a chunk that `provider` gave for `layout` and that was not given back.
/// 2. Every piece of it holds a share, and no two pieces have a byte in common.
pub(super) struct Region {
    start: NonNull<u8>,
    layout: Layout,
    number: u32,
    page: usize,
    provider: Arc<Source>,
    keeper: Arc<Keeper>,
    /// The keeper's address, which is that of nothing else while the region is.
    home: usize,
    allocator: u32,
    /// Whether bytes become 0 when a storage comes back.
    wipes: bool,
}

// SAFETY: the memory belongs to the pieces; provider and keeper are both.
unsafe impl Send for Region {}
// SAFETY: as above; nothing in it changes.
unsafe impl Sync for Region {}

impl Region {
    /// Asks for `bytes`, a multiple of [`PAGE`] up to [`MOST`]; all of them in one piece. With nothing
    /// locked.
    pub(super) fn map(
        provider: &Arc<Source>,
        keeper: &Arc<Keeper>,
        (allocator, wipes): (u32, bool),
        number: u32,
        bytes: usize,
    ) -> Result<Extent, OutOfMemory> {
        debug_assert!(bytes > 0 && bytes <= MOST && bytes.is_multiple_of(PAGE));
        let layout = Layout::from_size_align(bytes, PAGE)
            .map_err(|_| OutOfMemory::new(Layout::new::<u8>()))?;
        let chunk = request(&&**provider, layout)?; // USER CODE
        let region = Self {
            start: chunk.ptr.cast(),
            layout,
            number,
            page: provider.page_size(), // USER CODE
            provider: Arc::clone(provider),
            keeper: Arc::clone(keeper),
            home: Arc::as_ptr(keeper).cast::<()>().addr(),
            allocator,
            wipes,
        };
        Ok(Extent {
            offset: 0,
            len: bytes as u32,
            touched: if chunk.zeroed { 0 } else { bytes as u32 },
            region: Arc::new(region),
        })
    }

    /// Its number among those of its allocator.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Where it starts. The memory may only be touched as far as pieces of it are.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Bytes.
    pub(super) fn len(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the provider's chunk (invariant 1), of which no piece is left (invariant 2).
        unsafe { self.provider.free(self.start, self.layout) }; // USER CODE
    }
}

/// A piece of a region that nothing is in.
///
/// # Invariants
///
/// 1. `len` bytes from `offset` lie in the region and are this extent's alone.
/// 2. Bytes from `touched` on are 0, and have no memory behind them if the provider has pages.
pub(super) struct Extent {
    region: Arc<Region>,
    offset: u32,
    len: u32,
    touched: u32,
}

impl Extent {
    pub(super) fn region(&self) -> &Arc<Region> {
        &self.region
    }

    /// Bytes from the start of the region.
    pub(super) fn offset(&self) -> u32 {
        self.offset
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Bytes, from its start, behind which there may be memory.
    pub(super) fn touched(&self) -> u32 {
        self.touched
    }

    /// Whether it is all of its region.
    pub(super) fn is_region(&self) -> bool {
        self.len as usize == self.region.len()
    }

    /// Takes all but the first `at` bytes, if there are more.
    pub(super) fn split_off(&mut self, at: u32) -> Option<Self> {
        let len = self.len.checked_sub(at).filter(|&len| len > 0)?;
        self.len = at;
        let touched = self.touched.saturating_sub(at);
        self.touched -= touched;
        Some(Self {
            region: Arc::clone(&self.region),
            offset: self.offset + at,
            len,
            touched,
        })
    }

    /// Adds the piece right behind; another one comes back.
    pub(super) fn join(&mut self, next: Self) -> Result<(), Self> {
        if !Arc::ptr_eq(&self.region, &next.region) || self.offset + self.len != next.offset {
            return Err(next);
        }
        if next.touched > 0 {
            self.touched = self.len + next.touched;
        }
        self.len += next.len;
        Ok(())
    }

    /// Offers the memory behind it back; bytes that surely went. With nothing locked.
    pub(super) fn purge(&mut self) -> usize {
        let (start, page) = (self.start(), self.region.page);
        let skip = start.as_ptr().addr().wrapping_neg() & (page - 1);
        let end = (self.touched as usize + page - 1) & !(page - 1);
        let end = end.min(self.len as usize & !(page - 1));
        if skip != 0 || end == 0 || !page.is_power_of_two() {
            return 0;
        }
        // SAFETY: whole pages of a chunk of this provider, from the extent's start, in which nothing is
        // (invariant 1).
        let purged = unsafe { self.region.provider.purge(start, end) }; // USER CODE
        let before = self.touched as usize;
        if purged == Purged::No || end < before {
            return 0;
        }
        self.touched = 0;
        before
    }

    fn start(&self) -> NonNull<u8> {
        // SAFETY: within the region (invariant 1).
        unsafe { self.region.start.add(self.offset as usize) }
    }

    /// All of it as one storage that comes back to nobody: its memory is free when it is dropped.
    pub(super) fn into_storage(self, note: Note) -> Storage {
        Storage::new(self, note)
    }
}

/// A piece of a region from which storages are carved.
///
/// # Invariants
///
/// 1. The first `carved` bytes of `extent` are those of `out` storages, and of such that were retired.
pub(super) struct Run {
    extent: Extent,
    carved: u32,
    out: u32,
}

impl Run {
    pub(super) fn new(extent: Extent) -> Self {
        Self {
            extent,
            carved: 0,
            out: 0,
        }
    }

    /// Bytes that have been carved.
    pub(super) fn carved(&self) -> u32 {
        self.carved
    }

    /// Carves a storage of the next `len` bytes, if there are as many.
    pub(super) fn carve(&mut self, len: u32, note: Note) -> Option<Storage> {
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
    pub(super) fn retire(&mut self, storage: Storage) -> Result<(), Storage> {
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
    pub(super) fn finish(mut self) -> Result<Extent, Self> {
        if self.out > 0 {
            return Err(self);
        }
        self.extent.touched = self.extent.touched.max(self.carved);
        Ok(self.extent)
    }
}

/// What the code above remembers of a storage.
#[derive(Clone, Copy, Default)]
pub(super) struct Note {
    pub(super) slab: u32,
    /// The account that its bytes are charged to.
    pub(super) account: u32,
    pub(super) class: u16,
}

/// No name: see [`Part::id`].
pub(super) const NO_ID: u32 = u32::MAX;

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
struct Record {
    region: Arc<Region>,
    start: NonNull<u8>,
    link: Option<NonNull<Record>>,
    len: u32,
    shares: AtomicU32,
    dirty: AtomicU32,
    offset: AtomicU32,
    capacity: AtomicU32,
    init: AtomicU32,
    id: AtomicU32,
    slab: u32,
    account: u32,
    class: u16,
    is_split: bool,
}

// SAFETY: a share of the region, and the right to bytes of it.
unsafe impl Send for Record {}
// SAFETY: as above; what changes by `&self` are atomics.
unsafe impl Sync for Record {}

/// The only right to some bytes of a region: of a block that nobody has.
pub(super) struct Storage(Box<Record>);

impl Storage {
    fn new(extent: Extent, note: Note) -> Self {
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
    pub(super) fn len(&self) -> u32 {
        self.0.len
    }

    #[inline(always)]
    pub(super) fn note(&self) -> Note {
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

    pub(super) fn set_account(&mut self, account: u32) {
        self.0.account = account;
    }

    pub(super) fn keeper(&self) -> &Arc<Keeper> {
        &self.0.region.keeper
    }

    /// Its keeper's address.
    #[inline(always)]
    pub(super) fn home(&self) -> usize {
        self.0.region.home
    }

    /// The number of its allocator.
    #[inline(always)]
    pub(super) fn allocator(&self) -> u32 {
        self.0.region.allocator
    }

    /// Whether it is wiped when it comes back.
    #[inline(always)]
    pub(super) fn wipes(&self) -> bool {
        self.0.region.wipes
    }

    /// Hangs it before `next`, where nothing hung.
    #[inline(always)]
    pub(super) fn hang(&mut self, next: Option<Self>) {
        debug_assert!(self.0.link.is_none(), "something hangs there");
        self.0.link = next.map(|next| NonNull::from(Box::leak(next.0)));
    }

    /// Takes off what hangs on it.
    #[inline(always)]
    pub(super) fn unhang(&mut self) -> Option<Self> {
        let next = self.0.link.take()?;
        // SAFETY: leaked by `hang`, and this was the only pointer to it (invariant 5).
        Some(Self(unsafe { Box::from_raw(next.as_ptr()) }))
    }

    /// Writes zeros over what may hold something else, or over everything. For certain: nothing that
    /// the compiler may leave out.
    pub(super) fn wipe(&mut self, everything: bool) {
        let record = &mut *self.0;
        let dirty = mem::take(record.dirty.get_mut());
        let len = if everything { record.len } else { dirty };
        // SAFETY: the record's bytes (invariant 1), and no part or view has them (invariant 2).
        unsafe { zero(record.start, len as usize) };
    }

    /// Gives the first `capacity` bytes out; at most all.
    #[inline(always)]
    pub(super) fn open(mut self, capacity: u32) -> Part {
        let record = &mut *self.0;
        *record.shares.get_mut() = 1;
        *record.offset.get_mut() = 0;
        *record.capacity.get_mut() = capacity.min(record.len);
        *record.init.get_mut() = 0;
        Part(NonNull::from(Box::leak(self.0)))
    }
}

impl Record {
    /// What is written and read by the part alone, or not at all.
    #[inline(always)]
    fn get(field: &AtomicU32) -> u32 {
        // Relaxed: see the type.
        field.load(Ordering::Relaxed)
    }

    /// See [`get`](Self::get).
    #[inline(always)]
    fn set(field: &AtomicU32, value: u32) {
        // Relaxed: see the type.
        field.store(value, Ordering::Relaxed);
    }

    /// The record of the whole storage.
    #[inline(always)]
    fn whole(&self) -> &Self {
        match self.link {
            // SAFETY: there, because this record has a share in it (invariant 1).
            Some(whole) if self.is_split => unsafe { whole.as_ref() },
            _ => self,
        }
    }

    /// Bytes from the start of the whole storage.
    fn base(&self) -> u32 {
        (self.start.as_ptr().addr() - self.whole().start.as_ptr().addr()) as u32
    }

    /// Remembers that the part's bytes below `end` may be other than 0.
    #[inline(always)]
    fn mark(&self, end: u32) {
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
    fn mark_init(&self) {
        self.mark(Self::get(&self.offset) + Self::get(&self.init));
    }

    fn share(&self) {
        // Relaxed: whoever shares has a share.
        if self.shares.fetch_add(1, Ordering::Relaxed) > MOST_SHARES {
            std::process::abort();
        }
    }

    /// Whether the caller's share is the only one.
    #[inline(always)]
    fn is_only(&self) -> bool {
        // Acquire: pairs with the Release in `release`: what others did with their shares is over.
        self.shares.load(Ordering::Acquire) == 1
    }

    /// Ends a share; whether it was the last.
    #[inline(always)]
    fn unshare(&self) -> bool {
        if !self.is_only() {
            // Release: pairs with the Acquire in `is_only` and below.
            if self.shares.fetch_sub(1, Ordering::Release) != 1 {
                return false;
            }
            // Acquire: as in `is_only`.
            self.shares.load(Ordering::Acquire);
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
    unsafe fn release(record: NonNull<Self>) -> Option<Storage> {
        // SAFETY: there, because the caller's share is.
        let this = unsafe { record.as_ref() };
        if !this.unshare() {
            return None;
        }
        if this.is_split {
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

/// The right to change some bytes of a storage: all of them, or what a split left. One word, so that blocks
/// move as fast as they can.
///
/// # Invariants
///
/// 1. It has a share of the record, and is the only part that points to it.
pub(super) struct Part(NonNull<Record>);

// SAFETY: the right to bytes that are its own, and a share of a record that is `Send` and `Sync`.
unsafe impl Send for Part {}
// SAFETY: as above; by `&self` bytes are only read.
unsafe impl Sync for Part {}

impl Part {
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
    pub(super) fn capacity(&self) -> usize {
        Record::get(&self.record().capacity) as usize
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        Record::get(&self.record().init) as usize
    }

    fn set_len(&mut self, len: usize) {
        Record::set(&self.record().init, len as u32);
    }

    /// Bytes of the whole storage.
    pub(super) fn storage_len(&self) -> usize {
        self.record().whole().len as usize
    }

    /// A number that the code above gave it, or [`NO_ID`]; that again before it is released.
    #[inline(always)]
    pub(super) fn id(&self) -> u32 {
        Record::get(&self.record().id)
    }

    pub(super) fn set_id(&mut self, id: u32) {
        Record::set(&self.record().id, id);
    }

    pub(super) fn keeper(&self) -> &Arc<Keeper> {
        &self.record().region.keeper
    }

    /// The number of its region, and how many bytes from the region's start it begins.
    pub(super) fn place(&self) -> (u32, usize) {
        let region = &self.record().region;
        let first = region.start.as_ptr().addr();
        (region.number, self.at(0).as_ptr().addr() - first)
    }

    /// The initialised bytes.
    #[inline(always)]
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: initialised and this part's alone (invariant 3 of the record); borrowed as `self` is.
        unsafe { slice::from_raw_parts(self.at(0).as_ptr(), self.len()) }
    }

    /// The initialised bytes.
    #[inline(always)]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.at(0).as_ptr(), self.len()) }
    }

    /// What is not initialised yet. All of it counts as changed from now on.
    pub(super) fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
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
    pub(super) unsafe fn assume_init(&mut self, count: usize) {
        debug_assert!(count <= self.capacity() - self.len());
        self.set_len(self.len() + count);
    }

    /// Writes `bytes` behind the initialised ones; `false`, and nothing done, if they do not fit.
    #[inline]
    pub(super) fn append(&mut self, bytes: &[u8]) -> bool {
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
    pub(super) fn extend_zeroed(&mut self, len: usize) {
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
    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.record().mark_init();
            self.set_len(len);
        }
    }

    /// Forgets the first `count` initialised bytes, and the room that they take; at most all.
    pub(super) fn advance(&mut self, count: usize) {
        let count = count.min(self.len());
        let record = self.record();
        let (capacity, init) = (self.capacity() - count, self.len() - count);
        Record::set(&record.offset, Record::get(&record.offset) + count as u32);
        Record::set(&record.capacity, capacity as u32);
        Record::set(&record.init, init as u32);
    }

    /// Takes the bytes from `at` on as a part of their own; `None` beyond the capacity. One allocation.
    pub(super) fn split_off(&mut self, at: usize) -> Option<Self> {
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
    pub(super) fn join(&mut self, next: Self) -> Result<(), Self> {
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
    pub(super) fn freeze(self) -> View {
        let record = self.record();
        record.mark_init();
        let (start, len) = (Record::get(&record.offset), Record::get(&record.init));
        let record = self.0;
        mem::forget(self);
        View { record, start, len }
    }

    /// Ends it; the storage, if nothing else is left of it.
    #[inline(always)]
    pub(super) fn release(self) -> Option<Storage> {
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
pub(super) struct View {
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
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: within the storage (invariant 2).
        let start = unsafe { self.record().start.add(self.start as usize) };
        // SAFETY: initialised, and not changed while a view has them (invariant 2).
        unsafe { slice::from_raw_parts(start.as_ptr(), self.len as usize) }
    }

    /// Only `len` bytes from `start`; nothing happens if there are not as many.
    pub(super) fn narrow(&mut self, start: usize, len: usize) {
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
    pub(super) fn storage_len(&self) -> usize {
        self.record().whole().len as usize
    }

    /// Whether nothing else of its storage is left.
    pub(super) fn is_only(&self) -> bool {
        self.record().is_only()
    }

    /// The right to change these bytes, and those behind, if nothing else is left of what they were taken
    /// from.
    pub(super) fn thaw(self) -> Result<Part, Self> {
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
    pub(super) fn release(self) -> Option<Storage> {
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

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("len", &self.len()).finish()
    }
}

const _: () =
    assert!(size_of::<Record>() <= 64 && size_of::<Part>() == 8 && size_of::<View>() == 16);
