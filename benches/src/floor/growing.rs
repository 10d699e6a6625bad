//! The floor of growing pools: aligned slabs whose header is found by clearing low bits.
//!
//! Two shapes run: headers right at the base are found soonest, headers at a colour do not evict
//! each other.
//!
//! A full slab is offered for allocation again when [`RELIST`](Header::RELIST) slots of it are free,
//! and the slab that was offered last is taken first. Offering it at its first free slot makes a
//! refill last for a slot or two: random replacement in ten slabs took twice as long. Taking the
//! slab that has waited longest cures that, but goes through all slabs in turn: with 10,000 of them
//! it took three times as long as this. Tried and left out, too: a stack of slot numbers per slab
//! instead of links in the slots. It is another mechanism, with two bytes more per slot: slower by
//! half or more in the hot events, faster by a tenth where values of 512 bytes are replaced.

#![expect(unsafe_code, reason = "a floor is the mechanism without any check")]

use std::{
    cell::{Cell, RefCell},
    hint::black_box,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ops::Deref,
    ptr::{self, NonNull},
};

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// Bytes of a slab, and its alignment.
const SLAB: usize = 1 << 16;
/// Headers lie whole cache lines apart, and no header is longer than a line.
const LINE: usize = 64;
/// Fresh slots that a refill strings together: enough that the call does not show, few enough that
/// a slab's memory is touched as it is needed.
const THREAD: usize = 32;

/// A slab as the allocator sees it.
#[repr(C, align(65536))]
struct Bytes([MaybeUninit<u8>; SLAB]);

/// A value, or the link to the next free slot.
union Slot<T> {
    next: *mut Slot<T>,
    #[expect(dead_code, reason = "gives the slot size and alignment of a value")]
    value: ManuallyDrop<T>,
}

/// Where a slab stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Allocations come from it.
    Current,
    /// All its slots were taken when it stopped being current; it is in no list.
    Full,
    /// It has free slots and waits in the list of the pool.
    Listed,
    /// Nothing is in it; the pool keeps it for the next time.
    Spare,
}

/// A slab's header.
///
/// `due` makes the two events of a free one test: it counts the frees until the pool must hear of
/// the slab. `live + 1` while current (never due), `RELIST` while full (that many frees list it),
/// `live` while listed (the last free empties it).
struct Header<T, const COLORS: usize> {
    free: Cell<*mut Slot<T>>,
    due: Cell<u32>,
    standing: Cell<Standing>,
    fresh: Cell<u16>,
    position: Cell<u32>,
    pool: Cell<*const GrowingFloor<T, COLORS>>,
    prev: Cell<*const Self>,
    next: Cell<*const Self>,
}

impl<T, const COLORS: usize> Header<T, COLORS> {
    /// Bytes from a slab's base to its first slot.
    const FIRST: usize = {
        assert!(size_of::<Self>() <= LINE && align_of::<Slot<T>>() <= LINE);
        COLORS * LINE
    };
    /// Free slots at which a full slab takes part again: a share of a slab that is not missed, and
    /// enough for the cold path not to show.
    const RELIST: u32 = match Self::SLOTS / 4 {
        0 => 1,
        quarter if quarter < 16 => quarter as u32,
        _ => 16,
    };
    /// Slots of a slab.
    const SLOTS: usize = (SLAB - Self::FIRST) / size_of::<Slot<T>>();

    /// Bytes from the base of the slab around `address` to its header: a colour taken from the
    /// slab's address, so that not all headers compete for one cache set. One colour is no colour.
    #[inline(always)]
    fn offset(address: usize) -> usize {
        ((address / SLAB) & (COLORS - 1)) * LINE
    }

    /// The header of the slab that `slot` lies in.
    #[inline(always)]
    fn of(slot: *mut Slot<T>) -> *const Self {
        let found = slot.map_addr(|address| (address & !(SLAB - 1)) + Self::offset(address));
        found.cast::<Self>()
    }

