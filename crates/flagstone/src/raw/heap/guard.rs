//! Single blocks with inaccessible pages around them, which stay inaccessible for a while when they were freed.

use core::ptr::{self, NonNull};

use super::{
    chunk::Front,
    site::{FRAMES, Site},
    span::{Kind, Span},
    store::Store,
    undo::{Undo, aside},
};
use crate::{
    corruption::{Corruption, report},
    layout::{align_up, span::SLICE},
    provider::Provider,
    sync::{
        SpinLock,
        atomic::{AtomicPtr, AtomicUsize, Ordering},
    },
};

/// So many blocks at once, with those that were freed last.
pub(super) const PLACES: usize = 128;

/// A slice of which only the pages of one block can be touched, if any.
///
/// All zeros is one without a slice. Written by who has taken it, under no lock; read by anybody, a handler of
/// faults for one, which must not wait and may see some of it before the rest.
struct Place {
    slice: AtomicUsize,
    block: AtomicUsize,
    size: AtomicUsize,
    /// Where its pages begin, and how many bytes they have.
    pages: AtomicUsize,
    bytes: AtomicUsize,
    state: AtomicUsize,
    made: Site,
    freed: Site,
}

/// States; 0 is that of a place without a block.
const LIVE: usize = 1;
const FREED: usize = 2;

const _: () = assert!(size_of::<Place>() * PLACES <= SLICE);

/// A block of these, as it is or was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guarded {
    pub(crate) block: usize,
    pub(crate) size: usize,
    pub(crate) is_freed: bool,
    pub(crate) made: [usize; FRAMES],
    pub(crate) freed: [usize; FRAMES],
}

/// The guarded blocks of a heap. The idea to guard a few blocks of a program in production is that of GWP-ASan
/// (K. Serebryany et al., "GWP-ASan: Sampling-Based Detection of Memory-Safety Bugs in Production", ICSE 2024).
///
/// # Invariants
///
/// 1. `places` is null, or points to `PLACES` places in a slice that the heap keeps.
/// 2. The place of a live block is its block's owner's; those on the list are the lock's; one that was taken off
///    it is the taker's.
pub(super) struct Guard {
    places: AtomicPtr<Place>,
    waiting: lock_api::Mutex<SpinLock, Waiting>,
}

/// Places without a block, the one that is so for longest first: a ring of their numbers.
struct Waiting {
    ring: [u8; PLACES],
    first: usize,
    count: usize,
    /// How many places were ever in use.
    known: usize,
}

impl Waiting {
    /// A place to use next: one that never was, or the oldest.
    fn take(&mut self) -> Option<usize> {
        if self.known < PLACES {
            self.known += 1;
            return Some(self.known - 1);
        }
        let count = self.count.checked_sub(1)?;
        let place = self.ring[self.first];
        self.first = (self.first + 1) % PLACES;
        self.count = count;
        Some(place.into())
    }

    fn put(&mut self, place: usize) {
        self.ring[(self.first + self.count) % PLACES] = place as u8;
        self.count += 1;
    }
}

impl Guard {
    pub(super) const fn new() -> Self {
        let waiting = Waiting {
            ring: [0; PLACES],
            first: 0,
            count: 0,
            known: 0,
        };
        Self {
            places: AtomicPtr::new(ptr::null_mut()),
            waiting: lock_api::Mutex::const_new(SpinLock::new(), waiting),
        }
    }

    /// The lock, for a process that is about to be forked.
    pub(super) fn lock(&self) -> &lock_api::Mutex<SpinLock, impl Sized> {
        &self.waiting
    }

    fn places(&self) -> &[Place] {
        // Acquire: pairs with the exchange in `begin`.
        match NonNull::new(self.places.load(Ordering::Acquire)) {
            // SAFETY: invariant 1; all fields may be shared.
            Some(places) => unsafe { NonNull::slice_from_raw_parts(places, PLACES).as_ref() },
            None => &[],
        }
    }

