//! The slabs of a cache that nobody owns, and the end of them all.

use core::{alloc::Layout, any::TypeId, ptr, ptr::NonNull};

use lock_api::{Mutex, RawMutex};

use super::{
    owner::Owner,
    shape::RemoteShape,
    shelf::SlabList,
    slab::{RemoteSlab, Shelf},
    tenants::Tenants,
};
#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};
use crate::{
    error::{AllocErrorKind, OutOfMemory},
    provider::{Provider, request},
    raw::{PutBack, locate, too_many},
    stats::Collector,
    sync::{
        NoLock,
        atomic::{AtomicUsize, Ordering},
        seeded,
    },
};

/// What all owners of a cache's slabs share: in a chunk of its own, so that no slab that is released can
/// take the lock with it.
///
/// # Invariants
///
/// 1. `references` counts owners, slabs, and the visits and owners' ends that are under way. Who takes the
///    last ends the core.
/// 2. Every slab was made here with `shape`, and is with its owner or on the shelf that it says.
/// 3. The provider, and whoever is in the slots, are called without the lock.
pub(crate) struct Core<L, P, X> {
    references: AtomicUsize,
    shape: RemoteShape,
    state: Mutex<L, Shelves>,
    provider: P,
    tenants: X,
}

/// What the lock guards.
struct Shelves {
    owned: SlabList,
    full: SlabList,
    partial: SlabList,
    empty: SlabList,
    slabs: usize,
    owners: usize,
    stats: Collector,
    /// What slabs counted that were released, in which every slot that was handed out came back.
    #[cfg(feature = "stats")]
    past: u64,
    /// The most that were ever seen in use.
    #[cfg(feature = "stats")]
    peak: u64,
}

/// A list of slabs that are to be released, by their `next`.
type Gone = *mut RemoteSlab;

impl Shelves {
    /// So many empty slabs stay for the next who needs one: one, or an eighth of all.
    const fn spare(&self) -> usize {
        if self.owners == 0 {
            return 0;
        }
        let eighth = self.slabs / 8;
        if eighth == 0 { 1 } else { eighth }
    }

    /// Where a slab goes that has no owner any more, with so many slots in use.
    ///
    /// # Safety
    ///
    /// `slab` is its owner's, who has given it up.
    unsafe fn file(&mut self, slab: NonNull<RemoteSlab>, in_use: u32, shape: RemoteShape) {
        // SAFETY: owned slabs are on that list.
        unsafe { self.owned.remove(slab) };
        let shelf = if in_use == 0 {
            &mut self.empty
        } else if in_use > shape.mark() {
            &mut self.full
        } else {
            &mut self.partial
        };
        // SAFETY: on no list now.
        unsafe { shelf.add(slab) };
    }

    /// Takes empty slabs that nobody visits off their list, those first that have waited longest, until
    /// `spare` are left.
    fn surplus(&mut self, spare: usize, shape: RemoteShape) -> Gone {
        let mut gone = ptr::null_mut();
        let mut at = self.empty.first();
        while let Some(slab) = at
            && self.empty.len() > spare
        {
            // SAFETY: on that list.
            at = unsafe { self.empty.after(slab) };
            // SAFETY: on the list, so it is there.
            let descriptor = unsafe { slab.as_ref() };
            if descriptor.awaited.get() > 0 && !seeded("visits are not awaited") {
                continue;
            }
            // SAFETY: on that list.
            unsafe { self.empty.remove(slab) };
            self.slabs -= 1;
            self.stats.chunk_returned(shape.size());
            #[cfg(feature = "stats")]
            {
                self.past = self.past.wrapping_add(descriptor.tally(shape).0);
            }
            descriptor.next.set(gone);
            gone = slab.as_ptr();
        }
        gone
    }

