//! All slabs of one owner: which is full, which has room, which goes back.

use core::{alloc::Layout, cell::Cell, ptr, ptr::NonNull};

use super::{Slab, list::ListWalk, slab::NEVER};
use crate::{
    corruption::hooks,
    error::OutOfMemory,
    layout::{SlabLayout, SlotLayout},
    provider::{Provider, request},
};

/// Shelf of slabs without a value.
const EMPTY: usize = 0;
/// Shelves of slabs by eighths of their slots in use: shelf `b` holds those above `(b - 1) / 8` and
/// up to `b / 8`, but for full ones.
const BANDS: usize = 8;
/// Shelf of slabs without a free slot.
const FULL: usize = BANDS + 1;
const SHELVES: usize = FULL + 1;

/// The slabs of one owner, by how full they are.
///
/// ```text
///  shelf 0      1      2   …   8     9
///      empty │ ≤1/8 │ ≤2/8 │ … │ <1 │ full        + one current slab, on no shelf
///             ◀── a free moves it down       ──▶ exhausted: filed again
/// ```
///
/// Allocation takes from one *current* slab. When that is exhausted, the fullest slab with room
/// becomes current, so that sparse slabs drain and can be returned (the idea is Netty's chunk
/// lists; the shelves make it constant time). A free touches the shelves only when its slab crosses
/// an eighth: once in `slots / 8` frees.
///
/// An empty slab is returned to the provider only if as many slots as one slab has, and an eighth
/// of the capacity, are empty besides: a load that swings around a boundary maps nothing.
///
/// `X` is what the door wants to reach from a slot: its hooks.
///
/// # Invariants
///
/// 1. Every slab was created here with `layout` and `stride`, in a chunk of `provider`; it is on
///    the list from `all`, and on the shelf that its `live` says, or is current.
/// 2. `capacity` is the sum of the slabs' slots, `empty_slots` that of the slabs on `EMPTY`.
/// 3. `occupied` has bit `s` set exactly when shelf `s` is not empty.
/// 4. The value lies in a chunk of its own provider and does not move (slabs point to it).
/// 5. No reference into the lists is held while the provider runs.
pub(crate) struct Slabs<P: Provider, X> {
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
    layout: SlabLayout,
    stride: usize,
    provider: P,
    beside: X,
}

impl<P: Provider, X> Slabs<P, X> {
    /// Makes an owner without slabs, in a chunk of `provider`. Slabs will not be returned while the
    /// capacity would fall below `keep` slots.
    pub(crate) fn create(
        provider: P,
        beside: X,
        layout: SlabLayout,
        slot: SlotLayout,
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
            layout,
            stride: slot.stride(),
            provider,
            beside,
        };
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

    /// Where the memory comes from.
    pub(crate) fn provider(&self) -> &P {
        &self.provider
    }

