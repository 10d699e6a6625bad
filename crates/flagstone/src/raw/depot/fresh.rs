//! Slots that nobody has had yet.

use core::{alloc::Layout, ptr, ptr::NonNull};

use lock_api::Mutex;

use crate::{
    corruption::hooks,
    error::OutOfMemory,
    layout::{SlabLayout, SlotLayout},
    provider::{Provider, request},
    raw::{locate, touch},
    sync::{
        DefaultLock,
        atomic::{AtomicPtr, AtomicU32, Ordering},
        default_lock,
    },
};

/// Where the slots of a shared pool's slabs lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedShape {
    layout: SlabLayout,
    stride: u32,
}

impl SharedShape {
    /// Slabs of that layout, made for a [`SharedSlab`] as their descriptor.
    pub(crate) fn new(layout: SlabLayout, slot: SlotLayout) -> Self {
        Self {
            layout,
            // Within a slab, whose size fits 32 bits.
            stride: slot.stride() as u32,
        }
    }

    /// Slots of a whole slab.
    pub(crate) fn slots(self) -> usize {
        self.layout.slots() as usize
    }

    /// Bytes of a slab.
    pub(crate) fn slab_bytes(self) -> usize {
        self.layout.size()
    }

    /// Bytes from the start of a slab to its first slot.
    pub(crate) fn first(self) -> usize {
        self.layout.first()
    }

    /// Bytes from slot to slot.
    pub(crate) fn stride(self) -> usize {
        self.stride as usize
    }

    fn chunk_layout(self) -> Layout {
        let size = self.layout.size();
        // SAFETY: a `SlabLayout`'s size is a power of two not above `isize::MAX`.
        unsafe { Layout::from_size_align_unchecked(size, size) }
    }
}

/// The descriptor of a slab of a pool that threads share. Its first line is only read, by every free;
/// the second is written when slots are carved.
///
/// # Invariants
///
/// 1. Slots below number `carved` were handed out, those up to `slots` were never touched.
/// 2. `owner` and `pool` are those of the pool, which outlives the slab. `number` is right if it fits.
#[repr(C, align(64))]
pub(crate) struct SharedSlab {
    owner: NonNull<()>,
    pool: u32,
    /// Slots of the slabs before this one.
    number: u32,
    carving: Carving,
}

/// The line of a [`SharedSlab`] that changes.
#[repr(C, align(64))]
struct Carving {
    carved: AtomicU32,
    slots: u32,
    next: AtomicPtr<SharedSlab>,
}

impl SharedSlab {
    /// The slab that `slot` lies in.
    ///
    /// # Safety
    ///
    /// `slot` points into a slab of `size` bytes, and may be used for all of it.
    #[inline(always)]
    pub(crate) unsafe fn of<'a>(slot: NonNull<u8>, size: usize) -> &'a Self {
        // SAFETY: the caller's promise.
        let slab = unsafe { locate::descriptor(slot, size) }.cast::<Self>();
        // SAFETY: initialised, and shared by all; its changing fields are atomics.
        unsafe { slab.as_ref() }
    }

    /// What owns the slab.
    #[inline(always)]
    pub(crate) fn owner(&self) -> NonNull<()> {
        self.owner
    }

    /// The number of the pool.
    #[inline(always)]
    pub(crate) fn pool(&self) -> u32 {
        self.pool
    }

    /// The number of its first slot, if all slots are counted through and are not too many.
    #[inline(always)]
    pub(crate) fn number(&self) -> u32 {
        self.number
    }
}

/// The slabs of a pool that threads share: none is given back before the pool ends.
///
/// # Invariants
///
/// 1. All slabs were made here with `shape`, in chunks of one provider, and hang together by `next`
///    from `listed.first` to `listed.last`.
/// 2. `current` is null or a slab before which none has an untouched slot.
pub(crate) struct Fresh {
    shape: SharedShape,
    current: AtomicPtr<SharedSlab>,
    listed: Mutex<DefaultLock, Listed>,
}

struct Listed {
    first: *mut SharedSlab,
    last: *mut SharedSlab,
    capacity: usize,
    count: usize,
}

// SAFETY: pointers to slabs that belong to the list; their descriptors are `Sync`.
unsafe impl Send for Listed {}

impl Fresh {
    pub(crate) fn new(shape: SharedShape) -> Self {
        let listed = Listed {
            first: ptr::null_mut(),
            last: ptr::null_mut(),
            capacity: 0,
            count: 0,
        };
        Self {
            shape,
            current: AtomicPtr::new(ptr::null_mut()),
            listed: Mutex::from_raw(default_lock(), listed),
        }
    }

