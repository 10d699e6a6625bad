//! The free slots of a pool that counts exactly: one stack for all threads.

use core::{alloc::Layout, array, cell::Cell, ptr, ptr::NonNull};

use super::fresh::{Fresh, SharedShape, SharedSlab};
use crate::{
    error::OutOfMemory,
    index::{CLOSED, Link, NONE, TaggedHead},
    provider::{Provider, request},
    sync::atomic::{AtomicPtr, AtomicU64, Ordering},
};

/// Chunks of entries, each twice as large as the one before: enough for 2^28 numbers at least.
const CHUNKS: usize = 28;

/// What is known of a slot beside it, by its number.
struct Entry {
    /// As in [`AtomicStack`](crate::index): the number below, and how many are on the stack from this
    /// one on.
    link: AtomicU64,
    /// Written before the number is pushed for the first time, and never again.
    slot: Cell<*mut u8>,
}

/// The head on a line of its own: the others are only read.
#[repr(align(64))]
struct Head(TaggedHead);

/// All free slots of a pool on one stack of their numbers, so that how many there are is one answer.
///
/// The links cannot lie in the slots: a thread reads the link of a slot that others may have taken just
/// now. So there is an entry for each, which also says where the slot is.
///
/// # Invariants
///
/// 1. Chunk `k` is null or has an entry for each number that falls to it and is below `most`; chunks are
///    never replaced, and those after a null are null.
/// 2. A number below the slabs' capacity is on the stack, with a user, or with a thread that takes, puts
///    or adds it.
/// 3. The entry of a number that is or was on the stack has its slot.
pub(super) struct Exact {
    head: Head,
    chunks: [AtomicPtr<Entry>; CHUNKS],
    /// The first chunk has two to the power of this many numbers.
    shift: u32,
    most: usize,
    /// Bytes from the start of a slab to its first slot.
    first: usize,
    /// 2^32 / stride, rounded up.
    reciprocal: u64,
}

/// The entries, by parts of which nothing but atomics is borrowed.
#[derive(Clone, Copy)]
struct Entries<'e> {
    chunks: &'e [AtomicPtr<Entry>; CHUNKS],
    shift: u32,
}

impl<'e> Entries<'e> {
    /// The entry of a number that came by the stack, or that was added to it.
    #[inline(always)]
    fn at(self, number: u32) -> &'e Entry {
        let number = number as usize;
        if number >> self.shift != 0 {
            return self.beyond_the_first(number);
        }
        self.entry(0, number)
    }

    /// As [`at`](Self::at), of a number beyond the first chunk. Apart, so that the processor guesses
    /// that there is none, and need not wait for the number to know which chunk it is to look at. Cold, so that
    /// the compiler puts the calls out of the way.
    #[cold]
    #[inline(never)]
    fn beyond_the_first(self, number: usize) -> &'e Entry {
        let chunk = ((number >> self.shift) + 1).ilog2() as usize;
        self.entry(chunk, number - start_of(chunk, self.shift))
    }

    /// The entry at a place of a chunk.
    #[inline(always)]
    fn entry(self, chunk: usize, place: usize) -> &'e Entry {
        let chunk = &self.chunks[chunk];
        // Acquire: pairs with the Release in `add_chunk`.
        let first = chunk.load(Ordering::Acquire);
        // SAFETY: not null, and in its chunk: invariant 1 of `Exact`; a number is pushed once its chunk
        // is there, and what is read from the head happens after that.
        let entry = unsafe { NonNull::new_unchecked(first).add(place) };
        // SAFETY: entries stay until the pool ends; what changes in them are atomics.
        unsafe { entry.as_ref() }
    }
}

/// The first number of a chunk.
const fn start_of(chunk: usize, shift: u32) -> usize {
    let start = ((1_u64 << chunk) - 1) << shift;
    if start > CLOSED as u64 {
        CLOSED as usize
    } else {
        start as usize
    }
}

impl Exact {
    /// No slots; at most `most` will come, `first` of them soon.
    pub(super) fn new(shape: SharedShape, first: usize, most: Option<usize>) -> Self {
        let shift = first.clamp(1, 1 << 20).next_power_of_two().ilog2();
        Self {
            head: Head(TaggedHead::new()),
            chunks: array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            shift,
            most: most.unwrap_or(usize::MAX).min(start_of(CHUNKS, shift)),
            first: shape.first(),
            reciprocal: (1_u64 << u32::BITS).div_ceil(shape.stride() as u64),
        }
    }