    /// One of the visits that are due (invariant 4 of [`RemoteSlab`]); they do not tell who they are, so
    /// each does what is next.
    ///
    /// # Safety
    ///
    /// A visit to `slab` was due, and is this one.
    unsafe fn visit(&mut self, slab: NonNull<RemoteSlab>, shape: RemoteShape) -> Gone {
        // SAFETY: a slab stays as long as a visit is due.
        let descriptor = unsafe { slab.as_ref() };
        if let Some(others) = descriptor.awaited.get().checked_sub(1) {
            descriptor.awaited.set(others);
            return self.surplus(self.spare(), shape);
        }
        match descriptor.shelf.get() {
            Shelf::Full => {
                // SAFETY: it says that it is on that list.
                unsafe { self.full.remove(slab) };
                // SAFETY: on no list now, and it stays: slots are in use, or another visit is due.
                unsafe { self.partial.add(slab) };
                ptr::null_mut()
            }
            Shelf::Partial => {
                // SAFETY: it says that it is on that list.
                unsafe { self.partial.remove(slab) };
                // SAFETY: on no list now; no slot is in use, as this visit is due.
                unsafe { self.empty.add(slab) };
                self.surplus(self.spare(), shape)
            }
            Shelf::Owned | Shelf::Empty => {
                debug_assert!(false, "a visit that is not due");
                ptr::null_mut()
            }
        }
    }

    /// Takes `slab` off its shelf, for `owner`; visits that are due are awaited from now on.
    ///
    /// # Safety
    ///
    /// `slab` is on a shelf, and `owner` has none.
    unsafe fn adopt(
        &mut self,
        slab: NonNull<RemoteSlab>,
        owner: &Owner,
        shape: RemoteShape,
        local: bool,
    ) {
        // SAFETY: on a shelf, so it is there.
        let descriptor = unsafe { slab.as_ref() };
        let shelf = descriptor.shelf.get();
        match shelf {
            // SAFETY: it says that it is on that list.
            Shelf::Full => unsafe { self.full.remove(slab) },
            // SAFETY: as above.
            Shelf::Partial => unsafe { self.partial.remove(slab) },
            // SAFETY: as above.
            Shelf::Empty => unsafe { self.empty.remove(slab) },
            Shelf::Owned => {
                debug_assert!(false, "it has an owner");
                return;
            }
        }
        // SAFETY: on no list now.
        unsafe { self.owned.add(slab) };
        let kept = descriptor.kept.get() + shape.slots() - descriptor.fresh.get();
        let in_use = descriptor.word().hand_over(true, kept, local);
        let due = match shelf {
            Shelf::Full => u32::from(in_use <= shape.mark()) + u32::from(in_use == 0),
            Shelf::Partial => u32::from(in_use == 0),
            Shelf::Empty | Shelf::Owned => 0,
        };
        descriptor.awaited.set(descriptor.awaited.get() + due);
        // SAFETY: of that shape, and nobody touches the owner's line of an owned slab.
        unsafe { owner.receive(slab, shape) };
    }

    /// A slab on the shelf of full ones that has a free slot all the same. O(slabs), with bits O(slots).
    fn not_quite_full(&self, shape: RemoteShape) -> Option<NonNull<RemoteSlab>> {
        let mut at = self.full.first();
        while let Some(slab) = at {
            // SAFETY: on the list, so it is there.
            let counted = unsafe { slab.as_ref() }.word().look().out() < shape.slots();
            // SAFETY: as above.
            if counted || (shape.bits() && unsafe { RemoteSlab::has_bits(slab, shape) }) {
                return Some(slab);
            }
            // SAFETY: on that list.
            at = unsafe { self.full.after(slab) };
        }
        None
    }
}