    /// What the slabs have in common.
    pub(crate) fn shape(&self) -> SharedShape {
        self.shape
    }

    /// Slots of all slabs.
    pub(crate) fn capacity(&self) -> usize {
        self.listed.lock().capacity
    }

    /// How many slabs there are.
    pub(crate) fn slab_count(&self) -> usize {
        self.listed.lock().count
    }

    /// Whether a slot was never handed out, at a moment that may be over.
    pub(crate) fn has_fresh(&self) -> bool {
        self.carvable(|_| ()).is_some()
    }

    /// Walks to the first slab with untouched slots, and shows it to `see`.
    fn carvable<R>(&self, mut see: impl FnMut(NonNull<SharedSlab>) -> R) -> Option<R> {
        loop {
            // Acquire: pairs with the Release in `add` and below.
            let current = self.current.load(Ordering::Acquire);
            let place = NonNull::new(current)?;
            // SAFETY: a slab of ours, which stays.
            let slab = unsafe { place.as_ref() };
            // Relaxed: a hint; `carve` verifies it.
            if slab.carving.carved.load(Ordering::Relaxed) < slab.carving.slots {
                return Some(see(place));
            }
            // Acquire: pairs with the Release in `add`.
            let next = slab.carving.next.load(Ordering::Acquire);
            if next.is_null() {
                return None;
            }
            // Release: passes on what made `next`. Relaxed on failure: looked at again.
            let _ =
                self.current
                    .compare_exchange(current, next, Ordering::Release, Ordering::Relaxed);
        }
    }

    /// Up to `most` slots that nobody has had: the address of the first, and how many.
    pub(crate) fn carve(&self, most: usize) -> Option<(NonNull<u8>, usize)> {
        loop {
            let carved = self.carvable(|slab| {
                // SAFETY: a slab of ours.
                let Carving { carved, slots, .. } = unsafe { &slab.as_ref().carving };
                // Relaxed, all: a number that publishes nothing; the slots were made with the slab.
                let start = carved.load(Ordering::Relaxed);
                let count = (slots - start.min(*slots)).min(most as u32);
                let won = count > 0
                    && carved
                        .compare_exchange(
                            start,
                            start + count,
                            Ordering::Relaxed,
                            Ordering::Relaxed,
                        )
                        .is_ok();
                won.then(|| (self.slot(slab, start), count as usize))
            })?;
            if carved.is_some() {
                return carved;
            }
        }
    }

    fn slot(&self, slab: NonNull<SharedSlab>, number: u32) -> NonNull<u8> {
        let offset = self.shape.layout.first() + number as usize * self.shape.stride();
        // SAFETY: a slot of the slab, whose numbers are below `slots`.
        unsafe { self.base(slab).add(offset) }
    }

    /// Where the chunk of a slab of ours starts.
    fn base(&self, slab: NonNull<SharedSlab>) -> NonNull<u8> {
        // SAFETY: a slab of this size, whose pointer is good for all of it.
        unsafe { locate::base(slab.cast(), self.shape.slab_bytes()) }
    }

    /// Whether the address is that of a slot of the slab it lies in, which is one of ours.
    pub(crate) fn is_slot(&self, slot: NonNull<u8>) -> bool {
        let offset = slot.as_ptr().addr() & (self.shape.slab_bytes() - 1);
        offset
            .checked_sub(self.shape.layout.first())
            .is_some_and(|offset| offset.is_multiple_of(self.shape.stride()))
    }

    /// Slots handed out at least once, and all slots, at one moment. O(slabs).
    pub(crate) fn carved(&self) -> (usize, usize) {
        let listed = self.listed.lock();
        let mut carved = 0;
        let mut at = listed.first;
        while let Some(slab) = NonNull::new(at) {
            // SAFETY: a slab of ours. Relaxed: a number that publishes nothing.
            carved += unsafe { slab.as_ref() }
                .carving
                .carved
                .load(Ordering::Relaxed) as usize;
            at = Self::after(slab);
        }
        (carved, listed.capacity)
    }

    /// Hands out all slots of a slab that was added just now: the address of the first, and how many.
    pub(crate) fn carve_all(&self, slab: NonNull<SharedSlab>) -> (NonNull<u8>, usize) {
        // SAFETY: a slab of ours.
        let Carving { carved, slots, .. } = unsafe { &slab.as_ref().carving };
        // Relaxed: a number that publishes nothing.
        let before = carved.swap(*slots, Ordering::Relaxed);
        debug_assert_eq!(before, 0, "slots of such a slab are had all at once");
        (self.slot(slab, 0), *slots as usize)
    }

