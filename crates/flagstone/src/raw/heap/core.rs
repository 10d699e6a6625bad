//! A heap: its store, its locals, and the ways of a block.

use core::{alloc::Layout, ptr::NonNull};

use super::{
    census::Census,
    chunk::Front,
    clock,
    guard::{Guard, Guarded},
    local::Local,
    registry::Registry,
    sampling::Step,
    span::{Kind, Span},
    store::{Limits, Store},
};
use crate::{
    corruption::{Corruption, report},
    layout::span::{CHUNK, LARGEST_SLOT, MOST_SLICES, SLICE, aligned_size, class_of},
    provider::Provider,
};

/// A heap of any number of threads, each of which has a [`Local`] when it allocates.
pub(crate) struct HeapCore<P: Provider> {
    store: Store<P>,
    registry: Registry,
    guard: Guard,
}

// SAFETY: what threads share is atomic or behind a lock; locals have one thread each, as their users promise.
unsafe impl<P: Provider + Sync> Sync for HeapCore<P> {}
// SAFETY: nothing refers to where the core is.
unsafe impl<P: Provider + Send> Send for HeapCore<P> {}

/// What a block should be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// Zeroed, if that is cheaper for the heap than for the caller.
    Zeroed,
    /// Where it can grow.
    Room,
}

impl<P: Provider> HeapCore<P> {
    pub(crate) const fn new(provider: P, limits: Limits) -> Self {
        Self {
            store: Store::new(provider, limits),
            registry: Registry::new(),
            guard: Guard::new(),
        }
    }

    pub(crate) fn store(&self) -> &Store<P> {
        &self.store
    }

    /// How many locals there are.
    pub(super) fn locals(&self) -> usize {
        self.registry.made()
    }

    /// A local for a thread that has none.
    pub(crate) fn attach(&self) -> Option<NonNull<Local>> {
        self.registry.take(&self.store)
    }

    /// Takes a local back from a thread that ends; what is in use of its spans stays so.
    ///
    /// # Safety
    ///
    /// The calling thread has the local, and does not use it any more.
    pub(crate) unsafe fn detach(&self, local: NonNull<Local>) {
        // SAFETY: locals stay.
        let local = unsafe { local.as_ref() };
        // SAFETY: this thread's local.
        unsafe { self.end_quarantine(local) };
        // SAFETY: the caller's promise.
        unsafe { local.abandon(&self.store) };
        self.registry.put(local);
    }

