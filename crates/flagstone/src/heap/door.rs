//! What all heaps do alike.
#![expect(unsafe_code, reason = "hands out blocks and takes them back")]

use core::{
    alloc::Layout,
    ptr::{self, NonNull},
};

use super::{HeapArea, HeapStats};
use crate::{
    layout::span::{LARGEST_SLOT, class_of},
    provider::Provider,
    raw::heap::{HeapCore, Local, Step, Wish, size_for},
};

/// A local without spans, for threads that have none. Its address is that of the local.
#[repr(transparent)]
pub(super) struct Nobody(Local);

// SAFETY: nothing in it is ever changed: its spans have no slots, and it gets no others.
unsafe impl Sync for Nobody {}

impl Nobody {
    pub(super) const fn new() -> Self {
        Self(Local::nobody())
    }

    pub(super) const fn local(&'static self) -> *const Local {
        &raw const self.0
    }
}

/// A way into a heap.
///
/// # Safety
///
/// `local` and `own_local` answer a local that the calling thread has, of the heap `core`, or nobody's, and `local`
/// nobody's if the heap is strict, or the calls were diverted. A block of one value
/// may be given to another only if both are doors to the same heap.
pub(super) unsafe trait Door {
    /// Where the heap's memory is from.
    type Provider: Provider;

    fn core(&self) -> &HeapCore<Self::Provider>;

    /// The calling thread's local; nobody's if it has none, or all calls are to take the slow way.
    fn local(&self) -> *const Local;

    /// The calling thread's local, if it has one.
    fn own_local(&self) -> Option<*const Local>;

    /// The calling thread's local, which it gets if it has none; `None` if there is no memory, or the thread
    /// is past its end.
    fn attached(&self) -> Option<*const Local>;

    /// From now on `local` answers nobody's, or the thread's own again if the heap is not strict. A door need not
    /// be able to.
    fn divert(&self, _away: bool) {}

