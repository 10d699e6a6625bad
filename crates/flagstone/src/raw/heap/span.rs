//! A run of slices: cut into slots of one size, or one block.

use core::{cell::Cell, ptr, ptr::NonNull};

use super::secret::{Key, Secret};
use crate::{
    corruption::{Corruption, report},
    layout::span::SpanLayout,
    raw::remote::{Said, Word},
    sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering},
};

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing: its slices are free, or the heap's own.
    None,
    /// Slots of a class.
    Slots,
    /// One block of whole slices.
    Run,
    /// One block that is a mapping of its own.
    Large,
    /// One block in a slice, around which nothing can be touched.
    Guarded,
    /// A slice of which nothing can be touched.
    Fence,
}

/// Where a span of slots is with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Slots are taken from it.
    Current,
    /// On the list of those that slots will be taken from.
    Partial,
    /// On the list of those with too few free slots.
    Full,
    /// Without an owner, on the list of those that may be adopted.
    Listed,
    /// Without an owner, on no list.
    Lost,
}

/// In a block's `what`: it is being freed.
const GOING: u32 = 1 << 31;
/// No number of slots in use: the event that never comes.
const NEVER: u32 = u32::MAX;
/// So many slots must have come back before an owner takes them off their list while it has others.
const WORTH_COLLECTING: u32 = 16;
/// What is added to the offsets of slots where they are named, so that none is named 0.
const NAMES: u32 = 8;
/// Debug builds look for a slot among so many that were freed last.
const REMEMBERED: usize = 32;
/// At most so many bytes of untouched slots are made ready at once.
const CARVED: u32 = 4096;
/// At least so many slots are made ready at once if nobody should know their order.
const SCATTERED: u32 = 16;

/// Describes a run of slices. All zeros is a span of kind `None` without slots.
///
/// ```text
///  ┌ the owner's line ───────────────────────────────────┐┌ everybody's line ┐
///  │ free, in use, event, fresh, place, base, list links ││ word, kind, size │
///  └─────────────────────────────────────────────────────┘└──────────────────┘
/// ```
///
/// # Invariants
///
/// 1. The slots not in use are: on the list of `word`; on the list that begins at `free`, whose links are
///    addresses; those numbered `fresh` and up, which were never handed out; and of those below, the ones that
///    touch a part of the span that is `away`. Both lists end with a null link; links are mixed with the key.
/// 2. `in_use` counts the slots that are not on the owner's list and not fresh: those on the list of `word`
///    are among them until they are collected.
/// 3. The owner's line is written by the owner, and by nobody else while there is one. Without one, `place`
///    and the list links are written under the lock of the spans without owner, and the rest by nobody.
/// 4. Without an owner, a span is `Listed` or `Lost`: `Listed` if at most its mark was in use when it was
///    put there.
#[repr(C, align(64))]
pub(super) struct Span {
    pub(super) free: Cell<*mut u8>,
    /// Atomic, because reports read it: only the owner writes.
    in_use: AtomicU32,
    /// When `in_use` falls to that, the owner is told.
    event: Cell<u32>,
    pub(super) fresh: Cell<u32>,
    slots: Cell<u32>,
    pub(super) stride: Cell<u32>,
    class: Cell<u8>,
    pub(super) place: Cell<Place>,
    /// Bytes of a part of the span, as an exponent of 2.
    pub(super) part: Cell<u8>,
    pub(super) base: Cell<*mut u8>,
    pub(super) next: Cell<*const Span>,
    pub(super) previous: Cell<*const Span>,
    /// Parts of the span whose pages were given back, one bit each.
    pub(super) away: Cell<u64>,
    shared: Shared,
}

