//! The descriptor of a slab: the single-owner half.

use core::{cell::Cell, ptr, ptr::NonNull};

use super::{
    list::{ListWalk, LocalList, Place, PlacedList, WIDE},
    locate,
};
use crate::layout::{SlabLayout, SlotLayout};

/// What all slabs of an owner have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlabShape {
    layout: SlabLayout,
    stride: u32,
    wide: bool,
}

impl SlabShape {
    /// `wide` says whether links are addresses, and needs `is_wide` slots. `None` when a slab is too
    /// large for offsets of 32 bits.
    pub(crate) fn new(layout: SlabLayout, slot: SlotLayout, wide: bool) -> Option<Self> {
        u32::try_from(layout.size()).ok()?;
        let stride = u32::try_from(slot.stride()).ok()?;
        Some(Self {
            layout,
            stride,
            wide,
        })
    }

    /// Whether links in such slots are addresses. Hot paths ask with a constant.
    pub(crate) const fn is_wide(slot: SlotLayout) -> bool {
        slot.stride() >= WIDE
    }

    /// Where the parts of a slab lie.
    pub(super) fn layout(self) -> SlabLayout {
        self.layout
    }

    /// Bytes from slot to slot.
    #[inline(always)]
    pub(crate) fn stride(self) -> u32 {
        self.stride
    }

    /// Bytes of a slab.
    pub(crate) fn slab_bytes(self) -> usize {
        self.layout.size()
    }

    /// Slots of a whole slab.
    pub(crate) fn slots(self) -> usize {
        self.layout.slots() as usize
    }

    /// Bytes from a slab's base to its first slot.
    fn first(self) -> u32 {
        self.layout.first() as u32
    }
}

/// Lies inside its slab (see [`SlabLayout`]), on one cache line, and is found from any slot's
/// address.
///
/// Its functions take the pointer and not `&self` where they reach the slots: a reference to the
/// descriptor must not be used to leave it.
///
/// # Invariants
///
/// 1. `list` holds exactly the slots that are not in use.
/// 2. `owner` points to the `Slabs` that made the slab and outlives it.
/// 3. The slab is current and on no shelf, or on the owner's shelf number `shelf`; `due` is the
///    depth of the list at which it must move to another, 0 for never.
/// 4. Every slab is on the owner's list of all slabs, through `after` and `before`.
#[repr(C, align(64))]
pub(crate) struct Slab {
    list: LocalList,
    due: Cell<u32>,
    pub(super) shelf: Cell<u8>,
    owner: NonNull<()>,
    pub(super) next: Cell<*mut Slab>,
    pub(super) previous: Cell<*mut Slab>,
    pub(super) after: Cell<*mut Slab>,
    pub(super) before: Cell<*mut Slab>,
}

impl Slab {
    /// Writes a descriptor for the first `slots` slots of the slab at `base`.
    ///
    /// # Safety
    ///
    /// `base` is a chunk of the layout's size and alignment that is the slab's alone; `slots` is at
    /// most the layout's; `owner` outlives the slab.
    pub(super) unsafe fn create(
        base: NonNull<u8>,
        shape: SlabShape,
        slots: u32,
        owner: NonNull<()>,
    ) -> NonNull<Self> {
        let offset = SlabLayout::descriptor_offset(base.as_ptr().addr(), shape.layout.size());
        // SAFETY: the descriptor lies in the chunk, before the first slot.
        let slab = unsafe { base.byte_add(offset) }.cast::<Self>();
        let first = shape.first();
        // Within the slab, whose size fits 32 bits.
        let descriptor = Self {
            list: LocalList::new(first, first + shape.stride * slots),
            due: Cell::new(0),
            shelf: Cell::new(0),
            owner,
            next: Cell::new(ptr::null_mut()),
            previous: Cell::new(ptr::null_mut()),
            after: Cell::new(ptr::null_mut()),
            before: Cell::new(ptr::null_mut()),
        };
        // SAFETY: in bounds, aligned to a line because colours are whole lines, and nobody else's.
        unsafe { slab.write(descriptor) };
        slab
    }

    /// The slab that `slot` lies in.
    ///
    /// # Safety
    ///
    /// `slot` points into a slab of `size` bytes, and may be used for all of it.
    #[inline(always)]
    pub(crate) unsafe fn of(slot: NonNull<u8>, size: usize) -> NonNull<Self> {
        // SAFETY: the caller's promise.
        in_register(unsafe { locate::descriptor(slot, size) }).cast()
    }