impl<L: RawMutex + 'static, P: Provider, X: Tenants> Core<L, P, X> {
    const LAYOUT: Layout = Layout::new::<Self>();

    /// Whether all owners and all slots are one thread's: no atomic operation is needed then.
    #[inline(always)]
    pub(crate) fn is_local() -> bool {
        TypeId::of::<L>() == TypeId::of::<NoLock>()
    }

    /// A core with one owner and no slab.
    pub(super) fn create(
        shape: RemoteShape,
        lock: L,
        provider: P,
        tenants: X,
    ) -> Result<NonNull<Self>, OutOfMemory> {
        let chunk = request(&provider, Self::LAYOUT)?;
        let core = chunk.ptr.cast::<Self>();
        let value = Self {
            references: AtomicUsize::new(1),
            shape,
            state: Mutex::from_raw(
                lock,
                Shelves {
                    owned: SlabList::new(Shelf::Owned),
                    full: SlabList::new(Shelf::Full),
                    partial: SlabList::new(Shelf::Partial),
                    empty: SlabList::new(Shelf::Empty),
                    slabs: 0,
                    owners: 1,
                    stats: Collector::new(),
                    #[cfg(feature = "stats")]
                    past: 0,
                    #[cfg(feature = "stats")]
                    peak: 0,
                },
            ),
            provider,
            tenants,
        };
        // SAFETY: a chunk of that layout, and ours.
        unsafe { core.write(value) };
        Ok(core)
    }

    pub(crate) fn tenants(&self) -> &X {
        &self.tenants
    }

    pub(crate) fn provider(&self) -> &P {
        &self.provider
    }

    /// Slabs, owned or not.
    pub(crate) fn slabs(&self) -> usize {
        self.state.lock().slabs
    }

    /// What was counted: exact while nobody takes slots or puts them back. O(slabs), under the lock.
    #[cfg(feature = "stats")]
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut state = self.state.lock();
        let (mut taken, mut returned) = (state.past, state.past);
        for shelf in [&state.owned, &state.full, &state.partial, &state.empty] {
            let mut at = shelf.first();
            while let Some(slab) = at {
                // SAFETY: on the list, so it is there.
                let (slots, back) = unsafe { slab.as_ref() }.tally(self.shape);
                taken = taken.wrapping_add(slots);
                returned = returned.wrapping_add(back);
                // SAFETY: on that list.
                at = unsafe { shelf.after(slab) };
            }
        }
        let in_use = taken.saturating_sub(returned);
        state.peak = state.peak.max(in_use);
        let capacity = state.slabs as u64 * u64::from(self.shape.slots());
        state
            .stats
            .snapshot()
            .with(Metric::Capacity, capacity)
            .with(Metric::Allocations, taken)
            .with(Metric::Frees, returned)
            .with(Metric::InUse, in_use)
            .with(Metric::PeakInUse, state.peak)
    }

    /// One reference more.
    fn hold(&self) {
        // Relaxed: whoever calls has, or is in, something that keeps the core.
        if self.references.fetch_add(1, Ordering::Relaxed) > isize::MAX as usize {
            too_many("references to a slab cache");
        }
    }

    /// One reference less; the last ends the core.
    ///
    /// # Safety
    ///
    /// The reference is the caller's, who does not use the core any more.
    unsafe fn let_go(core: NonNull<Self>) {
        // SAFETY: the caller's reference keeps the core until the count has changed.
        let references = unsafe { &(*core.as_ptr()).references };
        // AcqRel: Release pairs with the Acquire of the last, who must see what all others did.
        if references.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: the last reference.
            unsafe { Self::end(core) };
        }
    }

    /// # Safety
    ///
    /// Nobody else has a reference, or will.
    #[cold]
    unsafe fn end(core: NonNull<Self>) {
        // SAFETY: nobody else's, and moved out once: the chunk is only given back afterwards.
        let Self {
            state,
            provider,
            tenants,
            ..
        } = unsafe { core.read() };
        // SAFETY: a chunk of this provider and that layout, whose content was moved out.
        unsafe { provider.free(core.cast(), Self::LAYOUT) }; // USER CODE
        drop(state); // USER CODE
        drop(tenants); // USER CODE
        drop(provider); // USER CODE
    }

    /// One owner more, without a slab.
    pub(super) fn add_owner(&self) {
        self.hold();
        // At most as many as there are references.
        self.state.lock().owners += 1;
    }

    /// One owner less. Its slab goes to the others; the last owner leaves no empty slab.
    ///
    /// # Safety
    ///
    /// `owner` is one of the core's, and neither is used by the caller any more.
    pub(super) unsafe fn drop_owner(core: NonNull<Self>, owner: &Owner) {
        // The owner's reference, which goes even if the provider panics.
        let _held = Held(core);
        // SAFETY: that reference.
        let this = unsafe { core.as_ref() };
        let gone = {
            let mut state = this.state.lock();
            state.owners -= 1;
            // SAFETY: slabs of a core have its shape.
            if let Some((slab, kept)) = unsafe { owner.give_up(this.shape, Self::is_local()) } {
                // SAFETY: an owner's slab is there.
                let word = unsafe { slab.as_ref() }.word();
                let in_use = word.hand_over(false, kept, Self::is_local());
                // SAFETY: it was its owner's, who gave it up.
                unsafe { state.file(slab, in_use, this.shape) };
            }
            let spare = state.spare();
            state.surplus(spare, this.shape)
        };
        Leaving { core, gone }.go();
    }

    /// Gets `owner` a free slot at hand: from its slab, from one without an owner, or from a new one.
    /// Takes the lock unless the slab has free slots; O(slabs) when the provider has no more memory.
    ///
    /// Slots in the slabs of other owners are not found.
    ///
    /// # Safety
    ///
    /// `owner` is one of the core's, and the caller's.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn supply(core: NonNull<Self>, owner: &Owner) -> Result<(), OutOfMemory> {
        // SAFETY: the owner keeps the core.
        let this = unsafe { core.as_ref() };
        loop {
            // SAFETY: slabs of a core have its shape.
            if unsafe { owner.refill(this.shape, Self::is_local()) } {
                return Ok(());
            }
            // SAFETY: the caller's promise.
            if unsafe { this.exchange(owner, false) } {
                continue;
            }
            let refused = match request(&this.provider, this.shape.chunk_layout()) {
                Ok(chunk) => {
                    // SAFETY: a chunk for a slab, and ours.
                    unsafe { Self::add(core, chunk.ptr.cast(), owner) };
                    continue;
                }
                Err(refused) => refused,
            };
            // SAFETY: the caller's promise.
            if !unsafe { this.exchange(owner, true) } {
                if Collector::ACTIVE {
                    this.state.lock().stats.refused(AllocErrorKind::OutOfMemory);
                }
                return Err(refused);
            }
        }
    }

    /// Gives the owner another slab for its own, in which nothing is free. Answers whether there may be
    /// slots now. With `any`, nearly full slabs will do.
    ///
    /// # Safety
    ///
    /// As for `supply`.
    unsafe fn exchange(&self, owner: &Owner, any: bool) -> bool {
        let (shape, local) = (self.shape, Self::is_local());
        let mut state = self.state.lock();
        if let Some(slab) = owner.slab() {
            // SAFETY: an owner's slab is there.
            let word = unsafe { slab.as_ref() }.word();
            if word.look().out() < shape.slots() {
                // Something came back in the meantime.
                return true;
            }
            // SAFETY: slabs of a core have its shape.
            if let Some((slab, kept)) = unsafe { owner.give_up(shape, local) } {
                let in_use = word.hand_over(false, kept, local);
                // SAFETY: it was its owner's, who gave it up.
                unsafe { state.file(slab, in_use, shape) };
            }
        }
        let found = state.partial.first().or_else(|| state.empty.first());
        let found = match found {
            None if any => state.not_quite_full(shape),
            found => found,
        };
        let Some(slab) = found else {
            return false;
        };
        // SAFETY: on a shelf; the owner has given its slab up.
        unsafe { state.adopt(slab, owner, shape, local) };
        true
    }

    /// Adds the slab at `base`, for `owner` if it still has none: the provider may have used the cache.
    ///
    /// # Safety
    ///
    /// As for `supply`; `base` is a chunk of this provider for a slab, and the caller's.
    unsafe fn add(core: NonNull<Self>, base: NonNull<u8>, owner: &Owner) {
        // SAFETY: the owner keeps the core.
        let this = unsafe { core.as_ref() };
        // The slab's own.
        this.hold();
        // SAFETY: the caller's promise; a slab has a reference to the core.
        let slab = unsafe { RemoteSlab::create(base, this.shape, core.cast()) };
        let mut state = this.state.lock();
        state.slabs += 1;
        state.stats.grew();
        state.stats.chunk_added(this.shape.size());
        // SAFETY: new, and on no list.
        unsafe { state.empty.add(slab) };
        if owner.slab().is_none() {
            // SAFETY: on a shelf.
            unsafe { state.adopt(slab, owner, this.shape, Self::is_local()) };
        }
    }

    /// Takes a slot back.
    ///
    /// # Safety
    ///
    /// `slot` is a slot in use of a slab of `shape` of a core of these parameters, the pointer is good for
    /// all of the slab, and nobody uses the slot any more.
    #[inline(always)]
    pub(crate) unsafe fn put(slot: NonNull<u8>, shape: RemoteShape) {
        // SAFETY: the caller's promise.
        let slab = unsafe { RemoteSlab::of(slot, shape.size()) };
        // SAFETY: as above.
        if unsafe { RemoteSlab::put(slot, shape, Self::is_local()) } {
            // SAFETY: the slab of that slot, once.
            unsafe { Self::visit(slab) };
        }
    }

    /// Does what is to be done when a [`put`](RemoteSlab::put) answered `true`.
    ///
    /// # Safety
    ///
    /// `slab` is the slab of that slot, made by a core of these parameters, and this is called once.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn visit(slab: NonNull<RemoteSlab>) {
        // SAFETY: a slab stays as long as a visit is due.
        let core = unsafe { slab.as_ref() }.core().cast::<Self>();
        // SAFETY: a slab has a reference to its core.
        let this = unsafe { core.as_ref() };
        // Once the lock is free the slab may be released, and the core with it, while this thread still
        // unlocks it.
        let _held = if seeded("visitors do not hold the core") {
            None
        } else {
            this.hold();
            Some(Held(core))
        };
        // SAFETY: the caller's promise.
        let gone = unsafe { this.state.lock().visit(slab, this.shape) };
        Leaving { core, gone }.go();
    }

    /// Gives the empty slabs back to the provider that are kept for the next who needs one; answers how
    /// many.
    ///
    /// # Safety
    ///
    /// The caller has a reference to the core.
    pub(super) unsafe fn shrink(core: NonNull<Self>) -> usize {
        // SAFETY: the caller's promise.
        let this = unsafe { core.as_ref() };
        let (gone, slabs) = {
            let mut state = this.state.lock();
            let before = state.slabs;
            let gone = state.surplus(0, this.shape);
            (gone, before - state.slabs)
        };
        Leaving { core, gone }.go();
        slabs
    }
}