    /// Adds one slab for `owner`, of at most as many slots as fit under `max`; `None` when there is
    /// no room. The provider is asked while nothing is locked, and the room is
    /// looked at again afterwards.
    pub(crate) fn add(
        &self,
        provider: &impl Provider,
        owner: NonNull<()>,
        pool: u32,
        max: Option<usize>,
    ) -> Result<Option<NonNull<SharedSlab>>, OutOfMemory> {
        let room = |capacity| max.map_or(usize::MAX, |max| max.saturating_sub(capacity));
        if room(self.capacity()) == 0 {
            return Ok(None);
        }
        let layout = self.shape.chunk_layout();
        let chunk = request(provider, layout)?.ptr.cast::<u8>(); // USER CODE
        let mut listed = self.listed.lock();
        let slots = room(listed.capacity).min(self.shape.slots());
        if slots == 0 {
            drop(listed);
            // SAFETY: given by this provider for this layout, and unused.
            unsafe { provider.free(chunk, layout) }; // USER CODE
            return Ok(None);
        }
        let offset = SlabLayout::descriptor_offset(chunk.as_ptr().addr(), layout.size());
        // SAFETY: the descriptor lies in the chunk, before the first slot.
        let slab = unsafe { chunk.byte_add(offset) }.cast::<SharedSlab>();
        let descriptor = SharedSlab {
            owner,
            pool,
            number: listed.capacity as u32,
            carving: Carving {
                carved: AtomicU32::new(0),
                slots: slots as u32,
                next: AtomicPtr::new(ptr::null_mut()),
            },
        };
        // SAFETY: in bounds, aligned to a line because colours are whole lines, and nobody else's.
        unsafe { slab.write(descriptor) };
        // SAFETY: the slots of a chunk of the shape's layout start there.
        let start = unsafe { chunk.add(self.shape.layout.first()) };
        hooks::run_mapped(start, slots * self.shape.stride());
        // SAFETY: null or a slab of ours.
        match unsafe { listed.last.as_ref() } {
            // Release: pairs with the Acquire in `carvable`.
            Some(last) => last.carving.next.store(slab.as_ptr(), Ordering::Release),
            None => {
                listed.first = slab.as_ptr();
                // Release: as above.
                self.current.store(slab.as_ptr(), Ordering::Release);
            }
        }
        listed.last = slab.as_ptr();
        listed.capacity += slots;
        listed.count += 1;
        Ok(Some(slab))
    }

    /// Writes to each page of the slabs, none of which was used yet.
    pub(crate) fn touch(&self) {
        let listed = self.listed.lock();
        let mut at = listed.first;
        while let Some(slab) = NonNull::new(at) {
            let (start, bytes) = self.slots_of(slab);
            hooks::slot_opened(start, bytes);
            // SAFETY: no slot of the slab was ever handed out: it holds nothing yet.
            unsafe { touch(start, bytes) };
            hooks::slot_closed(start, bytes);
            at = Self::after(slab);
        }
    }

    /// The slab after one of ours, under the lock.
    fn after(slab: NonNull<SharedSlab>) -> *mut SharedSlab {
        // SAFETY: a slab of ours. Relaxed: links change under the lock.
        unsafe { slab.as_ref() }
            .carving
            .next
            .load(Ordering::Relaxed)
    }

    fn slots_of(&self, slab: NonNull<SharedSlab>) -> (NonNull<u8>, usize) {
        // SAFETY: a slab of ours.
        let slots = unsafe { slab.as_ref() }.carving.slots;
        (self.slot(slab, 0), slots as usize * self.shape.stride())
    }

    /// Gives all slabs back.
    ///
    /// # Safety
    ///
    /// Nobody uses a slot any more; `provider` is that of every `add`.
    pub(crate) unsafe fn end(&self, provider: &impl Provider) {
        let mut at = {
            let mut listed = self.listed.lock();
            listed.last = ptr::null_mut();
            core::mem::replace(&mut listed.first, ptr::null_mut())
        };
        while let Some(slab) = NonNull::new(at) {
            let (start, bytes) = self.slots_of(slab);
            let base = self.base(slab);
            at = Self::after(slab);
            hooks::run_unmapped(start, bytes);
            // SAFETY: the chunk that `add` asked this provider for; nothing leads to it any more.
            unsafe { provider.free(base, self.shape.chunk_layout()) }; // USER CODE
        }
    }
}

#[cfg(not(shuttle))] // whose atomics are larger
const _: () = assert!(size_of::<SharedSlab>() == 128 && align_of::<SharedSlab>() == 64);