    /// A block when no slot is ready, and whether it is zeroed.
    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, layout: Layout, wish: Wish) -> Option<(NonNull<u8>, bool)> {
        let attached = self.attached();
        let core = self.core();
        let once = if attached.is_none() {
            // Past its end, a thread takes a local for one block only.
            Some(core.attach()?)
        } else {
            None
        };
        let local = attached.or(once.map(|local| local.as_ptr().cast_const()))?;
        // SAFETY: this thread's local.
        let block = match unsafe { self.sampled(&*local, layout) } {
            Some(block) => Some((block, true)),
            // SAFETY: as above.
            None if core.store().is_strict() => unsafe {
                core.alloc_strictly(&*local, layout, wish)
            },
            // SAFETY: as above.
            None => unsafe { core.alloc_slow(&*local, layout, wish) },
        };
        if let Some(local) = once {
            // SAFETY: this thread's local, which it does not use any more.
            unsafe { core.detach(local) };
        }
        block
    }

    /// A guarded block, if it is time for one.
    ///
    /// # Safety
    ///
    /// The calling thread has the local, which is not nobody's.
    unsafe fn sampled(&self, local: &Local, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the caller's promise.
        let step = unsafe { self.core().sample(local) };
        match step {
            Step::Wait => {}
            Step::Divert => self.divert(true),
            Step::Choose(early) => {
                self.divert(false);
                return self.core().guarded(layout, early);
            }
        }
        None
    }

    /// Takes a block back that is no slot of the thread's local.
    ///
    /// # Safety
    ///
    /// As for `free_block`.
    #[cold]
    #[inline(never)]
    unsafe fn free_elsewhere(&self, block: NonNull<u8>) {
        let core = self.core();
        if core.store().is_strict() {
            // SAFETY: this thread's local.
            let local = self.own_local().map(|local| unsafe { &*local });
            // SAFETY: the caller's promise.
            unsafe { core.free_strictly(local, block) };
            return;
        }
        // While its calls are diverted, a thread has slots of its own all the same.
        // SAFETY: this thread's local, and the caller's promise.
        let own = |local: *const Local| unsafe { (*local).push(block, core.store()) };
        if core.store().sampled() > 0 && self.own_local().is_some_and(own) {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { core.free_slow(block) };
    }

    /// A slot for `layout`, if one is ready; null if not.
    #[inline(always)]
    fn pop(&self, layout: Layout) -> *mut u8 {
        // A layout's size can be rounded up to its alignment.
        let size = (layout.size() + (layout.align() - 1)) & !(layout.align() - 1);
        // SAFETY: the local is this thread's, or nobody's, which has no slots.
        unsafe { (*self.local()).pop(size) }
    }

    /// A block for `layout`, whose size may be 0; null if there is no memory.
    #[inline(always)]
    fn alloc_block(&self, layout: Layout) -> *mut u8 {
        let slot = self.pop(layout);
        if slot.is_null() {
            return address(self.alloc_slow(layout, Wish::Nothing));
        }
        slot
    }

    /// A block of zeros.
    fn alloc_zeros(&self, layout: Layout) -> *mut u8 {
        let (mut block, mut zeroed) = (self.pop(layout), false);
        if block.is_null() {
            let slow = self.alloc_slow(layout, Wish::Zeroed);
            zeroed = slow.is_some_and(|(_, zeroed)| zeroed);
            block = address(slow);
        }
        if !zeroed && !block.is_null() {
            // SAFETY: so many bytes are in the block.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    /// # Safety
    ///
    /// `block` is a block of the heap, and nobody uses it any more.
    #[inline(always)]
    unsafe fn free_block(&self, block: NonNull<u8>) {
        // SAFETY: the local is this thread's, or nobody's, which takes nothing; the rest is the caller's promise.
        if !unsafe { (*self.local()).push(block, self.core().store()) } {
            // SAFETY: the caller's promise.
            unsafe { self.free_elsewhere(block) };
        }
    }

    /// # Safety
    ///
    /// `block` is a block of the heap.
    unsafe fn block_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the caller's promise.
        unsafe { HeapCore::<Self::Provider>::usable_size(block) }
    }

    /// Makes a block as large as `new` and aligned as `new`. Null without memory, and then it is as it was.
    ///
    /// # Safety
    ///
    /// `block` is a block of the heap, and the caller's; if the answer is not null, it was freed.
    unsafe fn resize_block(&self, block: NonNull<u8>, new: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        if let Some(block) = unsafe { self.core().resize(block, new.size(), new.align()) } {
            return block.as_ptr();
        }
        // SAFETY: the caller's promise.
        let usable = unsafe { self.block_size(block) };
        let mut moved = self.alloc_with_room(with_room(usable, new));
        if moved.is_null() {
            moved = self.alloc_with_room(new);
        }
        let Some(moved) = NonNull::new(moved) else {
            // Smaller than it should be it cannot stay, but larger.
            // SAFETY: the caller's promise.
            let stays = unsafe { HeapCore::<Self::Provider>::serves(block, new) };
            return if stays {
                block.as_ptr()
            } else {
                ptr::null_mut()
            };
        };
        let kept = usable.min(new.size());
        // SAFETY: both blocks have so many bytes, and they are two.
        unsafe { moved.copy_from_nonoverlapping(block, kept) };
        // SAFETY: the caller's block, which nobody uses any more.
        unsafe { self.free_block(block) };
        moved.as_ptr()
    }

    /// A block that is likely to grow; null without memory.
    fn alloc_with_room(&self, layout: Layout) -> *mut u8 {
        let slot = self.pop(layout);
        if slot.is_null() {
            return address(self.alloc_slow(layout, Wish::Room));
        }
        slot
    }

    /// Gives free memory back; how many bytes.
    fn give_all_back(&self) -> usize {
        if let Some(local) = self.own_local() {
            // SAFETY: this thread's local.
            unsafe { self.core().end_quarantine(&*local) };
        }
        self.tidy(true) + self.core().give_back(true)
    }

    /// Gives back what is due.
    fn give_due_back(&self) {
        self.tidy(false);
        self.core().give_back(false);
    }

    /// The thread's local gives up what it does not need, with the pages of free slots or not.
    fn tidy(&self, pages: bool) -> usize {
        // SAFETY: this thread's local.
        let tidy = |local: *const Local| unsafe { (*local).tidy(self.core().store(), pages) };
        self.own_local().map_or(0, tidy)
    }

    fn walk_areas(&self, mut visit: impl FnMut(&HeapArea)) {
        // SAFETY: this thread's local.
        let own = || self.own_local().map(|local| unsafe { &*local });
        let visit = |area| visit(&HeapArea::new(area)); // USER CODE
        // SAFETY: as above.
        unsafe { self.core().walk(own, visit) };
    }

    fn census(&self) -> HeapStats {
        HeapStats::new(self.core().census())
    }
}

fn address(block: Option<(NonNull<u8>, bool)>) -> *mut u8 {
    block.map_or(ptr::null_mut(), |(block, _)| block.as_ptr())
}

/// What to ask for when a block of `usable` bytes becomes one of `new`. One that grows in small steps grows again,
/// and gets a slot an eighth larger, so that it is copied half as often; one that doubles does not.
fn with_room(usable: usize, new: Layout) -> Layout {
    /// Smaller ones are copied at once.
    const LEAST: usize = 512;
    let size = new.size();
    let by_little = size > usable && size - usable < usable / 4;
    let roomy = size + size / 8;
    if !by_little || size < LEAST || roomy > LARGEST_SLOT {
        return new;
    }
    Layout::from_size_align(roomy, new.align()).unwrap_or(new)
}

/// Whether both layouts have slots of the same class, so that a block for one is one for the other.
pub(super) fn same_class(old: Layout, new: Layout) -> bool {
    let (Some(old), Some(new)) = (size_for(old), size_for(new)) else {
        return false;
    };
    old <= LARGEST_SLOT && new <= LARGEST_SLOT && class_of(old) == class_of(new)
}
