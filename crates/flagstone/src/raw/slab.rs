//! The descriptor of a slab: the single-owner half.

use core::{cell::Cell, ptr, ptr::NonNull};

use super::list::{ListWalk, LocalList};
use crate::layout::SlabLayout;

/// `notify` of a slab whose frees need no attention.
pub(crate) const NEVER: u32 = u32::MAX;

/// Lies inside its slab (see [`SlabLayout`]) and is found from any slot's address.
///
/// The first cache line is what `alloc` and `free` touch; the second is for the slow paths.
///
/// # Invariants
///
/// 1. `list` holds exactly the slots that are not in use; `live` is the number of those that are,
///    and `live <= slots`.
/// 2. `owner` points to the `Slabs` that made the slab and outlives it.
/// 3. The slab is current (on no list, `notify == NEVER`), or on the owner's list number `shelf`
///    and `notify` is the count of live slots at which it must move to another.
/// 4. Every slab is on the owner's list of all slabs, through `after` and `before`.
#[repr(C, align(64))]
pub(crate) struct Slab {
    list: LocalList,
    live: Cell<u32>,
    notify: Cell<u32>,
    owner: NonNull<()>,

    pub(super) next: Cell<*mut Slab>,
    pub(super) previous: Cell<*mut Slab>,
    pub(super) after: Cell<*mut Slab>,
    pub(super) before: Cell<*mut Slab>,
    slots: u32,
    pub(super) shelf: Cell<u8>,
}

impl Slab {
    /// Writes a descriptor for the first `slots` slots of the slab of `layout` at `base`.
    ///
    /// # Safety
    ///
    /// `base` is a chunk of the layout's size and alignment that is the slab's alone; `slots` is at
    /// most the layout's; `stride` is that of the layout's slots; `owner` outlives the slab.
    pub(super) unsafe fn create(
        base: NonNull<u8>,
        layout: SlabLayout,
        stride: usize,
        slots: u32,
        owner: NonNull<()>,
    ) -> NonNull<Self> {
        // SAFETY: `first` is within the chunk.
        let first = unsafe { base.add(layout.first()) };
        // SAFETY: all slots of the layout, and so the first `slots`, are within the chunk.
        let end = unsafe { first.add(stride * slots as usize) };
        let offset = SlabLayout::descriptor_offset(base.as_ptr().addr(), layout.size());
        // SAFETY: the descriptor lies before `first`, and colours are whole lines.
        let slab = unsafe { base.add(offset) }.cast::<Self>();
        let descriptor = Self {
            // SAFETY: whole slots of the chunk, which is the slab's alone.
            list: unsafe { LocalList::new(first, end) },
            live: Cell::new(0),
            notify: Cell::new(NEVER),
            owner,
            next: Cell::new(ptr::null_mut()),
            previous: Cell::new(ptr::null_mut()),
            after: Cell::new(ptr::null_mut()),
            before: Cell::new(ptr::null_mut()),
            slots,
            shelf: Cell::new(0),
        };
        // SAFETY: in bounds, aligned to a line, and nobody else's.
        unsafe { slab.write(descriptor) };
        slab
    }

    /// The slab that the slot at `slot` lies in.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of a slab of `size` bytes.
    #[inline(always)]
    pub(crate) unsafe fn of(slot: NonNull<u8>, size: usize) -> NonNull<Self> {
        let address = slot.as_ptr().addr();
        let base = address & !(size - 1);
        let descriptor = base + SlabLayout::descriptor_offset(base, size);
        let slab = slot.as_ptr().map_addr(|_| descriptor);
        // SAFETY: not null: it lies in the slot's chunk, which does not start at address 0.
        unsafe { NonNull::new_unchecked(slab.cast()) }
    }

    /// Where the chunk of a slab of `size` bytes starts.
    pub(super) fn base(slab: NonNull<Self>, size: usize) -> NonNull<u8> {
        slab.cast::<u8>().map_addr(|address| {
            // A chunk does not start at address 0, so masking leaves something; were it otherwise,
            // the address itself is as good as any.
            core::num::NonZero::new(address.get() & !(size - 1)).unwrap_or(address)
        })
    }

    /// A free slot, now in use: the hot half of an allocation.
    #[inline(always)]
    pub(crate) fn take(&self, stride: usize) -> Option<NonNull<u8>> {
        let slot = self.list.pop(stride)?;
        self.live.set(self.live.get() + 1);
        Some(slot)
    }

    /// Takes a slot back; `true` when the slab must now be moved to another shelf.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of this slab in use, and nobody uses it any more.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, slot: NonNull<u8>, stride: usize) -> bool {
        // SAFETY: the caller's promise: in use means popped and not pushed since (invariant 1).
        unsafe { self.list.push(slot, stride) };
        let live = self.live.get() - 1;
        self.live.set(live);
        live == self.notify.get()
    }

    /// At which count of live slots [`put`](Self::put) answers `true`.
    pub(super) fn notify_at(&self, live: u32) {
        self.notify.set(live);
    }

    /// The `Slabs` that made it.
    #[inline(always)]
    pub(crate) fn owner(&self) -> NonNull<()> {
        self.owner
    }

    /// Slots in use.
    pub(crate) fn live(&self) -> u32 {
        self.live.get()
    }

    /// Slots in all.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// Whether a slot is free.
    pub(crate) fn has_free(&self) -> bool {
        !self.list.is_empty()
    }

    /// Whether a debug build can tell that `slot` was freed a short while ago.
    pub(crate) fn recently_freed(&self, slot: NonNull<u8>, stride: usize, most: usize) -> bool {
        self.list.recently_freed(slot, stride, most)
    }

    /// Starts a walk over the slots in use; sorts the free ones.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `layout`, and nobody else uses its list during the call.
    pub(super) unsafe fn walk(slab: NonNull<Self>, layout: SlabLayout, stride: usize) -> ListWalk {
        // SAFETY: the first slot is within the slab's chunk.
        let first = unsafe { Self::base(slab, layout.size()).add(layout.first()) };
        // SAFETY: the descriptor is initialised (it was created), and nobody else looks at the list.
        let list = unsafe { &mut (*slab.as_ptr()).list };
        list.sort(stride);
        list.walk(first)
    }

    /// The next slot in use.
    pub(super) fn next_live(&self, walk: &mut ListWalk, stride: usize) -> Option<NonNull<u8>> {
        self.list.next_live(walk, stride)
    }
}

// Coloured descriptors are placed a line apart: `SlabLayout` is told this size.
const _: () = assert!(align_of::<Slab>() == 64);
const _: () = assert!(core::mem::offset_of!(Slab, next) <= 64);