    /// A block for what is no slot, or when no slot is ready; the size may be 0. Says whether the block is
    /// zeroed.
    ///
    /// # Safety
    ///
    /// The calling thread has the local, which is not nobody's.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn alloc_slow(
        &self,
        local: &Local,
        layout: Layout,
        wish: Wish,
    ) -> Option<(NonNull<u8>, bool)> {
        let (size, align) = (layout.size(), layout.align());
        if let Some(size) = aligned_size(size, align)
            && size <= LARGEST_SLOT
        {
            // SAFETY: the caller's promise.
            let slot = unsafe { local.refill(size, &self.store) };
            return Some((slot?, false));
        }
        if size <= MOST_SLICES * SLICE && align <= SLICE {
            return self.store.run(size, wish == Wish::Room);
        }
        self.store.large(size, align, wish == Wish::Zeroed)
    }

    /// What a slow way leads to: nothing, or that all calls of the thread are to take it from now on, one of which is
    /// to be chosen then, and not only one that is slow anyway; or that this is the one.
    ///
    /// # Safety
    ///
    /// The calling thread has the local, which is not nobody's.
    pub(crate) unsafe fn sample(&self, local: &Local) -> Step {
        match self.store.sampled() {
            0 => Step::Wait,
            every => local.sampling.step(every, || self.store.secret_number()),
        }
    }

    /// A guarded block, zeroed, if there is a place.
    pub(crate) fn guarded(&self, layout: Layout, early: bool) -> Option<NonNull<u8>> {
        let (size, align) = (layout.size(), layout.align());
        self.guard.alloc(&self.store, size, align, early)
    }

    /// What is known of a guarded block at or near the address. Waits for nothing.
    pub(crate) fn guarded_at(&self, address: usize) -> Option<Guarded> {
        self.guard.at(address)
    }

    /// A block of a strict heap: what it is taken from is looked at, and that it is in use is noted.
    ///
    /// # Safety
    ///
    /// As for `alloc_slow`.
    pub(crate) unsafe fn alloc_strictly(
        &self,
        local: &Local,
        layout: Layout,
        wish: Wish,
    ) -> Option<(NonNull<u8>, bool)> {
        let size = aligned_size(layout.size(), layout.align()).unwrap_or(usize::MAX);
        // SAFETY: the caller's promise.
        let slot = unsafe { local.pop_checked(size) };
        let (block, zeroed) = match NonNull::new(slot) {
            Some(slot) => (slot, false),
            // SAFETY: as above.
            None => unsafe { self.alloc_slow(local, layout, wish) }?,
        };
        if size <= LARGEST_SLOT && self.store.watch.is_on() {
            // SAFETY: a slot, and the caller's.
            unsafe { self.store.watch.mark(block) };
        }
        Some((block, zeroed))
    }

    /// Takes a block of a strict heap back. The calling thread may have a local.
    ///
    /// # Safety
    ///
    /// If the heap is not checked, `block` is a block of this heap. Nobody uses it any more.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn free_strictly(&self, local: Option<&Local>, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        let (_, span) = unsafe { self.described(block, true) };
        let size = span.size();
        if self.store.zeroes() && span.kind() != Kind::Large {
            // SAFETY: nobody uses the block any more.
            unsafe { block.write_bytes(0, size) };
        }
        let most = self.store.quarantine();
        let local = local.filter(|_| span.kind() == Kind::Slots);
        let Some(local) = local else {
            // SAFETY: the caller's promise.
            return unsafe { self.free_slow(block) };
        };
        if most == 0 || size > most || !self.has_quarantine(local) {
            // SAFETY: this thread's local, and the caller's block.
            return unsafe { self.free_of(local, block) };
        }
        local.quarantine.push(block, size);
        while local.quarantine.is_over(most) {
            // SAFETY: this thread's local.
            unsafe { self.free_one(local) };
        }
    }

    /// The front and the span of a block, which is checked if the heap is.
    ///
    /// # Safety
    ///
    /// If the heap is not checked, `block` is a block of this heap.
    unsafe fn described<'h>(&self, block: NonNull<u8>, freed: bool) -> (&'h Front, &'h Span) {
        if self.store.watch.is_on() {
            self.store.watch.check(block, freed)
        } else {
            // SAFETY: the caller's promise.
            unsafe { span_of(block) }
        }
    }

    fn has_quarantine(&self, local: &Local) -> bool {
        if local.quarantine.needs_place() {
            let Some(slice) = self.store.own_slice() else {
                return false;
            };
            if local.quarantine.needs_place() {
                // SAFETY: a slice of the heap, which locals keep.
                unsafe { local.quarantine.set_place(slice) };
            } else {
                // The provider has used the heap meanwhile.
                // SAFETY: ours, and nothing is in it.
                unsafe { self.store.return_slice(slice) };
            }
        }
        true
    }

    /// Frees all blocks of the quarantine.
    ///
    /// # Safety
    ///
    /// The calling thread has the local.
    pub(crate) unsafe fn end_quarantine(&self, local: &Local) {
        // SAFETY: the caller's promise.
        while unsafe { self.free_one(local) } {}
    }

    /// Frees some block of the quarantine; whether there was one.
    ///
    /// # Safety
    ///
    /// The calling thread has the local.
    unsafe fn free_one(&self, local: &Local) -> bool {
        // SAFETY: blocks of the heap that were not given back.
        let size = |block| unsafe { Self::usable_size(block) };
        let Some(block) = local.quarantine.pop(size) else {
            return false;
        };
        // SAFETY: a slot, all of which was zeroed before it came here, and which is the heap's since: whoever writes to
        // it breaks the promise of the free, and leaves it initialised all the same.
        if self.store.zeroes() && !unsafe { is_zero(block, size(block)) } {
            report(Corruption::WrittenWhenFree {
                address: block.as_ptr().addr(),
            });
        }
        // SAFETY: as above; nobody uses it.
        unsafe { self.free_of(local, block) };
        true
    }

    /// # Safety
    ///
    /// The calling thread has the local; nobody uses the block any more.
    unsafe fn free_of(&self, local: &Local, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        if !unsafe { local.push_mixed(block, &self.store) } {
            // SAFETY: as above.
            unsafe { self.free_slow(block) };
        }
    }

    /// Takes a block back that is no slot of the caller's local.
    ///
    /// # Safety
    ///
    /// `block` is a block of this heap, and nobody uses it any more.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn free_slow(&self, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        let (front, span) = unsafe { span_of(block) };
        match span.kind() {
            Kind::Slots => {
                // SAFETY: a slot of the span, by the caller's promise.
                let Some(in_use) = (unsafe { span.put_back(block) }) else {
                    return;
                };
                // SAFETY: the span answered so.
                if !unsafe { self.store.orphans.claimed(span, in_use) } {
                    // SAFETY: ours, and on no list; nothing is in it.
                    unsafe { self.store.release(span) };
                }
            }
            // SAFETY: the caller's block, which is all of the span.
            Kind::Run => unsafe { self.store.release(span) },
            // SAFETY: as above.
            Kind::Large => unsafe { self.store.release_large(front, span) },
            // SAFETY: as above.
            Kind::Guarded => unsafe { self.guard.free(&self.store, span, block) },
            Kind::None | Kind::Fence => report(Corruption::ForeignPointer {
                address: block.as_ptr().addr(),
            }),
        }
    }

    /// How many bytes the block has.
    ///
    /// # Safety
    ///
    /// `block` is a block of a heap.
    pub(crate) unsafe fn usable_size(block: NonNull<u8>) -> usize {
        // SAFETY: the caller's promise.
        unsafe { span_of(block) }.1.size()
    }

    /// Whether the block could have been the answer to a request for `layout`.
    ///
    /// # Safety
    ///
    /// `block` is a block of a heap.
    pub(crate) unsafe fn serves(block: NonNull<u8>, layout: Layout) -> bool {
        // SAFETY: the caller's promise.
        let span = unsafe { span_of(block) }.1;
        // A slot never has a smaller class than its layout: see `resize`.
        let size = if span.kind() == Kind::Slots {
            aligned_size(layout.size(), layout.align())
        } else {
            Some(layout.size())
        };
        let aligned = block.as_ptr().addr().is_multiple_of(layout.align());
        aligned && size.is_some_and(|size| size <= span.size())
    }

    /// Makes the block `size` bytes long, aligned to `align`, if that needs no other block: the same block,
    /// or the pages of it elsewhere. At most about half of a block stays unused.
    ///
    /// # Safety
    ///
    /// `block` is a block of this heap, and the caller's.
    pub(crate) unsafe fn resize(
        &self,
        block: NonNull<u8>,
        size: usize,
        align: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's promise.
        let (front, span) = unsafe { self.described(block, false) };
        let usable = span.size();
        let aligned = block.as_ptr().addr().is_multiple_of(align);
        if span.kind() == Kind::Slots {
            // A slot never has a smaller class than its layout, even if it happens to lie at a multiple of a
            // larger alignment: layouts alone say which class a block has at least.
            let size = aligned_size(size, align)?;
            let fits = size <= usable && size > 0;
            let stays = fits && (size >= usable / 2 || class_of(size) == span.class());
            return (stays && aligned).then_some(block);
        }
        if aligned && size <= usable && size >= usable / 2 {
            return Some(block);
        }
        match span.kind() {
            Kind::Run if aligned && size > LARGEST_SLOT && size <= MOST_SLICES * SLICE => {
                // SAFETY: the caller's block.
                unsafe { self.store.resize_run(front, span, size) }.then_some(block)
            }
            Kind::Large if size > MOST_SLICES * SLICE => {
                // SAFETY: the caller's block.
                unsafe { self.store.resize_large(front, span, size, align) }
            }
            _ => None,
        }
    }

    /// Gives back what has waited for long enough, or all that is free. Answers how many bytes.
    pub(crate) fn give_back(&self, all: bool) -> usize {
        self.store.give_back(clock::now(), all)
    }

    /// Whether the address is in a block, or in a free slot. O(chunks), under the locks.
    pub(crate) fn owns(&self, address: usize) -> bool {
        let mut owns = self.store.large.owns(address);
        let _ = self.store.pool.each(|front, free| {
            let within = address.wrapping_sub(front.slice(0).as_ptr().addr());
            if within < CHUNK {
                let slice = within / SLICE;
                let used = slice > 0 && free & (1 << slice) == 0;
                owns |= used && !matches!(front.span_of(slice).kind(), Kind::None | Kind::Fence);
            }
        });
        owns
    }

    /// Counts what is there: O(spans), under the locks.
    pub(crate) fn census(&self) -> Census {
        Census::of(&self.store, self.locals())
    }

    /// Takes all locks, so that a copy of the process has them in order.
    pub(crate) fn before_fork(&self) {
        core::mem::forget(self.registry.lock().lock());
        core::mem::forget(self.store.orphans.lock().lock());
        core::mem::forget(self.guard.lock().lock());
        core::mem::forget(self.store.large.lock().lock());
        core::mem::forget(self.store.pool.lock().lock());
    }

    /// Releases them.
    ///
    /// # Safety
    ///
    /// After `before_fork`, by the thread that called it, or by its copy.
    pub(crate) unsafe fn after_fork(&self) {
        // SAFETY: this thread has all locks, by the caller's promise.
        unsafe {
            self.store.pool.lock().force_unlock();
            self.store.large.lock().force_unlock();
            self.guard.lock().force_unlock();
            self.store.orphans.lock().force_unlock();
            self.registry.lock().force_unlock();
        }
    }
}

/// Whether a slot is all zeros.
///
/// # Safety
///
/// So many bytes are there, and initialised; slots are multiples of words.
unsafe fn is_zero(slot: NonNull<u8>, bytes: usize) -> bool {
    let words = NonNull::slice_from_raw_parts(slot.cast::<u64>(), bytes / size_of::<u64>());
    // SAFETY: the caller's promise.
    unsafe { words.as_ref() }.iter().all(|&word| word == 0)
}

impl<P: Provider> Drop for HeapCore<P> {
    fn drop(&mut self) {
        // SAFETY: nothing of a heap is used when it ends, as its users promise.
        unsafe { self.store.end() };
    }
}

/// The front and the span that describe a block.
///
/// # Safety
///
/// `block` is a block of a heap.
unsafe fn span_of<'h>(block: NonNull<u8>) -> (&'h Front, &'h Span) {
    // SAFETY: the caller's promise.
    let (front, slice) = unsafe { Front::of(block.as_ptr().addr()) };
    (front, front.span_of(slice))
}

/// The size with which a layout is asked for; `None` if nothing is so large.
#[inline(always)]
pub(crate) const fn size_for(layout: Layout) -> Option<usize> {
    aligned_size(layout.size(), layout.align())
}