    #[inline(always)]
    fn entries(&self) -> Entries<'_> {
        Entries {
            chunks: &self.chunks,
            shift: self.shift,
        }
    }

    /// A free slot; `None` when there is none at this moment.
    #[inline(always)]
    pub(super) fn take(&self) -> Option<NonNull<u8>> {
        let entries = self.entries();
        let mut slot = ptr::null_mut();
        let number = self.head.0.pop(|number| {
            let entry = entries.at(number);
            slot = entry.slot.get();
            // Relaxed: the head's exchange orders the link that counts, and refuses any other.
            Link::of(entry.link.load(Ordering::Relaxed)).below
        })?;
        if cfg!(debug_assertions) {
            // Release: pairs with the Acquire in `available`.
            let link = &entries.at(number).link;
            link.store(Link::AWAY.word(), Ordering::Release);
        }
        NonNull::new(slot)
    }

    /// The number of the slot that lies `offset` bytes from the start of a slab whose first slot has the
    /// number `base`.
    #[inline(always)]
    fn number(&self, base: u32, offset: usize) -> u32 {
        let offset = offset - self.first;
        // A division by the stride: the offset is a multiple of it, and as a product of `n` and the
        // stride below 2^32, so that the error, below `n` times the stride, is no whole.
        base + ((offset as u64 * self.reciprocal) >> u32::BITS) as u32
    }

    /// Puts a slot back; its number, and no change, when the stack is closed or shut.
    ///
    /// By a pointer, because the pool may end by another thread's doing as soon as the slot is back.
    ///
    /// # Safety
    ///
    /// The slot that lies `offset` bytes from the start of its slab, whose first slot has the number
    /// `base`, was taken from the `Exact` at `this`, and is not used any more.
    #[inline(always)]
    pub(super) unsafe fn put(this: NonNull<Self>, base: u32, offset: usize) -> Result<(), u32> {
        // SAFETY: the slot keeps the pool.
        let number = unsafe { this.as_ref() }.number(base, offset);
        // SAFETY: as above.
        let shift = unsafe { this.as_ref() }.shift;
        // SAFETY: as above; parts that are atomics, so that nothing else is borrowed when the slot is
        // gone.
        let (head, chunks) = unsafe { (&(*this.as_ptr()).head.0, &(*this.as_ptr()).chunks) };
        match push(head, Entries { chunks, shift }, number) {
            true => Ok(()),
            false => Err(number),
        }
    }

    /// The slot of a number that was taken.
    pub(super) fn slot(&self, number: u32) -> Option<NonNull<u8>> {
        NonNull::new(self.entries().at(number).slot.get())
    }

    /// How many slots are free: so many were on the stack at a moment during this call.
    pub(super) fn available(&self) -> usize {
        let entries = self.entries();
        // Acquire: pairs with each Release on links.
        let link = |number| Link::of(entries.at(number).link.load(Ordering::Acquire));
        self.head
            .0
            .look(|number| link(number).length)
            .unwrap_or_default() as usize
    }

    /// Whether a slot, named as for [`put`](Self::put), is free; known in debug builds only.
    pub(super) fn is_free(&self, base: u32, offset: usize) -> bool {
        let link = &self.entries().at(self.number(base, offset)).link;
        // Relaxed: right if the caller's use of the slot is.
        cfg!(debug_assertions) && Link::of(link.load(Ordering::Relaxed)).length != 0
    }

    /// Numbers that there are entries for: a multiple of `slots`, or all.
    fn covered(&self, slots: usize) -> usize {
        // Relaxed: a guess that is looked at again.
        let missing = |chunk: &AtomicPtr<Entry>| chunk.load(Ordering::Relaxed).is_null();
        let chunks = self.chunks.iter().position(missing).unwrap_or(CHUNKS);
        let covered = start_of(chunks, self.shift);
        if covered >= self.most {
            return self.most;
        }
        covered - covered % slots
    }

    /// Adds a slab as [`Fresh::add`] does, whose slots are to be [added](Self::add_slots) then. User code
    /// runs before.
    pub(super) fn add(
        &self,
        fresh: &Fresh,
        provider: &impl Provider,
        owner: NonNull<()>,
        pool: u32,
    ) -> Result<Option<NonNull<SharedSlab>>, OutOfMemory> {
        let slots = fresh.shape().slots();
        loop {
            let capacity = fresh.capacity();
            if capacity >= self.most {
                return Ok(None);
            }
            let covered = self.covered(slots);
            if covered <= capacity {
                self.add_chunk(provider)?;
                continue;
            }
            // What came meanwhile may have used up the entries: looked at again.
            let added = fresh.add(provider, owner, pool, Some(covered))?;
            if added.is_some() {
                return Ok(added);
            }
        }
    }

    /// Pushes the slots of a fresh slab, whose entries are there. While the stack is shut, `hand_over` is
    /// asked to take them; whether it did.
    pub(super) fn add_slots(
        &self,
        fresh: &Fresh,
        slab: NonNull<SharedSlab>,
        mut hand_over: impl FnMut(NonNull<u8>) -> bool,
    ) {
        let entries = self.entries();
        let (start, count) = fresh.carve_all(slab);
        // SAFETY: a slab of `fresh`.
        let number = unsafe { slab.as_ref() }.number();
        // The last is pushed first: lowest address on top.
        for n in (0..count).rev() {
            // SAFETY: `count` slots from the first.
            let slot = unsafe { start.add(n * fresh.shape().stride()) };
            let number = number + n as u32;
            entries.at(number).slot.set(slot.as_ptr());
            while !push(&self.head.0, entries, number) {
                // Slabs are added only while the pool is there, so somebody waits.
                if hand_over(slot) {
                    break;
                }
            }
        }
    }

    /// How many entries a chunk has.
    fn len_of(&self, chunk: usize) -> usize {
        let start = start_of(chunk, self.shift);
        (start_of(chunk + 1, self.shift) - start).min(self.most.saturating_sub(start))
    }

    /// Adds a chunk of entries of `provider`.
    #[cold]
    fn add_chunk(&self, provider: &impl Provider) -> Result<(), OutOfMemory> {
        // Relaxed: a guess that the exchange verifies.
        let missing = |chunk: &AtomicPtr<Entry>| chunk.load(Ordering::Relaxed).is_null();
        let Some(chunk) = self.chunks.iter().position(missing) else {
            return Ok(());
        };
        let len = self.len_of(chunk);
        let layout =
            Layout::array::<Entry>(len).map_err(|_| OutOfMemory::new(Layout::new::<Entry>()))?;
        let place = request(provider, layout)?.ptr.cast::<Entry>(); // USER CODE
        for n in 0..len {
            // SAFETY: the layout has room for `len` entries.
            let entry = unsafe { place.add(n) };
            let fresh = Entry {
                link: AtomicU64::new(Link::AWAY.word()),
                slot: Cell::new(ptr::null_mut()),
            };
            // SAFETY: as above; nobody else has the chunk yet.
            unsafe { entry.write(fresh) };
        }
        // Release: pairs with the Acquire in `at`. Relaxed on failure: nothing is read.
        let installed = self.chunks[chunk].compare_exchange(
            ptr::null_mut(),
            place.as_ptr(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        if installed.is_err() {
            // Another thread was faster.
            // SAFETY: given by this provider for this layout, and shown to nobody.
            unsafe { free(place, len, layout, provider) };
        }
        Ok(())
    }

    /// Lets no slot in while somebody waits, if there is none; whether none is let in now.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(super) fn shut(&self) -> bool {
        self.head.0.shut()
    }

    /// Lets slots in again.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(super) fn open(&self) {
        self.head.0.open();
    }

    /// Takes all slots for ever; how many were free. Slots that come later are refused.
    pub(super) fn close(&self) -> usize {
        let entries = self.entries();
        // Relaxed: written before the number was pushed, which the exchange is ordered after.
        let link = |number| Link::of(entries.at(number).link.load(Ordering::Relaxed));
        self.head
            .0
            .close()
            .map_or(0, |number| link(number).length as usize)
    }

    /// Gives the entries back.
    ///
    /// # Safety
    ///
    /// Nobody uses a slot any more; `provider` is that of every `add`.
    pub(super) unsafe fn end(&self, provider: &impl Provider) {
        for (n, chunk) in self.chunks.iter().enumerate() {
            // Relaxed: who ends the pool is ordered after everybody else's use.
            let Some(first) = NonNull::new(chunk.load(Ordering::Relaxed)) else {
                return;
            };
            let len = self.len_of(n);
            if let Ok(layout) = Layout::array::<Entry>(len) {
                // SAFETY: the provider gave it for this layout; nobody uses it.
                unsafe { free(first, len, layout, provider) };
            }
        }
    }
}