    fn begin<P: Provider>(&self, store: &Store<P>) -> Option<&[Place]> {
        if self.places().is_empty() {
            let slice = store.own_slice()?;
            // SAFETY: a slice of ours.
            unsafe { slice.write_bytes(0, SLICE) };
            let places = slice.cast().as_ptr();
            // AcqRel: pairs with the Acquire in `places`.
            let first = self.places.compare_exchange(
                ptr::null_mut(),
                places,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if first.is_err() {
                // SAFETY: ours, and nobody knows of it.
                unsafe { store.return_slice(slice) };
            }
        }
        Some(self.places())
    }

    /// A zeroed block, if it is not too large and there is a place. At the end of its pages, or, if it is `early`, at the
    /// beginning.
    pub(super) fn alloc<P: Provider>(
        &self,
        store: &Store<P>,
        size: usize,
        align: usize,
        early: bool,
    ) -> Option<NonNull<u8>> {
        let page = store.page_size();
        let bytes = align_up(size.max(1), page.max(align))?;
        // With a page on either side that nobody can touch.
        if bytes + 2 * page > SLICE || align > page {
            return None;
        }
        let places = self.begin(store)?;
        let number = self.waiting.lock().take()?;
        let place = &places[number];
        let back = Undo::with(|| self.waiting.lock().put(number));
        let slice = Self::slice_of(place, store)?;
        // SAFETY: within the slice.
        let end = unsafe { slice.byte_add(SLICE - page) };
        // SAFETY: as above.
        let pages = unsafe { end.byte_sub(bytes) };
        // SAFETY: pages of the slice that are not committed, as all of it.
        let zeroed = unsafe { store.make_accessible(pages, bytes) }?;
        back.forget();
        if !zeroed {
            // SAFETY: the pages are ours.
            unsafe { pages.write_bytes(0, bytes) };
        }
        // As near to the end as its alignment lets it be.
        let before = if early {
            0
        } else {
            (bytes - size) & !(align - 1)
        };
        // SAFETY: within the pages.
        let block = unsafe { pages.byte_add(before) };
        place.freed.forget();
        place.made.note();
        // Relaxed, here and below: the block's way to another thread brings them along; a handler of faults
        // takes what it sees.
        place.block.store(block.as_ptr().addr(), Ordering::Relaxed);
        place.size.store(size, Ordering::Relaxed);
        let first = pages.as_ptr().expose_provenance();
        place.pages.store(first, Ordering::Relaxed);
        place.bytes.store(bytes, Ordering::Relaxed);
        place.state.store(LIVE, Ordering::Relaxed);
        // SAFETY: a slice of a chunk.
        let (front, first) = unsafe { Front::of(slice.as_ptr().addr()) };
        front.set_tags(first, 1, 0);
        front.span(first).be_block(Kind::Guarded, 1, size, block);
        Some(block)
    }

    /// The slice of a place, which it gets if it has none: nothing of it can be touched.
    fn slice_of<P: Provider>(place: &Place, store: &Store<P>) -> Option<NonNull<u8>> {
        let slice = place.slice.load(Ordering::Relaxed);
        if let Some(slice) = NonNull::new(ptr::with_exposed_provenance_mut(slice)) {
            return Some(slice);
        }
        let slice = store.own_slice()?;
        // SAFETY: a slice of ours, with nothing in it.
        let back = Undo::with(|| unsafe { store.return_slice(slice) });
        // SAFETY: as above.
        if !unsafe { store.make_inaccessible(slice, SLICE) } {
            return None;
        }
        back.forget();
        place
            .slice
            .store(slice.as_ptr().expose_provenance(), Ordering::Relaxed);
        Some(slice)
    }

    /// Takes a block back; from now on nobody can touch it.
    ///
    /// # Safety
    ///
    /// `span` is that of a guarded block, which nobody uses any more. It may have been freed before, and `block` may
    /// be an address inside.
    pub(super) unsafe fn free<P: Provider>(
        &self,
        store: &Store<P>,
        span: &Span,
        block: NonNull<u8>,
    ) {
        let address = block.as_ptr().addr();
        if span.base() != block.as_ptr() {
            report(Corruption::ForeignPointer { address });
        }
        let places = self.places();
        let at = |place: &Place| place.block.load(Ordering::Relaxed) == address;
        let Some(number) = places.iter().position(at) else {
            report(Corruption::ForeignPointer { address });
        };
        let place = &places[number];
        // Relaxed: who comes second reads nothing.
        if place.state.swap(FREED, Ordering::Relaxed) != LIVE {
            report(Corruption::DoubleFree { address });
        }
        // A strict heap has noted that already.
        let _ = span.claim_block();
        place.freed.note();
        let pages = place.pages.load(Ordering::Relaxed);
        if let Some(pages) = NonNull::new(ptr::with_exposed_provenance_mut(pages)) {
            let bytes = place.bytes.load(Ordering::Relaxed);
            let mut done = false;
            // SAFETY: the pages of the block, which is the caller's.
            aside(|| done = unsafe { store.make_inaccessible(pages, bytes) });
            if !done {
                // It stays as it is, for good.
                return;
            }
        }
        self.waiting.lock().put(number);
    }

    /// The block that is or was where the address is, or nearest to it. Waits for nothing.
    pub(super) fn at(&self, address: usize) -> Option<Guarded> {
        let within = |place: &&Place| {
            let slice = place.slice.load(Ordering::Relaxed);
            slice != 0 && address.wrapping_sub(slice) < SLICE
        };
        let place = self.places().iter().find(within)?;
        let state = place.state.load(Ordering::Relaxed);
        (state != 0).then(|| Guarded {
            block: place.block.load(Ordering::Relaxed),
            size: place.size.load(Ordering::Relaxed),
            is_freed: state == FREED,
            made: place.made.frames(),
            freed: place.freed.frames(),
        })
    }
}
