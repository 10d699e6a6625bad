//! All slabs of one owner: which is full, which has room, which goes back.

use core::{alloc::Layout, cell::Cell, ptr, ptr::NonNull};

use super::{Slab, list::ListWalk, locate, slab::SlabShape, touch};
use crate::{
    corruption::hooks,
    error::OutOfMemory,
    provider::{Provider, request},
    stats::Collector,
};

/// Shelf of slabs without a value.
const EMPTY: usize = 0;
/// Shelves of slabs by eighths of their slots in use: shelf `b` holds those above `(b - 1) / 8` and
/// up to `b / 8`, but for full ones.
const BANDS: usize = 8;
/// Shelf of slabs with few free slots.
const NEARLY_FULL: usize = BANDS;
/// Shelf of slabs without a free slot.
const FULL: usize = BANDS + 1;
const SHELVES: usize = FULL + 1;

/// Empty slabs that one free returns at most, so that it takes constant time and still more go than
/// come.
pub(crate) const MOST_PER_FREE: usize = 2;

/// A chunk for a slab, from the provider of the [`Slabs`] that asked for it.
pub(crate) struct SlabChunk(NonNull<u8>);

/// The slabs of one owner, by how full they are.
///
/// ```text
///  shelf 0      1      2   …   7       8          9
///      empty │ ≤1/8 │ ≤2/8 │ … │ ≤7/8 │ nearly full │ full     + one current slab, on no shelf
///             ◀── a free moves it down         ──▶ exhausted: filed again
/// ```
///
/// Allocation takes from one *current* slab. When that is exhausted, the fullest slab becomes
/// current, so that sparse slabs drain and can be returned (the idea is that of Netty's chunk
/// lists; the shelves make it constant time). Nearly full slabs come only after all others with
/// values, the one that has waited longest first: a slab with a single free slot would be exhausted
/// by the next allocation, and in a pool of constant size every operation would end up here
/// (measured: three times the time of a replacement). A free touches the shelves only when its slab
/// crosses an eighth: once in `slots / 8` frees.
///
/// An empty slab is returned to the provider only if as many slots as one slab has, and an eighth
/// of the slots of the slabs in use, stay empty: a load that swings around a boundary maps nothing.
///
/// `X` is what the door wants to reach from a slot: its hooks.
///
/// # Invariants
///
/// 1. Every slab was created here with `shape`, in a chunk of `provider`; it is on
///    the list from `all`, and on the shelf that its slots in use say, or is current.
/// 2. `capacity` is the sum of the slabs' slots, `empty_slots` that of the slabs on `EMPTY`.
/// 3. `occupied` has bit `s` set exactly when shelf `s` is not empty.
/// 4. The value lies in a chunk of its own provider and does not move (slabs point to it).
/// 5. No reference into the lists is held while the provider runs.
pub(crate) struct Slabs<P: Provider, X> {
    /// The slab on each shelf that has waited longest; the others follow in a ring.
    shelves: [Cell<*mut Slab>; SHELVES],
    occupied: Cell<u32>,
    all: Cell<*mut Slab>,
    capacity: Cell<usize>,
    empty_slots: Cell<usize>,
    count: Cell<usize>,
    /// Capacity below which empty slabs are kept.
    keep: usize,
    /// No slab is returned while somebody walks over them.
    walking: Cell<bool>,
    shape: SlabShape,
    stats: Collector,
    provider: P,
    beside: X,
}

impl<P: Provider, X> Slabs<P, X> {
    /// Makes an owner without slabs, in a chunk of `provider`. Slabs will not be returned while the
    /// capacity would fall below `keep` slots.
    pub(crate) fn create(
        provider: P,
        beside: X,
        shape: SlabShape,
        keep: usize,
    ) -> Result<NonNull<Self>, OutOfMemory> {
        let place = request(&provider, Layout::new::<Self>())?
            .ptr
            .cast::<Self>();
        let slabs = Self {
            shelves: [const { Cell::new(ptr::null_mut()) }; SHELVES],
            occupied: Cell::new(0),
            all: Cell::new(ptr::null_mut()),
            capacity: Cell::new(0),
            empty_slots: Cell::new(0),
            count: Cell::new(0),
            keep,
            walking: Cell::new(false),
            shape,
            stats: Collector::new(),
            provider,
            beside,
        };
        slabs.stats.chunk_added(size_of::<Self>());
        // SAFETY: a fresh chunk of this very layout.
        unsafe { place.write(slabs) };
        Ok(place)
    }