/// A reference to a core, until this is dropped.
struct Held<L: RawMutex + 'static, P: Provider, X: Tenants>(NonNull<Core<L, P, X>>);

impl<L: RawMutex + 'static, P: Provider, X: Tenants> Drop for Held<L, P, X> {
    fn drop(&mut self) {
        // SAFETY: made for a reference that is let go of here; those who made it are done with the core.
        unsafe { Core::let_go(self.0) }
    }
}

/// Slabs on their way back to the provider: on no list, with all that they need, and nobody else's.
struct Leaving<L: RawMutex + 'static, P: Provider, X: Tenants> {
    core: NonNull<Core<L, P, X>>,
    gone: Gone,
}

impl<L: RawMutex + 'static, P: Provider, X: Tenants> Leaving<L, P, X> {
    fn go(mut self) {
        self.all();
    }

    fn all(&mut self) {
        while let Some(slab) = NonNull::new(self.gone) {
            // SAFETY: one of ours, so it is there.
            let descriptor = unsafe { slab.as_ref() };
            self.gone = descriptor.next.get();
            let fresh = descriptor.fresh.get();
            // The slab's reference.
            let held = Held(self.core);
            // SAFETY: that reference.
            let core = unsafe { held.0.as_ref() };
            // SAFETY: its pointer is good for all of it.
            let base = unsafe { locate::base(slab.cast(), core.shape.size()) };
            let _chunk = PutBack::new(|| {
                // SAFETY: an empty slab of this shape that nobody visits any more.
                unsafe { RemoteSlab::end(slab, core.shape) };
                // SAFETY: the provider's chunk for a slab, which nobody uses any more.
                unsafe { core.provider.free(base, core.shape.chunk_layout()) }; // USER CODE
            });
            // SAFETY: a slab of that shape, ours alone.
            unsafe { core.tenants.evict(base, fresh, core.shape) }; // USER CODE
        }
    }
}