/// The line that all threads read.
#[repr(C, align(64))]
struct Shared {
    word: Word,
    /// `Kind`, class and number of slices. Atomic, because reports read it: written while the span is nobody else's.
    what: AtomicU32,
    /// Bytes of a slot, or of the block.
    size: AtomicUsize,
    base: AtomicPtr<u8>,
    /// Written before there are slots, as `seed` is.
    key: Cell<Key>,
    /// What the order of fresh slots follows from; 0 is that of their addresses.
    seed: Cell<u32>,
}

// A model checker's atomics are larger.
#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<Span>() == 128);

impl Span {
    /// A span of kind `None`.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self {
            free: Cell::new(ptr::null_mut()),
            in_use: AtomicU32::new(0),
            event: Cell::new(NEVER),
            fresh: Cell::new(0),
            slots: Cell::new(0),
            stride: Cell::new(0),
            class: Cell::new(0),
            place: Cell::new(Place::Current),
            part: Cell::new(0),
            base: Cell::new(ptr::null_mut()),
            next: Cell::new(ptr::null()),
            previous: Cell::new(ptr::null()),
            away: Cell::new(0),
            shared: Shared {
                word: Word::new(Said::new(0, true, 0)),
                what: AtomicU32::new(0),
                size: AtomicUsize::new(0),
                base: AtomicPtr::new(ptr::null_mut()),
                key: Cell::new(Key::NONE),
                seed: Cell::new(0),
            },
        }
    }

    /// Makes slots of `class` of the fresh slices at `base`, owned by the caller.
    pub(super) fn cut(&self, class: usize, base: NonNull<u8>, secret: Secret) {
        let layout = SpanLayout::of(class);
        self.free.set(ptr::null_mut());
        self.set_in_use(0);
        self.event.set(NEVER);
        self.fresh.set(0);
        self.slots.set(layout.slots);
        self.stride.set(layout.stride);
        self.class.set(class as u8);
        self.place.set(Place::Current);
        self.base.set(base.as_ptr());
        self.away.set(0);
        self.shared.key.set(secret.key_of(base));
        self.shared.seed.set(secret.seed_of(base));
        self.shared.word.restart(Said::new(0, true, layout.slots));
        self.set_size(layout.stride as usize, base);
        self.become_kind(Kind::Slots, layout.slices.into());
    }

    /// Makes the span one block of `size` bytes at `base`.
    pub(super) fn be_block(&self, kind: Kind, slices: usize, size: usize, base: NonNull<u8>) {
        self.set_size(size, base);
        self.become_kind(kind, slices);
    }

    /// Makes a block longer or shorter where it is. Its owner does that, while reports may read.
    pub(super) fn set_length(&self, kind: Kind, slices: usize, size: usize) {
        self.become_kind(kind, slices);
        self.shared.size.store(size, Ordering::Relaxed);
    }

    /// Of threads that free the same block at once, one gets `true`.
    pub(super) fn claim_block(&self) -> bool {
        // Relaxed: who loses reads nothing.
        self.shared.what.fetch_or(GOING, Ordering::Relaxed) & GOING == 0
    }

    /// Whether a block was freed.
    pub(super) fn is_freed(&self) -> bool {
        self.shared.what.load(Ordering::Relaxed) & GOING != 0
    }

    /// The slices are nobody's any more.
    pub(super) fn vanish(&self) {
        self.become_kind(Kind::None, 0);
    }

    fn become_kind(&self, kind: Kind, slices: usize) {
        let what = kind as u32 | (slices as u32) << 8 | u32::from(self.class.get()) << 16;
        // Release: pairs with the Acquire of `kind`, for who walks through a heap; a block's way to another thread
        // brings it along anyway.
        self.shared.what.store(what, Ordering::Release);
    }

    fn set_size(&self, size: usize, base: NonNull<u8>) {
        // Relaxed: as above.
        self.shared.size.store(size, Ordering::Relaxed);
        self.shared.base.store(base.as_ptr(), Ordering::Relaxed);
    }

    pub(super) fn kind(&self) -> Kind {
        // Acquire: pairs with the Release of `become_kind`.
        match self.shared.what.load(Ordering::Acquire) & 0xff {
            1 => Kind::Slots,
            2 => Kind::Run,
            3 => Kind::Large,
            4 => Kind::Guarded,
            5 => Kind::Fence,
            _ => Kind::None,
        }
    }

    /// How many slices it has.
    pub(super) fn slices(&self) -> usize {
        (self.shared.what.load(Ordering::Relaxed) >> 8) as usize & 0xff
    }

    /// The class of its slots.
    pub(super) fn class(&self) -> usize {
        (self.shared.what.load(Ordering::Relaxed) >> 16) as usize & 0xff
    }

    /// Bytes of a slot, or of the block.
    pub(super) fn size(&self) -> usize {
        self.shared.size.load(Ordering::Relaxed)
    }

    /// Where the first slot starts, or the block.
    pub(super) fn base(&self) -> *mut u8 {
        self.shared.base.load(Ordering::Relaxed)
    }

    /// Slots in use, as the owner counts them; anybody may ask.
    #[inline(always)]
    pub(super) fn in_use(&self) -> u32 {
        self.in_use.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn set_in_use(&self, in_use: u32) {
        // Relaxed: a count orders nothing.
        self.in_use.store(in_use, Ordering::Relaxed);
    }

    /// The list that others put slots back on.
    pub(super) fn word(&self) -> &Word {
        &self.shared.word
    }

    pub(super) fn slots(&self) -> u32 {
        self.slots.get()
    }

    /// From how many slots in use on the span counts as full.
    pub(super) fn mark(&self) -> u32 {
        let slots = self.slots.get();
        slots - slots / 8
    }

    /// A free slot; null if none is ready.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    #[inline(always)]
    pub(super) unsafe fn pop(&self) -> *mut u8 {
        let slot = self.free.get();
        if !slot.is_null() {
            // SAFETY: a free slot of ours holds the address of the next (invariant 1).
            self.free.set(unsafe { slot.cast::<*mut u8>().read() });
            self.set_in_use(self.in_use() + 1);
        }
        slot
    }

    /// As `pop`, for a span that may have a key.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    pub(super) unsafe fn pop_mixed(&self) -> *mut u8 {
        let slot = self.free.get();
        if !slot.is_null() {
            // SAFETY: a free slot of ours.
            self.free.set(unsafe { self.link(slot) });
            self.set_in_use(self.in_use() + 1);
        }
        slot
    }

    /// Looks whether what stands in the slot that is next is a link to a slot of the span, or to none.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    pub(super) unsafe fn check_next(&self) {
        let slot = self.free.get();
        if slot.is_null() {
            return;
        }
        // SAFETY: a free slot of ours.
        let next = unsafe { self.link(slot) };
        if !next.is_null() && self.number(next).is_none() {
            let address = slot.addr();
            report(Corruption::WrittenWhenFree { address });
        }
    }

    /// The number of the slot at the address; `None` if there is none, or it was never handed out.
    pub(super) fn number(&self, slot: *mut u8) -> Option<usize> {
        let offset = slot.addr().wrapping_sub(self.base.get().addr());
        let stride = self.stride.get() as usize;
        let number = offset / stride;
        let is_slot = offset.is_multiple_of(stride) && number < self.fresh.get() as usize;
        is_slot.then_some(number)
    }

    /// What a free slot says is the next one.
    ///
    /// # Safety
    ///
    /// The caller owns the span, and `slot` is one of its slots on the list at `free`.
    pub(super) unsafe fn link(&self, slot: *mut u8) -> *mut u8 {
        // SAFETY: a free slot of ours holds the address of the next (invariant 1), unless somebody wrote to it.
        let mixed = unsafe { slot.cast::<*mut u8>().read() };
        self.shared.key.get().mix(mixed)
    }

    /// Puts a slot on the list at `free`.
    ///
    /// # Safety
    ///
    /// The caller owns the span, and the slot, which nobody uses.
    pub(super) unsafe fn put(&self, slot: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.set_link(slot, self.free.get()) };
        self.free.set(slot);
    }

    /// Lets a free slot say what is the next one.
    ///
    /// # Safety
    ///
    /// The slot is the caller's, and nobody uses it.
    unsafe fn set_link(&self, slot: *mut u8, next: *mut u8) {
        // SAFETY: the slot is the caller's, and large enough for an address.
        unsafe {
            slot.cast::<*mut u8>()
                .write(self.shared.key.get().mix(next))
        };
    }

    /// Takes a slot back; whether the number in use is now the one that the owner waits for. Only for spans
    /// without a key.
    ///
    /// # Safety
    ///
    /// The caller owns the span, and `slot` is one of its slots and in use, by nobody any more.
    #[inline(always)]
    pub(super) unsafe fn push(&self, slot: *mut u8) -> bool {
        if cfg!(debug_assertions) {
            // SAFETY: the caller owns the span.
            unsafe { self.check(slot) };
        }
        // SAFETY: the slot is ours now, and large enough for an address.
        unsafe { slot.cast::<*mut u8>().write(self.free.get()) };
        self.free.set(slot);
        self.one_less()
    }

    /// As `push`, for a span that may have a key.
    ///
    /// # Safety
    ///
    /// As for `push`.
    pub(super) unsafe fn push_mixed(&self, slot: *mut u8) -> bool {
        if cfg!(debug_assertions) {
            // SAFETY: the caller owns the span.
            unsafe { self.check(slot) };
        }
        // SAFETY: the slot is ours now.
        unsafe { self.put(slot) };
        self.one_less()
    }

    #[inline(always)]
    fn one_less(&self) -> bool {
        let in_use = self.in_use().wrapping_sub(1);
        self.set_in_use(in_use);
        in_use == self.event.get()
    }

    /// Looks whether the slot is one, and was not freed just now.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    unsafe fn check(&self, slot: *mut u8) {
        let address = slot.addr();
        if self.number(slot).is_none() {
            report(Corruption::ForeignPointer { address });
        }
        let mut at = self.free.get();
        for _ in 0..REMEMBERED {
            if at == slot || self.in_use() == 0 {
                report(Corruption::DoubleFree { address });
            }
            if at.is_null() {
                break;
            }
            // SAFETY: a free slot of ours.
            at = unsafe { self.link(at) };
        }
    }

    /// Moves the span to another place with its owner, who is told when the number in use falls to: never
    /// for the current span, none for one that can do without, the mark for a full one.
    pub(super) fn move_to(&self, place: Place) {
        self.place.set(place);
        self.event.set(match place {
            Place::Current => NEVER,
            Place::Partial => 0,
            Place::Full => self.mark(),
            Place::Listed | Place::Lost => NEVER,
        });
    }

    /// How many slots came back from others. Only the owner gets an answer of meaning.
    pub(super) fn came_back(&self) -> u32 {
        self.slots.get().saturating_sub(self.word().look().out())
    }

    /// Makes slots ready; `false` if there are none.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    pub(super) unsafe fn replenish(&self) -> bool {
        if !self.free.get().is_null() {
            return true;
        }
        let (came_back, fresh) = (self.came_back(), self.fresh.get());
        let untouched = fresh < self.slots.get();
        let others = untouched || self.away.get() != 0;
        if came_back >= WORTH_COLLECTING || (came_back > 0 && !others) {
            // SAFETY: the caller's promise.
            unsafe { self.collect() };
            return true;
        }
        // SAFETY: the caller's promise.
        if unsafe { self.bring_back() } {
            return true;
        }
        if untouched {
            self.carve();
        }
        untouched
    }

    /// Makes slots ready that nobody has had yet.
    fn carve(&self) {
        let (stride, fresh) = (self.stride.get(), self.fresh.get());
        let (seed, rest) = (self.shared.seed.get(), self.slots.get() - fresh);
        let least = if seed == 0 { 1 } else { SCATTERED };
        let count = (CARVED / stride).max(least).min(rest);
        self.fresh.set(fresh + count);
        // Within the span, so it does not wrap.
        let slot = |number: u32| self.base.get().wrapping_add((number * stride) as usize);
        if seed == 0 {
            for number in (fresh..fresh + count).rev() {
                // SAFETY: a slot that nobody has had.
                unsafe { self.put(slot(number)) };
            }
        } else {
            shuffled(count, seed ^ fresh, |number| {
                // SAFETY: as above: each comes once.
                unsafe { self.put(slot(fresh + number)) };
            });
        }
    }

    /// Takes what others put back: the list as it is, so that a slot that another processor wrote to is not
    /// touched before it is used.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    pub(super) unsafe fn collect(&self) {
        let (head, count) = self.word().collect(self.slots.get(), false);
        if count == 0 {
            return;
        }
        let Some(in_use) = self.in_use().checked_sub(count) else {
            // More came back than was handed out.
            let address = self.base.get().addr();
            report(Corruption::DoubleFree { address });
        };
        let first = self.named(head);
        if !self.free.get().is_null() {
            let mut last = first;
            for _ in 1..count {
                // SAFETY: a slot that came back.
                last = unsafe { self.link(last) };
                if self.number(last).is_none() {
                    // What stood in a free slot is no link of ours.
                    let address = self.base.get().addr();
                    report(Corruption::WrittenWhenFree { address });
                }
            }
            // SAFETY: ours now.
            unsafe { self.set_link(last, self.free.get()) };
        }
        self.free.set(first);
        self.set_in_use(in_use);
    }

    /// What the word calls the slot at an offset: 0 is none.
    const fn name(offset: usize) -> u32 {
        offset as u32 + NAMES
    }

    /// The slot that the word calls so; null for none.
    pub(super) fn named(&self, name: u32) -> *mut u8 {
        match name.checked_sub(NAMES) {
            // Within the span, so it does not wrap.
            Some(offset) => self.base().wrapping_add(offset as usize),
            None => ptr::null_mut(),
        }
    }

    /// Puts a slot back from a thread that does not own the span; how many are in use, if that is a
    /// reason to do something about the span, which is the caller's then.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of the span, in use, and by nobody any more.
    pub(super) unsafe fn put_back(&self, slot: NonNull<u8>) -> Option<u32> {
        let offset = slot.as_ptr().addr() - self.base().addr();
        let mark = SpanLayout::of(self.class()).mark();
        self.word().push_or_claim(Self::name(offset), mark, |head| {
            // SAFETY: the slot is ours until the exchange succeeds.
            unsafe { self.set_link(slot.as_ptr(), self.named(head)) };
        })
    }
}

/// At most so many slots are made ready at once: the smallest.
const MOST_CARVED: usize = 512;
const _: () = assert!(CARVED / 8 <= MOST_CARVED as u32);

/// Calls `see` with the numbers below `count`, each once, in an order that follows from the seed (R. A. Fisher
/// and F. Yates, in the form of R. Durstenfeld, 1964).
fn shuffled(count: u32, seed: u32, mut see: impl FnMut(u32)) {
    let mut numbers: [u16; MOST_CARVED] = core::array::from_fn(|number| number as u16);
    let mut random = seed | 1;
    for last in (0..count as usize).rev() {
        // Marsaglia's xorshift ("Xorshift RNGs", 2003).
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        numbers.swap(last, random as usize % (last + 1));
        see(numbers[last].into());
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_once() {
        for count in [1, 2, 16, 100, 512] {
            let mut seen = alloc::vec::Vec::new();
            shuffled(count, count * 77, |number| seen.push(number));
            assert!(count < 16 || !seen.is_sorted());
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..count), "{count}");
        }
    }
}