    /// The list of the slab at `base`, in its place: offsets are bytes from the base.
    ///
    /// # Safety
    ///
    /// `slab` is the descriptor of the slab at `base`, whose slots are `stride` bytes apart and have
    /// such links.
    #[inline(always)]
    unsafe fn list<'a>(
        slab: NonNull<Self>,
        base: NonNull<u8>,
        stride: u32,
        wide: bool,
    ) -> PlacedList<'a> {
        let place = Place {
            origin: base.as_ptr(),
            unit: 1,
            step: stride,
            wide,
        };
        // SAFETY: an initialised descriptor; its changing fields are cells.
        let list = unsafe { &slab.as_ref().list };
        // SAFETY: the slab's slots lie there, and the free ones are the list's (invariant 1).
        unsafe { list.at(place) }
    }

    /// The list of a slab, on slow paths.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `shape`.
    unsafe fn listed<'a>(slab: NonNull<Self>, shape: SlabShape) -> PlacedList<'a> {
        // SAFETY: a slab's pointer is good for all of the slab.
        let base = unsafe { locate::base(slab.cast(), shape.layout.size()) };
        // SAFETY: the shape is the slab's.
        unsafe { Self::list(slab, base, shape.stride, shape.wide) }
    }

    /// A free slot, now in use: the hot half of an allocation.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `size` bytes with slots `stride` bytes apart and such links.
    #[inline(always)]
    pub(crate) unsafe fn take(
        slab: NonNull<Self>,
        size: usize,
        stride: u32,
        wide: bool,
    ) -> Option<NonNull<u8>> {
        // SAFETY: a slab's pointer is good for all of the slab.
        let base = unsafe { locate::base(slab.cast(), size) };
        // SAFETY: the caller's promise.
        unsafe { Self::list(slab, base, stride, wide) }.pop()
    }

    /// Takes a slot back; `true` when the slab must now be moved to another shelf.
    ///
    /// # Safety
    ///
    /// As for [`take`](Self::take); `slot` is a slot of this slab in use, and nobody uses it any
    /// more.
    #[inline(always)]
    pub(crate) unsafe fn put(
        slab: NonNull<Self>,
        slot: NonNull<u8>,
        size: usize,
        stride: u32,
        wide: bool,
    ) -> bool {
        // SAFETY: the slot lies in the slab.
        let base = unsafe { locate::base(slot, size) };
        // SAFETY: the caller's promise.
        let list = unsafe { Self::list(slab, base, stride, wide) };
        // SAFETY: in use means popped and not pushed since (invariant 1).
        let depth = unsafe { list.push(slot) };
        // SAFETY: an initialised descriptor; its changing fields are cells.
        depth == unsafe { slab.as_ref() }.due.get()
    }

    /// Makes [`put`](Self::put) answer `true` at the free that leaves `mark` slots in use, or never.
    /// Until then, no slot may be taken.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `shape`.
    pub(super) unsafe fn notify_at(slab: NonNull<Self>, mark: Option<u32>, shape: SlabShape) {
        // SAFETY: the caller's promise.
        let list = unsafe { Self::listed(slab, shape) };
        let due = mark.map_or(0, |mark| list.depth() + (list.in_use(shape.first()) - mark));
        // SAFETY: an initialised descriptor; its changing fields are cells.
        unsafe { slab.as_ref() }.due.set(due);
    }

    /// The `Slabs` that made it.
    #[inline(always)]
    pub(crate) fn owner(&self) -> NonNull<()> {
        self.owner
    }

    /// Slots in use.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `shape`.
    pub(super) unsafe fn live(slab: NonNull<Self>, shape: SlabShape) -> u32 {
        // SAFETY: the caller's promise.
        unsafe { Self::listed(slab, shape) }.in_use(shape.first())
    }

    /// Slots in all.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `shape`.
    pub(super) unsafe fn slots(slab: NonNull<Self>, shape: SlabShape) -> u32 {
        // SAFETY: the caller's promise.
        unsafe { Self::listed(slab, shape) }.slots(shape.first())
    }

    /// Whether a slot is free.
    pub(crate) fn has_free(&self) -> bool {
        !self.list.is_empty()
    }

    /// Whether `slot` was freed a short while ago, as far as `most` free slots tell.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `shape`.
    pub(super) unsafe fn recently_freed(
        slab: NonNull<Self>,
        slot: NonNull<u8>,
        shape: SlabShape,
        most: usize,
    ) -> bool {
        // SAFETY: the caller's promise.
        unsafe { Self::listed(slab, shape) }.recently_freed(slot, most)
    }

    /// Starts a walk over the slots in use; sorts the free ones.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `shape`.
    pub(super) unsafe fn walk(slab: NonNull<Self>, shape: SlabShape) -> ListWalk {
        // SAFETY: the caller's promise.
        unsafe { Self::listed(slab, shape) }.walk(shape.first())
    }

    /// The next slot in use.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `shape`.
    pub(super) unsafe fn next_live(
        slab: NonNull<Self>,
        walk: &mut ListWalk,
        shape: SlabShape,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's promise.
        unsafe { Self::listed(slab, shape) }.next_live(walk)
    }
}

/// The same pointer, computed into a register instead of being added up in each instruction that
/// uses it. Recent x86-64 processors forward a store to the next load of the same place in no time
/// only if neither address has two parts: a slot that is freed and allocated again at once takes 2.3
/// ns with this and 3.9 without.
#[inline(always)]
#[cfg_attr(
    all(target_arch = "x86_64", not(miri)),
    expect(
        clippy::pointers_in_nomem_asm_block,
        reason = "the pointer passes through, unread"
    )
)]
fn in_register(pointer: NonNull<u8>) -> NonNull<u8> {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let mut address = pointer.as_ptr();
        // SAFETY: no instruction at all; the pointer goes in and comes out.
        unsafe {
            core::arch::asm!(
                "/* {0} */",
                inout(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        // SAFETY: the pointer that went in, which is not null.
        unsafe { NonNull::new_unchecked(address) }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    pointer
}

// Descriptors are placed a line apart, and `SlabLayout` is told this size.
const _: () = assert!(size_of::<Slab>() == 64 && align_of::<Slab>() == 64);
