//! The descriptor of a slab with two halves.

use core::{alloc::Layout, cell::Cell, ptr, ptr::NonNull};

use super::{
    link::{read_link, write_link},
    shape::{GROUP, RemoteShape},
    word::{Said, Word},
};
use crate::{
    corruption::{Corruption, hooks, report},
    layout::SlabLayout,
    raw::locate,
    sync::{
        atomic::{AtomicUsize, Ordering},
        seeded,
    },
};

/// Where a slab is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    /// With its owner.
    Owned,
    /// Nearly full: an owner takes from it only if there is no memory any more.
    Full,
    /// With slots in use, and an eighth free.
    Partial,
    /// Without a slot in use.
    Empty,
}

/// Lies inside its slab (see [`SlabLayout`]) and is found from any slot's address.
///
/// ```text
///  ┌ the owner's line ─────────────────────────┐┌ everybody's line ┐
///  │ chain, kept, fresh │ shelf, awaited, links ││ word │ core      │   bits, if slots are tiny
///  └───────────────────────────────────────────┘└──────────────────┘
/// ```
///
/// # Invariants
///
/// 1. The slots not in use are: on the list of `word`, or free bits; the `kept` slots of the list that
///    begins at `chain`; those numbered `fresh` and up, which were never handed out; and while there is
///    an owner, those that it has at hand.
/// 2. The owner's line is read and written by the owner, and by nobody else while there is one; without
///    an owner, and the fields from `shelf` on always, under the core's lock.
/// 3. `core` points to the `Core` that made the slab, which outlives it.
/// 4. The slab stays as long as it has a slot in use, an owner, or a visit that is due: each `put` that
///    answered `true` is followed by one call of `Core::visit`. The visits that are due are `awaited`,
///    and for a slab without an owner one more if it is on the shelf `Full` with no more slots in use
///    than the mark, and one more if it is on `Full` or `Partial` with none.
#[repr(C, align(64))]
pub(crate) struct RemoteSlab {
    pub(super) chain: Cell<u32>,
    pub(super) kept: Cell<u32>,
    pub(super) fresh: Cell<u32>,
    pub(super) shelf: Cell<Shelf>,
    pub(super) awaited: Cell<u32>,
    pub(super) next: Cell<*mut RemoteSlab>,
    pub(super) previous: Cell<*mut RemoteSlab>,
    #[cfg(feature = "stats")]
    pub(super) tally: Tally,
    remote: Remote,
}

/// What a slab counts: written by its owner, read by whoever asks.
#[cfg(feature = "stats")]
pub(super) struct Tally {
    /// Slots that were handed out.
    taken: AtomicUsize,
    /// Slots that came back and were taken off the list.
    collected: AtomicUsize,
}

#[cfg(feature = "stats")]
impl Tally {
    fn new() -> Self {
        Self {
            taken: AtomicUsize::new(0),
            collected: AtomicUsize::new(0),
        }
    }

    /// Only the owner writes: no read-modify-write is needed. Relaxed, all of them: counts order nothing.
    fn add(count: &AtomicUsize, number: usize) {
        let counted = count.load(Ordering::Relaxed);
        count.store(counted.wrapping_add(number), Ordering::Relaxed);
    }
}

/// The line that everybody writes.
#[repr(C, align(64))]
struct Remote {
    word: Word,
    core: NonNull<()>,
}

// `RemoteShape` takes the size from here; a model checker's atomics are larger.
#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<RemoteSlab>() == 128);

impl RemoteSlab {
    /// Slabs of `size` bytes for values of layout `value`; see [`RemoteShape::new`].
    pub(crate) const fn shape(value: Layout, size: usize, beside: bool) -> RemoteShape {
        RemoteShape::new(Layout::new::<Self>(), value, size, beside)
    }

    /// Writes a descriptor for the slab at `base`, whose slots are all free and which nobody owns.
    ///
    /// # Safety
    ///
    /// `base` is a chunk of the shape's size and alignment that is the slab's alone; `core` outlives
    /// the slab.
    pub(super) unsafe fn create(
        base: NonNull<u8>,
        shape: RemoteShape,
        core: NonNull<()>,
    ) -> NonNull<Self> {
        let offset = SlabLayout::descriptor_offset(base.as_ptr().addr(), shape.size());
        // SAFETY: the descriptor lies in the chunk, before the first slot.
        let slab = unsafe { base.byte_add(offset) }.cast::<Self>();
        let descriptor = Self {
            chain: Cell::new(0),
            kept: Cell::new(0),
            fresh: Cell::new(0),
            shelf: Cell::new(Shelf::Empty),
            awaited: Cell::new(0),
            next: Cell::new(ptr::null_mut()),
            previous: Cell::new(ptr::null_mut()),
            #[cfg(feature = "stats")]
            tally: Tally::new(),
            remote: Remote {
                word: Word::new(Said::new(0, false, 0)),
                core,
            },
        };
        // SAFETY: in bounds, aligned to a line because colours are whole lines, and nobody else's.
        unsafe { slab.write(descriptor) };
        if shape.bits() {
            for group in 0..shape.slots().div_ceil(GROUP) {
                // SAFETY: the shape has room for the groups' words behind the descriptor.
                let word = unsafe { Self::group_word(slab, group) };
                // SAFETY: in bounds, aligned as the descriptor is, and nobody else's.
                unsafe { word.write(AtomicUsize::new(0)) };
            }
        }
        // SAFETY: within the chunk.
        let first = unsafe { base.byte_add(shape.offset(0) as usize) };
        hooks::run_mapped(first, shape.slots() as usize * shape.stride());
        slab
    }