    /// Returns all slabs, whatever is in them, and then the owner itself.
    ///
    /// # Safety
    ///
    /// `this` came from `create`, and nobody uses it or a slot of its slabs any more.
    pub(crate) unsafe fn destroy(this: NonNull<Self>) {
        // SAFETY: initialised by `create`; moved out once, and only its chunk is used below.
        let slabs = unsafe { this.read() };
        while let Some(slab) = NonNull::new(slabs.all.get()) {
            slabs.unlink(slab);
            slabs.give_back(slab);
        }
        // SAFETY: the chunk that `create` asked this provider for.
        unsafe { slabs.provider.free(this.cast(), Layout::new::<Self>()) }; // USER CODE
    }

    /// What the door keeps here.
    #[inline(always)]
    pub(crate) fn beside(&self) -> &X {
        &self.beside
    }

    /// What was counted.
    #[inline(always)]
    pub(crate) fn stats(&self) -> &Collector {
        &self.stats
    }

    /// Where the memory comes from.
    pub(crate) fn provider(&self) -> &P {
        &self.provider
    }

    /// What its slabs have in common.
    #[inline(always)]
    pub(crate) fn shape(&self) -> SlabShape {
        self.shape
    }

    /// Slots of all slabs.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity.get()
    }

    /// How many slabs there are.
    pub(crate) fn slab_count(&self) -> usize {
        self.count.get()
    }

    /// Slots in use, and the slots of the slabs that hold them. O(slabs).
    pub(crate) fn usage(&self) -> (usize, usize) {
        let (mut live, mut slots) = (0, 0);
        let mut at = self.all.get();
        while let Some(slab) = NonNull::new(at) {
            let in_use = self.live(slab);
            if in_use > 0 {
                live += in_use as usize;
                slots += self.slots(slab) as usize;
            }
            at = self.look(slab).after.get();
        }
        (live, slots)
    }

    /// Whether a slab other than the current one has a free slot. O(1).
    pub(crate) fn has_room(&self) -> bool {
        self.occupied.get() & !(1 << FULL) != 0
    }

    /// A slab of ours.
    fn look(&self, slab: NonNull<Slab>) -> &Slab {
        // SAFETY: only called with slabs of our lists or of our slots, which are created and not
        // given back (invariant 1); all their changing fields are cells.
        unsafe { slab.as_ref() }
    }

    /// Slots in use of a slab of ours.
    pub(crate) fn live(&self, slab: NonNull<Slab>) -> u32 {
        // SAFETY: only called with slabs of ours.
        unsafe { Slab::live(slab, self.shape) }
    }

    /// Slots of a slab of ours.
    fn slots(&self, slab: NonNull<Slab>) -> u32 {
        // SAFETY: only called with slabs of ours.
        unsafe { Slab::slots(slab, self.shape) }
    }

    /// Whether `slot` of a slab of ours was freed a short while ago, as far as `most` frees tell.
    pub(crate) fn recently_freed(
        &self,
        slab: NonNull<Slab>,
        slot: NonNull<u8>,
        most: usize,
    ) -> bool {
        // SAFETY: only called with slabs of ours.
        unsafe { Slab::recently_freed(slab, slot, self.shape, most) }
    }

    /// Takes the slab that allocations should come from next off its shelf: it is current now. O(1).
    pub(crate) fn pick(&self) -> Option<NonNull<Slab>> {
        const SPARSE: u32 = (1 << NEARLY_FULL) - 2;
        let occupied = self.occupied.get();
        let shelf = match (occupied & SPARSE).checked_ilog2() {
            Some(fullest) => fullest as usize,
            None if occupied & 1 << NEARLY_FULL != 0 => NEARLY_FULL,
            None => EMPTY,
        };
        let slab = NonNull::new(self.shelves[shelf].get())?;
        self.unshelve(slab);
        Some(slab)
    }

    /// Puts a slab that was current onto the shelf it belongs to. O(1).
    pub(crate) fn file(&self, slab: NonNull<Slab>) {
        let this = self.look(slab);
        let (live, slots) = (self.live(slab), self.slots(slab));
        let (shelf, mark) = if live == 0 {
            self.empty_slots
                .set(self.empty_slots.get() + slots as usize);
            (EMPTY, None)
        } else if live == slots {
            (FULL, Some(live - 1))
        } else {
            // u64, so that eight times a slot count does not wrap.
            let band = (u64::from(live) * BANDS as u64).div_ceil(u64::from(slots)) as u32;
            let below = (u64::from(band - 1) * u64::from(slots) / BANDS as u64) as u32;
            (band as usize, Some(below))
        };
        // SAFETY: a slab of ours.
        unsafe { Slab::notify_at(slab, mark, self.shape) };
        this.shelf.set(shelf as u8);
        let slab_ptr = slab.as_ptr();
        match NonNull::new(self.shelves[shelf].get()) {
            Some(first) => {
                // Behind the last, which stands before the first in the ring.
                let last = self.look(first).previous.replace(slab_ptr);
                this.previous.set(last);
                this.next.set(first.as_ptr());
                if let Some(last) = NonNull::new(last) {
                    self.look(last).next.set(slab_ptr);
                }
            }
            None => {
                this.previous.set(slab_ptr);
                this.next.set(slab_ptr);
                self.shelves[shelf].set(slab_ptr);
                self.occupied.set(self.occupied.get() | 1 << shelf);
            }
        }
    }

    fn unshelve(&self, slab: NonNull<Slab>) {
        let this = self.look(slab);
        let shelf = usize::from(this.shelf.get());
        let (next, previous) = (this.next.get(), this.previous.get());
        if next == slab.as_ptr() {
            self.shelves[shelf].set(ptr::null_mut());
            self.occupied.set(self.occupied.get() & !(1 << shelf));
        } else if let (Some(next), Some(previous)) = (NonNull::new(next), NonNull::new(previous)) {
            self.look(next).previous.set(previous.as_ptr());
            self.look(previous).next.set(next.as_ptr());
            if self.shelves[shelf].get() == slab.as_ptr() {
                self.shelves[shelf].set(next.as_ptr());
            }
        }
        if shelf == EMPTY {
            self.empty_slots
                .set(self.empty_slots.get() - self.slots(slab) as usize);
        }
        // SAFETY: a slab of ours.
        unsafe { Slab::notify_at(slab, None, self.shape) };
    }

    /// Moves a slab whose `put` answered `true` to the shelf it belongs to now, and returns slabs to
    /// the provider if enough are empty.
    #[cold]
    #[inline(never)]
    pub(crate) fn notified(&self, slab: NonNull<Slab>) {
        if self.refile(slab) {
            self.trim(MOST_PER_FREE);
        }
    }

    /// Moves a slab whose `put` answered `true` to the shelf it belongs to now; whether it is empty.
    pub(crate) fn refile(&self, slab: NonNull<Slab>) -> bool {
        self.unshelve(slab);
        self.file(slab);
        usize::from(self.look(slab).shelf.get()) == EMPTY
    }

    /// Returns up to `most` empty slabs, those that have waited longest first, while enough slots
    /// stay empty.
    fn trim(&self, most: usize) {
        self.return_empty(most, |slab| self.may_return(slab));
    }

    /// Whether enough slots stay empty without this empty slab.
    fn may_return(&self, slab: NonNull<Slab>) -> bool {
        let slots = self.slots(slab) as usize;
        let (capacity, empty) = (self.capacity.get(), self.empty_slots.get());
        !self.walking.get()
            && capacity - slots >= self.keep
            && empty - slots >= self.shape.slots().max((capacity - empty) / 8)
    }

    /// Returns up to `most` slabs on the empty shelf for as long as `more` says so of the next; the
    /// number of slots that went.
    pub(crate) fn return_empty(&self, most: usize, more: impl Fn(NonNull<Slab>) -> bool) -> usize {
        let mut returned = 0;
        // A provider that uses the pool may empty further slabs meanwhile: those wait.
        for _ in 0..self.count.get().min(most) {
            let Some(slab) = self.detach(&more) else {
                break;
            };
            returned += self.slots(slab) as usize;
            self.give_back(slab);
        }
        returned
    }

    /// Takes the empty slab that has waited longest off every list if `more` says so: it is the
    /// caller's, who gives it back when nothing is locked.
    pub(crate) fn detach(&self, more: impl Fn(NonNull<Slab>) -> bool) -> Option<NonNull<Slab>> {
        let slab = NonNull::new(self.shelves[EMPTY].get()).filter(|&slab| more(slab))?;
        self.unshelve(slab);
        self.unlink(slab);
        Some(slab)
    }

    /// As [`detach`](Self::detach), if enough slots stay empty without it.
    pub(crate) fn detach_spare(&self) -> Option<NonNull<Slab>> {
        self.detach(|slab| self.may_return(slab))
    }

    /// Asks the provider for one more slab of at most `room()` slots, which is asked again after
    /// the provider has answered, because the provider may have used the pool.
    ///
    /// `Ok(false)` when there is no room.
    pub(crate) fn add(&self, room: impl Fn() -> usize) -> Result<bool, OutOfMemory> {
        if room() == 0 {
            return Ok(false);
        }
        let chunk = self.request_chunk()?;
        let slots = room().min(self.shape.slots()) as u32;
        if slots == 0 {
            self.refuse(chunk);
            return Ok(false);
        }
        self.adopt(chunk, slots);
        Ok(true)
    }

    /// Asks the provider for the chunk of a slab.
    pub(crate) fn request_chunk(&self) -> Result<SlabChunk, OutOfMemory> {
        let chunk = request(&self.provider, self.chunk_layout())?; // USER CODE
        Ok(SlabChunk(chunk.ptr.cast::<u8>()))
    }

    /// Gives a chunk back that is not needed after all.
    pub(crate) fn refuse(&self, chunk: SlabChunk) {
        // SAFETY: given by this provider for this layout, and unused.
        unsafe { self.provider.free(chunk.0, self.chunk_layout()) }; // USER CODE
    }

    /// Makes a chunk a slab of ours with its first `slots` slots, cut to what a slab has.
    pub(crate) fn adopt(&self, chunk: SlabChunk, slots: u32) {
        let slots = slots.min(self.shape.slots() as u32);
        // SAFETY: a fresh chunk of the layout; `slots` is at most its slots; we outlive our slabs.
        let slab = unsafe { Slab::create(chunk.0, self.shape, slots, NonNull::from(self).cast()) };
        let (start, bytes) = self.slot_range(slab);
        hooks::run_mapped(start, bytes);
        self.link(slab);
        self.file(slab);
    }

    /// Writes to each page of the slabs, none of which was used yet, so that the system supplies it
    /// now.
    pub(crate) fn touch(&self) {
        let mut at = self.all.get();
        while let Some(slab) = NonNull::new(at) {
            let (start, bytes) = self.slot_range(slab);
            hooks::slot_opened(start, bytes);
            // SAFETY: no slot of the slab was ever handed out or freed: it holds nothing yet.
            unsafe { touch(start, bytes) };
            hooks::slot_closed(start, bytes);
            at = self.look(slab).after.get();
        }
    }

    fn chunk_layout(&self) -> Layout {
        let size = self.shape.slab_bytes();
        // SAFETY: a `SlabLayout`'s size is a power of two not above `isize::MAX`.
        unsafe { Layout::from_size_align_unchecked(size, size) }
    }

    /// Where the chunk of a slab of ours starts.
    fn base(&self, slab: NonNull<Slab>) -> NonNull<u8> {
        // SAFETY: a slab's pointer is good for all of the slab.
        unsafe { locate::base(slab.cast(), self.shape.slab_bytes()) }
    }

    /// The bytes of a slab's slots.
    fn slot_range(&self, slab: NonNull<Slab>) -> (NonNull<u8>, usize) {
        // SAFETY: the first slot is within the slab's chunk.
        let first = unsafe { self.base(slab).add(self.shape.layout().first()) };
        let stride = self.shape.stride() as usize;
        (first, stride * self.slots(slab) as usize)
    }

    fn link(&self, slab: NonNull<Slab>) {
        let this = self.look(slab);
        let after = self.all.replace(slab.as_ptr());
        this.after.set(after);
        if let Some(after) = NonNull::new(after) {
            self.look(after).before.set(slab.as_ptr());
        }
        self.capacity
            .set(self.capacity.get() + self.slots(slab) as usize);
        self.count.set(self.count.get() + 1);
        self.stats.chunk_added(self.shape.slab_bytes());
    }

    fn unlink(&self, slab: NonNull<Slab>) {
        let this = self.look(slab);
        let (after, before) = (this.after.get(), this.before.get());
        match NonNull::new(before) {
            Some(before) => self.look(before).after.set(after),
            None => self.all.set(after),
        }
        if let Some(after) = NonNull::new(after) {
            self.look(after).before.set(before);
        }
        self.capacity
            .set(self.capacity.get() - self.slots(slab) as usize);
        self.count.set(self.count.get() - 1);
        self.stats.chunk_returned(self.shape.slab_bytes());
    }

    /// Gives the chunk of a slab that is on no list back to the provider.
    pub(crate) fn give_back(&self, slab: NonNull<Slab>) {
        let (start, bytes) = self.slot_range(slab);
        hooks::run_unmapped(start, bytes);
        let base = self.base(slab);
        // SAFETY: the chunk that `add` asked for; unlinked, so nothing leads to it any more.
        unsafe { self.provider.free(base, self.chunk_layout()) }; // USER CODE
    }

    /// Starts a walk over all slots in use. Until `end_walk`, no slab is returned.
    pub(crate) fn walk(&self) -> SlabCursor {
        self.walking.set(true);
        let mut cursor = SlabCursor {
            slab: self.all.get(),
            slots: None,
        };
        self.enter(&mut cursor);
        cursor
    }

    fn enter(&self, cursor: &mut SlabCursor) {
        cursor.slots = NonNull::new(cursor.slab).map(|slab| {
            // SAFETY: a slab of ours; the door that walks has `&mut`, so nobody else uses the list.
            unsafe { Slab::walk(slab, self.shape) }
        });
    }

    /// The next slot in use. Slots that the walk has passed may be put back meanwhile.
    pub(crate) fn next_live(&self, cursor: &mut SlabCursor) -> Option<NonNull<u8>> {
        loop {
            let slab = NonNull::new(cursor.slab)?;
            if let Some(slots) = &mut cursor.slots {
                // SAFETY: a slab of ours.
                let live = unsafe { Slab::next_live(slab, slots, self.shape) };
                if live.is_some() {
                    return live;
                }
            }
            cursor.slab = self.look(slab).after.get();
            self.enter(cursor);
        }
    }

    /// Ends a walk, and returns the slabs that it has emptied.
    pub(crate) fn end_walk(&self) {
        self.forget_walk();
        self.trim(usize::MAX);
    }

    /// Ends a walk that was forgotten. Nothing is returned: what is empty may be what growth has
    /// just added.
    pub(crate) fn forget_walk(&self) {
        self.walking.set(false);
    }
}

/// How far a walk over all slots in use has come.
#[derive(Debug)]
pub struct SlabCursor {
    slab: *mut Slab,
    slots: Option<ListWalk>,
}