/// What is left when something panicked goes as well.
impl<L: RawMutex + 'static, P: Provider, X: Tenants> Drop for Leaving<L, P, X> {
    fn drop(&mut self) {
        self.all();
    }
}

#[cfg(all(test, feature = "std", not(any(loom, shuttle))))]
mod tests {
    use alloc::vec::Vec;
    use core::{alloc::Layout, cell::Cell, ptr::NonNull};

    use super::Core;
    use crate::{
        error::OutOfMemory,
        provider::{Chunk, Global, Provider},
        raw::remote::{owner::Owner, slab::RemoteSlab},
        sync::SpinLock,
    };

    /// Grants so many chunks.
    struct Limited(Cell<usize>);

    // SAFETY: the global allocator's answers.
    unsafe impl Provider for Limited {
        fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
            let left = self.0.get().checked_sub(1);
            self.0.set(left.ok_or(OutOfMemory::new(layout))?);
            Global.alloc(layout)
        }

        unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: passed on.
            unsafe { Global.free(ptr, layout) }
        }
    }

    /// A thread that stops between the two halves of a put makes the count of its slab one too high when
    /// somebody else has its slot already.
    #[test]
    fn a_put_that_is_under_way_hides_no_other_slot() {
        let shape = RemoteSlab::shape(Layout::new::<u8>(), 512, false);
        let provider = Limited(Cell::new(2));
        let core = Core::<_, _, ()>::create(shape, SpinLock::new(), provider, ()).unwrap();
        let owner = Owner::new();
        let take = || {
            loop {
                // SAFETY: slabs have that shape.
                if let Some(slot) = unsafe { owner.take(shape) } {
                    return Some(slot);
                }
                // SAFETY: an owner of this core.
                unsafe { Core::supply(core, &owner) }.ok()?;
            }
        };
        let slots: Vec<_> = (0..shape.slots()).map(|_| take().unwrap()).collect();
        // SAFETY: a slot in use.
        let slab = unsafe { RemoteSlab::of(slots[0], shape.size()) };
        let offset = (slots[0].as_ptr().addr() & (shape.size() - 1)) as u32;
        // SAFETY: the first half of the put of slot 0.
        unsafe { RemoteSlab::set_bit(slab, shape, offset, false) };
        // SAFETY: in use, and not any more.
        unsafe { Core::<SpinLock, Limited, ()>::put(slots[1], shape) };
        let taken = [take().unwrap(), take().unwrap()];
        assert!(taken.contains(&slots[0]) && taken.contains(&slots[1]));
        // SAFETY: as above.
        unsafe { Core::<SpinLock, Limited, ()>::put(slots[2], shape) };
        assert_eq!(take(), Some(slots[2]), "it was free before anybody asked");
        // The other half of the put of slot 0.
        // SAFETY: as above; its bit is somebody else's by now.
        let said = unsafe { slab.as_ref() }.word().push(offset, false, |_| ());
        assert_eq!(said.out(), shape.slots());
        for slot in slots {
            // SAFETY: in use, and not any more.
            unsafe { Core::<SpinLock, Limited, ()>::put(slot, shape) };
        }
        // SAFETY: the core's only owner, not used again.
        unsafe { Core::drop_owner(core, &owner) };
    }
}