    /// Ends what `create` began.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of `shape` without slots in use, visits due, or owner; it is not used again.
    pub(super) unsafe fn end(slab: NonNull<Self>, shape: RemoteShape) {
        // SAFETY: the pointer is good for all of the slab.
        let base = unsafe { locate::base(slab.cast(), shape.size()) };
        // SAFETY: within the chunk.
        let first = unsafe { base.byte_add(shape.offset(0) as usize) };
        hooks::run_unmapped(first, shape.slots() as usize * shape.stride());
    }

    /// The slab that `slot` lies in.
    ///
    /// # Safety
    ///
    /// `slot` points into a slab of `size` bytes, and may be used for all of it.
    #[inline(always)]
    pub(crate) unsafe fn of(slot: NonNull<u8>, size: usize) -> NonNull<Self> {
        // SAFETY: the caller's promise.
        unsafe { locate::descriptor(slot, size) }.cast()
    }

    /// Reports an address that is not where a slot of a slab of `shape` starts, in debug builds.
    pub(crate) fn expect_slot(address: NonNull<u8>, shape: RemoteShape) {
        let address = address.as_ptr().addr();
        let offset = (address & (shape.size() - 1)) as u32;
        if cfg!(debug_assertions) && !matches!(shape.slot_at(offset), Some((_, 0))) {
            report(Corruption::ForeignPointer { address });
        }
    }

    /// The `Core` that made it.
    #[inline(always)]
    pub(crate) fn core(&self) -> NonNull<()> {
        self.remote.core
    }

    pub(super) fn word(&self) -> &Word {
        &self.remote.word
    }

    /// The word with the bits of group number `group`.
    ///
    /// # Safety
    ///
    /// `slab` is a slab of a shape with bits, and so many groups.
    unsafe fn group_word(slab: NonNull<Self>, group: u32) -> NonNull<AtomicUsize> {
        // SAFETY: the words lie behind the descriptor.
        unsafe { slab.add(1).cast::<AtomicUsize>().add(group as usize) }
    }

    /// The free bits of group number `group`.
    ///
    /// # Safety
    ///
    /// As for `group_word`, and the slab stays as long as the answer is used.
    pub(super) unsafe fn group<'a>(slab: NonNull<Self>, group: u32) -> &'a AtomicUsize {
        // SAFETY: the caller's promise.
        let word = unsafe { Self::group_word(slab, group) };
        // SAFETY: initialised by `create`, and an atomic.
        unsafe { word.as_ref() }
    }

    /// Takes a slot back; `true` when the slab must now be visited (invariant 4). `Core::put` does both.
    ///
    /// Whoever gets `false` must not look at the slab any more: it may be gone.
    ///
    /// # Safety
    ///
    /// `slot` is a slot in use of a slab of `shape` whose structure is `local` or not, the pointer is
    /// good for all of the slab, and nobody uses the slot any more.
    #[inline(always)]
    pub(super) unsafe fn put(slot: NonNull<u8>, shape: RemoteShape, local: bool) -> bool {
        // SAFETY: the caller's promise.
        let slab = unsafe { Self::of(slot, shape.size()) };
        let offset = (slot.as_ptr().addr() & (shape.size() - 1)) as u32;
        // SAFETY: a descriptor that stays as long as the slot is in use: until the push succeeds.
        let word = unsafe { &(*slab.as_ptr()).remote.word };
        if shape.beside() {
            // What the slot holds is to be found again.
            hooks::slot_closed(slot, shape.stride());
        } else {
            hooks::slot_put(slot, shape.stride());
        }
        if shape.bits() {
            // SAFETY: as above; the slot's number is one of the slab's.
            unsafe { Self::set_bit(slab, shape, offset, local) };
        }
        let said = word.push(offset, local, |head| {
            if !shape.bits() {
                // SAFETY: the slot is ours until the push succeeds.
                unsafe { write_link(slot, head, shape) };
            }
        });
        said.is_unowned_with(shape.mark()) || said.is_unowned_with(0)
    }

    /// # Safety
    ///
    /// A slot in use is at `offset` in the slab.
    #[inline(always)]
    pub(super) unsafe fn set_bit(
        slab: NonNull<Self>,
        shape: RemoteShape,
        offset: u32,
        local: bool,
    ) {
        let number = (offset - shape.offset(0)) / shape.stride() as u32;
        // SAFETY: the number of a slot of the slab, which stays until it is counted.
        let group = unsafe { Self::group(slab, number / GROUP) };
        set(group, 1 << (number % GROUP), local);
    }