    fn slot(&self, index: usize) -> *mut Slot<T> {
        let base = ptr::from_ref(self)
            .cast_mut()
            .map_addr(|address| address & !(SLAB - 1));
        base.wrapping_byte_add(Self::FIRST)
            .cast::<Slot<T>>()
            .wrapping_add(index)
    }

    /// Strings some fresh slots together and makes them the free list. `false` when none is left.
    fn thread_fresh(&self) -> bool {
        let first = usize::from(self.fresh.get());
        let last = (first + THREAD).min(Self::SLOTS);
        let mut head = ptr::null_mut();
        for index in (first..last).rev() {
            let slot = self.slot(index);
            // SAFETY: a fresh slot of this slab; nobody else refers to it.
            unsafe { (*slot).next = head };
            head = slot;
        }
        self.fresh.set(last as u16);
        self.free.set(head);
        !head.is_null()
    }
}

/// The pool: one current slab, a list of slabs with room, one spare.
///
/// # Invariants
///
/// 1. `current` is a slab of `slabs`; `listed` heads a doubly linked list of those that stand
///    `Listed`; every slab's free list holds its free slots below `fresh` once each.
/// 2. A slab that is `Full` or `Listed` and has a live handle names this pool where it is now: the
///    name is written when the slab stops being current, and the handle's borrow pins the pool.
pub(crate) struct GrowingFloor<T, const COLORS: usize> {
    current: Cell<*const Header<T, COLORS>>,
    listed: Cell<*const Header<T, COLORS>>,
    spare: Cell<*const Header<T, COLORS>>,
    slabs: RefCell<Vec<NonNull<Bytes>>>,
}

impl<T, const COLORS: usize> GrowingFloor<T, COLORS> {
    fn new(capacity: usize) -> Self {
        let pool = Self {
            current: Cell::new(ptr::null()),
            listed: Cell::new(ptr::null()),
            spare: Cell::new(ptr::null()),
            slabs: RefCell::new(Vec::new()),
        };
        let current = pool.add_slab();
        // SAFETY: a slab of this pool.
        unsafe { &*current }.due.set(1);
        pool.current.set(current);
        for _ in 1..capacity.div_ceil(Header::<T, COLORS>::SLOTS) {
            let slab = pool.add_slab();
            pool.list(slab);
        }
        pool
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> Result<GrowingHandle<'_, T, COLORS>, T> {
        // SAFETY: `current` is a slab of this pool (invariant 1).
        let mut slab = unsafe { &*self.current.get() };
        if slab.free.get().is_null() {
            slab = self.refill();
        }
        let slot = slab.free.get();
        // SAFETY: a listed slot holds a link; a refill never leaves the list empty.
        slab.free.set(unsafe { (*slot).next });
        slab.due.set(slab.due.get() + 1);
        // SAFETY: the slot is this slab's and off its list.
        unsafe { slot.cast::<T>().write(value) };
        Ok(GrowingHandle {
            // SAFETY: slots lie behind a header, never at address zero.
            slot: unsafe { NonNull::new_unchecked(slot) },
            pool: PhantomData,
        })
    }

    /// A current slab whose free list is not empty.
    #[cold]
    #[inline(never)]
    fn refill(&self) -> &Header<T, COLORS> {
        // SAFETY: invariant 1.
        let full = unsafe { &*self.current.get() };
        if full.thread_fresh() {
            return full;
        }
        full.standing.set(Standing::Full);
        full.pool.set(self);
        full.due.set(Header::<T, COLORS>::RELIST);
        let next = if !self.listed.get().is_null() {
            let next = self.listed.get();
            self.unlist(next);
            next
        } else if !self.spare.get().is_null() {
            self.spare.replace(ptr::null())
        } else {
            self.add_slab()
        };
        self.current.set(next);
        // SAFETY: listed, spare and new slabs belong to this pool.
        let next = unsafe { &*next };
        next.standing.set(Standing::Current);
        next.due.set(next.due.get() + 1);
        if next.free.get().is_null() {
            next.thread_fresh();
        }
        next
    }