    /// Bytes from slot to slot.
    #[inline(always)]
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// Slots of all slabs.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity.get()
    }

    /// How many slabs there are.
    pub(crate) fn slab_count(&self) -> usize {
        self.count.get()
    }

    /// Slots of a slab that is not capped.
    pub(crate) fn slots_per_slab(&self) -> usize {
        self.layout.slots() as usize
    }

    /// Bytes of one slab.
    pub(crate) fn slab_bytes(&self) -> usize {
        self.layout.size()
    }

    /// Slots in use, and the slots of the slabs that hold them. O(slabs).
    pub(crate) fn usage(&self) -> (usize, usize) {
        let (mut live, mut slots) = (0, 0);
        let mut at = self.all.get();
        while let Some(slab) = NonNull::new(at) {
            let slab = self.look(slab);
            if slab.live() > 0 {
                live += slab.live() as usize;
                slots += slab.slots() as usize;
            }
            at = slab.after.get();
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

    /// Takes the fullest slab with room off its shelf: it is current now. O(1).
    pub(crate) fn pick(&self) -> Option<NonNull<Slab>> {
        let with_room = self.occupied.get() & !(1 << FULL);
        let shelf = (u32::BITS - 1).checked_sub(with_room.leading_zeros())?;
        let slab = NonNull::new(self.shelves[shelf as usize].get())?;
        self.unshelve(slab);
        Some(slab)
    }

    /// Puts a slab that was current onto the shelf it belongs to. O(1).
    pub(crate) fn file(&self, slab: NonNull<Slab>) {
        let this = self.look(slab);
        let (live, slots) = (this.live(), this.slots());
        let (shelf, notify) = if live == 0 {
            self.empty_slots
                .set(self.empty_slots.get() + slots as usize);
            (EMPTY, NEVER)
        } else if live == slots {
            (FULL, live - 1)
        } else {
            // u64, so that eight times a slot count does not wrap.
            let band = (u64::from(live) * BANDS as u64).div_ceil(u64::from(slots)) as u32;
            let below = (u64::from(band - 1) * u64::from(slots) / BANDS as u64) as u32;
            (band as usize, below)
        };
        this.notify_at(notify);
        this.shelf.set(shelf as u8);
        let next = self.shelves[shelf].replace(slab.as_ptr());
        this.next.set(next);
        this.previous.set(ptr::null_mut());
        if let Some(next) = NonNull::new(next) {
            self.look(next).previous.set(slab.as_ptr());
        }
        self.occupied.set(self.occupied.get() | 1 << shelf);
    }

    fn unshelve(&self, slab: NonNull<Slab>) {
        let this = self.look(slab);
        let shelf = usize::from(this.shelf.get());
        let (next, previous) = (this.next.get(), this.previous.get());
        match NonNull::new(previous) {
            Some(previous) => self.look(previous).next.set(next),
            None => {
                self.shelves[shelf].set(next);
                if next.is_null() {
                    self.occupied.set(self.occupied.get() & !(1 << shelf));
                }
            }
        }
        if let Some(next) = NonNull::new(next) {
            self.look(next).previous.set(previous);
        }
        if shelf == EMPTY {
            self.empty_slots
                .set(self.empty_slots.get() - this.slots() as usize);
        }
        this.notify_at(NEVER);
    }

    /// Moves a slab whose `put` answered `true` to the shelf it belongs to now, and returns a slab
    /// to the provider if enough are empty.
    #[cold]
    #[inline(never)]
    pub(crate) fn notified(&self, slab: NonNull<Slab>) {
        self.unshelve(slab);
        self.file(slab);
        if self.look(slab).live() == 0 && self.may_return(slab) {
            self.unshelve(slab);
            self.unlink(slab);
            self.give_back(slab);
        }
    }

    /// Whether enough slots stay empty without this empty slab.
    fn may_return(&self, slab: NonNull<Slab>) -> bool {
        let slots = self.look(slab).slots() as usize;
        let capacity = self.capacity.get();
        let others = self.empty_slots.get() - slots;
        let occupied = capacity - self.empty_slots.get();
        !self.walking.get()
            && capacity - slots >= self.keep
            && others >= self.slots_per_slab().max(occupied / 8)
    }

    /// Returns every slab on the empty shelf; the number of slots returned.
    pub(crate) fn return_empty(&self) -> usize {
        let before = self.capacity.get();
        while let Some(slab) = NonNull::new(self.shelves[EMPTY].get()) {
            self.unshelve(slab);
            self.unlink(slab);
            self.give_back(slab);
        }
        before - self.capacity.get()
    }

    /// Asks the provider for one more slab of at most `room()` slots, which is asked again after
    /// the provider has answered, because the provider may have used the pool.
    ///
    /// `Ok(false)` when there is no room.
    pub(crate) fn add(&self, room: impl Fn() -> usize) -> Result<bool, OutOfMemory> {
        if room() == 0 {
            return Ok(false);
        }
        let chunk = Self::chunk_layout(self.layout);
        let base = request(&self.provider, chunk)?.ptr.cast::<u8>();
        let slots = room().min(self.slots_per_slab()) as u32;
        if slots == 0 {
            // SAFETY: just given by this provider for this layout, and unused.
            unsafe { self.provider.free(base, chunk) }; // USER CODE
            return Ok(false);
        }
        // SAFETY: a fresh chunk of the layout; `slots` is at most its slots; we outlive our slabs.
        let slab = unsafe {
            Slab::create(
                base,
                self.layout,
                self.stride,
                slots,
                NonNull::from(self).cast(),
            )
        };
        let (start, bytes) = self.slot_range(slab);
        hooks::run_mapped(start, bytes);
        self.link(slab);
        self.file(slab);
        Ok(true)
    }

    /// Writes to each page of the slabs on the empty shelf, so that the system supplies it now.
    pub(crate) fn touch(&self) {
        let mut at = self.shelves[EMPTY].get();
        while let Some(slab) = NonNull::new(at) {
            let (start, bytes) = self.slot_range(slab);
            for offset in (0..bytes).step_by(4096) {
                // SAFETY: within the slots of the slab.
                let byte = unsafe { start.add(offset) };
                hooks::slot_opened(byte, 1);
                // SAFETY: no slot of the slab was ever handed out or freed: it holds nothing yet.
                unsafe { byte.write_volatile(0) };
                hooks::slot_closed(byte, 1);
            }
            at = self.look(slab).next.get();
        }
    }

    const fn chunk_layout(layout: SlabLayout) -> Layout {
        // SAFETY: a `SlabLayout`'s size is a power of two not above `isize::MAX`.
        unsafe { Layout::from_size_align_unchecked(layout.size(), layout.size()) }
    }

    /// The bytes of a slab's slots.
    fn slot_range(&self, slab: NonNull<Slab>) -> (NonNull<u8>, usize) {
        // SAFETY: the first slot is within the slab's chunk.
        let first = unsafe { Slab::base(slab, self.layout.size()).add(self.layout.first()) };
        (first, self.stride * self.look(slab).slots() as usize)
    }

    fn link(&self, slab: NonNull<Slab>) {
        let this = self.look(slab);
        let after = self.all.replace(slab.as_ptr());
        this.after.set(after);
        if let Some(after) = NonNull::new(after) {
            self.look(after).before.set(slab.as_ptr());
        }
        self.capacity
            .set(self.capacity.get() + this.slots() as usize);
        self.count.set(self.count.get() + 1);
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
            .set(self.capacity.get() - this.slots() as usize);
        self.count.set(self.count.get() - 1);
    }

    /// Gives the chunk of a slab that is on no list back to the provider.
    fn give_back(&self, slab: NonNull<Slab>) {
        let (start, bytes) = self.slot_range(slab);
        hooks::run_unmapped(start, bytes);
        let base = Slab::base(slab, self.layout.size());
        // SAFETY: the chunk that `add` asked for; unlinked, so nothing leads to it any more.
        unsafe { self.provider.free(base, Self::chunk_layout(self.layout)) }; // USER CODE
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
            unsafe { Slab::walk(slab, self.layout, self.stride) }
        });
    }

    /// The next slot in use. Slots that the walk has passed may be put back meanwhile.
    pub(crate) fn next_live(&self, cursor: &mut SlabCursor) -> Option<NonNull<u8>> {
        loop {
            let slab = self.look(NonNull::new(cursor.slab)?);
            if let Some(slots) = &mut cursor.slots
                && let Some(slot) = slab.next_live(slots, self.stride)
            {
                return Some(slot);
            }
            cursor.slab = slab.after.get();
            self.enter(cursor);
        }
    }

    /// Ends a walk.
    pub(crate) fn end_walk(&self) {
        self.walking.set(false);
    }
}

/// How far a walk over all slots in use has come.
#[derive(Debug)]
pub struct SlabCursor {
    slab: *mut Slab,
    slots: Option<ListWalk>,
}