    /// Takes all free slots of group number `group`, as bits.
    ///
    /// # Safety
    ///
    /// The caller owns the slab, which has bits and so many groups.
    pub(super) unsafe fn take_group(slab: NonNull<Self>, group: u32, local: bool) -> usize {
        // SAFETY: the caller's promise.
        let word = unsafe { Self::group(slab, group) };
        // Relaxed: only the owner takes bits away, so what is there stays there.
        let bits = word.load(Ordering::Relaxed);
        if bits == 0 {
            return 0;
        }
        if local {
            word.store(0, Ordering::Relaxed);
            return bits;
        }
        // Acquire: pairs with the Release in `set`.
        word.swap(0, Ordering::Acquire)
    }

    /// A slot was handed out, if that is counted. By the owner.
    #[inline(always)]
    pub(super) fn count_taken(&self) {
        #[cfg(feature = "stats")]
        Tally::add(&self.tally.taken, 1);
    }

    /// So many slots that came back are the owner's now, if that is counted. By the owner.
    pub(super) fn count_collected(&self, slots: u32) {
        let _ = slots;
        #[cfg(feature = "stats")]
        Tally::add(&self.tally.collected, slots as usize);
    }

    /// So many slots go back to the bits that were never handed out, if that is counted. By the owner.
    pub(super) fn count_not_taken(&self, slots: u32) {
        let _ = slots;
        #[cfg(feature = "stats")]
        Tally::add(&self.tally.collected, (slots as usize).wrapping_neg());
    }

    /// How many slots were handed out, and how many came back. Exact while nobody does either.
    ///
    /// Under the lock; the shape is the slab's.
    #[cfg(feature = "stats")]
    pub(super) fn tally(&self, shape: RemoteShape) -> (u64, u64) {
        let said = self.word().look();
        let kept = if said.is_owned() {
            0
        } else {
            self.kept.get() + shape.slots() - self.fresh.get()
        };
        let listed = i64::from(shape.slots()) - i64::from(said.out()) - i64::from(kept);
        let collected = self.tally.collected.load(Ordering::Relaxed).cast_signed() as i64;
        let taken = self.tally.taken.load(Ordering::Relaxed) as u64;
        (taken, (collected + listed).max(0).cast_unsigned())
    }

    /// Puts free slots of group number `group` back that its owner had at hand.
    ///
    /// # Safety
    ///
    /// As for `take_group`; the slots are the caller's.
    pub(super) unsafe fn return_group(slab: NonNull<Self>, group: u32, bits: usize, local: bool) {
        // SAFETY: the caller's promise.
        set(unsafe { Self::group(slab, group) }, bits, local);
    }

    /// Whether a slot is free by its bit, be it counted or not: puts that are under way may hide one.
    /// O(slots / 64).
    ///
    /// # Safety
    ///
    /// `slab` is there, and has bits.
    pub(super) unsafe fn has_bits(slab: NonNull<Self>, shape: RemoteShape) -> bool {
        (0..shape.slots().div_ceil(GROUP)).any(|group| {
            // SAFETY: so many groups.
            let word = unsafe { Self::group(slab, group) };
            // Relaxed: whoever takes them looks again.
            word.load(Ordering::Relaxed) != 0
        })
    }

    /// Looks whether the list of `slots` slots from `head` on is one: each link leads to a slot.
    ///
    /// # Safety
    ///
    /// The caller owns the slab, so the list from a head on that it has seen stays; the slab has links.
    pub(super) unsafe fn check(slab: NonNull<Self>, head: u32, slots: u32, shape: RemoteShape) {
        // SAFETY: the pointer is good for all of the slab.
        let base = unsafe { locate::base(slab.cast(), shape.size()) };
        let mut at = head;
        for _ in 0..slots {
            let address = base.as_ptr().addr() + at as usize;
            if !matches!(shape.slot_at(at), Some((_, 0))) {
                report(Corruption::ForeignPointer { address });
            }
            // SAFETY: a slot's offset.
            let slot = unsafe { base.byte_add(at as usize) };
            hooks::slot_opened(slot, shape.stride());
            // SAFETY: a free slot, which is the caller's.
            at = unsafe { read_link(slot, shape) };
            hooks::slot_closed(slot, shape.stride());
        }
    }
}

/// Sets free bits.
#[inline(always)]
fn set(group: &AtomicUsize, bits: usize, local: bool) {
    if local {
        let others = group.load(Ordering::Relaxed);
        group.store(others | bits, Ordering::Relaxed);
        return;
    }
    // Release: pairs with the Acquire of `take_group`, whose caller owns the slots then.
    let order = if seeded("bits come back relaxed") {
        Ordering::Relaxed
    } else {
        Ordering::Release
    };
    group.fetch_or(bits, order);
}