    /// A new slab without values, standing current.
    fn add_slab(&self) -> *const Header<T, COLORS> {
        let bytes = NonNull::from(Box::leak(Box::<Bytes>::new_uninit())).cast::<Bytes>();
        let mut slabs = self.slabs.borrow_mut();
        let header = bytes
            .as_ptr()
            .map_addr(|base| base + Header::<T, COLORS>::offset(base));
        let header = header.cast::<Header<T, COLORS>>();
        let first = Header {
            free: Cell::new(ptr::null_mut()),
            due: Cell::new(0),
            standing: Cell::new(Standing::Current),
            fresh: Cell::new(0),
            position: Cell::new(slabs.len() as u32),
            pool: Cell::new(self),
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
        };
        // SAFETY: the slab is ours, and the header's place lies in it and is aligned to a line.
        unsafe { header.write(first) };
        slabs.push(bytes);
        header
    }

    /// Puts a slab at the head of the list.
    fn list(&self, slab: *const Header<T, COLORS>) {
        let next = self.listed.get();
        // SAFETY: `slab` belongs to this pool.
        unsafe { &*slab }.standing.set(Standing::Listed);
        self.join(ptr::null(), slab);
        self.join(slab, next);
    }

    /// Takes a slab out of the list.
    fn unlist(&self, slab: *const Header<T, COLORS>) {
        // SAFETY: `slab` belongs to this pool.
        let (prev, next) = unsafe { ((*slab).prev.get(), (*slab).next.get()) };
        self.join(prev, next);
    }

    /// Makes two slabs neighbours in the list; null stands for its ends.
    fn join(&self, prev: *const Header<T, COLORS>, next: *const Header<T, COLORS>) {
        if prev.is_null() {
            self.listed.set(next);
        } else {
            // SAFETY: the list holds slabs of this pool (invariant 1).
            unsafe { &*prev }.next.set(next);
        }
        if !next.is_null() {
            // SAFETY: as above.
            unsafe { &*next }.prev.set(prev);
        }
    }

    /// A slab counted down: it was full and has room again, or it is empty.
    #[cold]
    #[inline(never)]
    fn notice(&self, slab: &Header<T, COLORS>) {
        if slab.standing.get() == Standing::Full {
            slab.due
                .set(Header::<T, COLORS>::SLOTS as u32 - Header::<T, COLORS>::RELIST);
            if slab.due.get() > 0 {
                self.list(slab);
                return;
            }
        } else {
            self.unlist(slab);
        }
        slab.standing.set(Standing::Spare);
        let surplus = self.spare.replace(slab);
        if !surplus.is_null() {
            self.give_back(surplus);
        }
    }

    /// Frees an empty slab.
    fn give_back(&self, slab: *const Header<T, COLORS>) {
        let mut slabs = self.slabs.borrow_mut();
        // SAFETY: a slab of this pool.
        let position = unsafe { &*slab }.position.get();
        let bytes = slabs.swap_remove(position as usize);
        if let Some(moved) = slabs.get(position as usize) {
            let header = moved
                .as_ptr()
                .map_addr(|base| base + Header::<T, COLORS>::offset(base));
            // SAFETY: a slab of this pool; its header lies where its colour says.
            unsafe { &*header.cast::<Header<T, COLORS>>() }
                .position
                .set(position);
        }
        // SAFETY: allocated as a box of this type; no handle refers to an empty slab.
        drop(unsafe { Box::from_raw(bytes.as_ptr().cast::<MaybeUninit<Bytes>>()) });
    }
}