/// Gives a chunk of `len` entries back.
///
/// # Safety
///
/// It came from this provider for this layout, and nobody uses it any more.
unsafe fn free(first: NonNull<Entry>, len: usize, layout: Layout, provider: &impl Provider) {
    // A model checker's atomics want to be dropped.
    if cfg!(any(loom, shuttle)) {
        // SAFETY: the chunk's entries, which nobody uses any more.
        unsafe { NonNull::slice_from_raw_parts(first, len).drop_in_place() };
    }
    // SAFETY: the caller's promise.
    unsafe { provider.free(first.cast(), layout) }; // USER CODE
}

/// Pushes a number that this thread has; `false`, and no change, when the stack is closed.
#[inline(always)]
fn push(head: &TaggedHead, entries: Entries<'_>, number: u32) -> bool {
    let link = &entries.at(number).link;
    head.try_push(number, |top| {
        let mut new = Link::LAST;
        if top != NONE {
            // Relaxed: written before `top` was pushed, which the head's Acquire is paired with. If it
            // is of a later time, the exchange is refused.
            let below = Link::of(entries.at(top).link.load(Ordering::Relaxed));
            (new.below, new.length) = (top, below.length.wrapping_add(1));
        }
        // Release: pairs with the Acquire in `available`, see `TaggedHead::look`.
        link.store(new.word(), Ordering::Release);
    })
}

// SAFETY: the cells of an entry are written before its number is pushed for the first time, and only
// read by who has seen the number on the stack.
unsafe impl Sync for Exact {}
// SAFETY: as above; slots are addresses.
unsafe impl Send for Exact {}