impl<T, const COLORS: usize> Drop for GrowingFloor<T, COLORS> {
    fn drop(&mut self) {
        for bytes in self.slabs.get_mut() {
            // SAFETY: allocated as a box of this type; no handle outlives the pool.
            drop(unsafe { Box::from_raw(bytes.as_ptr().cast::<MaybeUninit<Bytes>>()) });
        }
    }
}

/// One word: the slot, from which the slab and the pool are found.
pub(crate) struct GrowingHandle<'p, T, const COLORS: usize> {
    slot: NonNull<Slot<T>>,
    pool: PhantomData<&'p GrowingFloor<T, COLORS>>,
}

impl<T, const COLORS: usize> Deref for GrowingHandle<'_, T, COLORS> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the handle's slot holds its value until the handle drops.
        unsafe { self.slot.cast::<T>().as_ref() }
    }
}

impl<T, const COLORS: usize> Drop for GrowingHandle<'_, T, COLORS> {
    #[inline(always)]
    fn drop(&mut self) {
        let slot = self.slot.as_ptr();
        // SAFETY: the value is live and nobody sees it again.
        unsafe { slot.cast::<T>().drop_in_place() };
        // SAFETY: the slot lies in a slab of the pool, whose header stands where its colour says.
        let slab = unsafe { &*Header::<T, COLORS>::of(slot) };
        // SAFETY: the slot is unused memory of the slab now.
        unsafe { (*slot).next = slab.free.get() };
        slab.free.set(slot);
        let due = slab.due.get() - 1;
        slab.due.set(due);
        if due == 0 {
            // SAFETY: a slab that counts down to zero is not current, so it names its pool, which
            // this handle borrows (invariant 2).
            unsafe { &*slab.pool.get() }.notice(slab);
        }
    }
}

impl<T: Payload, const COLORS: usize> Contender for GrowingFloor<T, COLORS> {
    const NAME: &'static str = if COLORS == 1 {
        "floor::growing"
    } else {
        "floor::growing-colored"
    };
    const ROLE: Role = Role::Floor;
    type Value = T;
    type Handle<'p> = GrowingHandle<'p, T, COLORS>;

    fn with_capacity(capacity: usize) -> Self {
        Self::new(capacity)
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> GrowingHandle<'_, T, COLORS> {
        self.alloc(value).unwrap_or_else(|_| exhausted())
    }

    #[inline(always)]
    fn free<'p>(&'p self, handle: GrowingHandle<'p, T, COLORS>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p GrowingHandle<'_, T, COLORS>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &GrowingHandle<'_, T, COLORS>) {
        black_box(handle.slot);
    }

    fn slots_per_slab() -> usize {
        Header::<T, COLORS>::SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Value = [u64; 8];

    /// The current slab is never due, however often it runs empty.
    #[test]
    fn the_current_slab_stays() {
        let pool = GrowingFloor::<Value, 1>::new(1);
        for seed in 0..100 {
            drop(pool.alloc([seed; 8]));
        }
        assert!(pool.spare.get().is_null() && pool.listed.get().is_null());
        assert_eq!(pool.slabs.borrow().len(), 1);
    }

    /// A slab's way through all its standings, and back to the allocator.
    #[test]
    fn slabs_are_given_back() {
        let pool = GrowingFloor::<Value, 16>::new(1);
        let slots = <GrowingFloor<Value, 16> as Contender>::slots_per_slab();
        let mut handles: Vec<_> = (0..5 * slots as u64)
            .map(|seed| pool.alloc([seed; 8]).unwrap_or_else(|_| exhausted()))
            .collect();
        assert_eq!(pool.slabs.borrow().len(), 5);
        assert!(
            handles
                .iter()
                .zip(0..)
                .all(|(handle, seed)| handle[7] == seed)
        );
        handles.truncate(slots);
        // The current slab stays, one empty slab is spare, the full one holds the handles left.
        assert_eq!(pool.slabs.borrow().len(), 3);
        assert!(
            handles
                .iter()
                .zip(0..)
                .all(|(handle, seed)| handle[7] == seed)
        );
    }
}
