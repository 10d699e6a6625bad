//! The hot path of every arena: a pointer that moves up through a chunk.

use core::{alloc::Layout, cell::Cell, hint, ptr, ptr::NonNull};

use crate::corruption::hooks;

/// A constant request of at most so many bytes, alignment included, is compared by addition, which
/// is two instructions shorter than by subtraction and does not overflow (invariant 4).
pub(crate) const REACH: usize = 4096;

/// Where a cursor without a chunk points: an address with no bytes, aligned for all common requests
/// of 0 bytes.
const NOWHERE: *mut u8 = ptr::without_provenance_mut(4096);

/// Hands out the bytes of a chunk from the lowest to the highest.
///
/// ```text
///   start           floor                pos                    end
///   │ not ours to   │ may be given back, │ free                 │
///   │ give back     │ newest first       │                      │
/// ```
///
/// Upwards, because then the newest block grows where it is without moving its bytes. With a
/// minimum alignment, because then most requests need none: six instructions and one branch (see
/// N. Fitzgerald, "Always bump downwards", 2019, for the opposite choice at an alignment of 1).
///
/// # Invariants
///
/// 1. `floor <= pos <= end`, all three within one chunk; or all three are `NOWHERE`.
/// 2. `pos` is a multiple of `MIN_ALIGN`.
/// 3. The bytes from `pos` to `end` belong to the cursor alone.
/// 4. `end` is at most `usize::MAX - REACH`.
/// 5. A block between `floor` and `pos` was handed out by this cursor since `floor` was set.
#[derive(Debug)]
pub(crate) struct Cursor<const MIN_ALIGN: usize> {
    pos: Cell<*mut u8>,
    end: Cell<*mut u8>,
    floor: Cell<*mut u8>,
}

impl<const MIN_ALIGN: usize> Cursor<MIN_ALIGN> {
    /// A cursor without a chunk: every request but one of 0 bytes is refused.
    pub(crate) const fn nowhere() -> Self {
        Self {
            pos: Cell::new(NOWHERE),
            end: Cell::new(NOWHERE),
            floor: Cell::new(NOWHERE),
        }
    }

    /// Bytes that a request of `size` bytes (at most `isize::MAX`) moves the cursor by.
    #[inline(always)]
    const fn padded(size: usize) -> usize {
        (size + (MIN_ALIGN - 1)) & !(MIN_ALIGN - 1)
    }

    /// Whether the sum of `T`'s size and all padding stays within `REACH`.
    const fn is_near<T>() -> bool {
        size_of::<T>() < REACH / 2 && align_of::<T>() <= REACH / 4
    }

    /// Room for a `T`, which has a size; `None` when the chunk has not enough.
    #[inline(always)]
    pub(crate) fn take_for<T>(&self) -> Option<NonNull<u8>> {
        debug_assert!(size_of::<T>() > 0, "a value without a size needs no room");
        if !Self::is_near::<T>() {
            return self.take(Layout::new::<T>());
        }
        let mut start = self.pos.get();
        if align_of::<T>() > MIN_ALIGN {
            let mask = align_of::<T>() - 1;
            // By invariant 4 neither this sum nor the next one wraps.
            start = start.map_addr(|pos| pos.wrapping_add(mask) & !mask);
        }
        let next = start.wrapping_add(Self::padded(size_of::<T>()));
        if next.addr() > self.end.get().addr() {
            return None;
        }
        self.pos.set(next);
        // SAFETY: `start <= end - size`, in the chunk of invariant 1, and so not null.
        let start = unsafe { NonNull::new_unchecked(start) };
        hooks::block_taken(start, size_of::<T>());
        Some(start)
    }

    /// Room for `layout`, of any size; `None` when the chunk has not enough.
    #[inline(always)]
    pub(crate) fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        let pos = self.pos.get();
        let pad = pos.addr().wrapping_neg() & (layout.align() - 1);
        let room = self.end.get().addr() - pos.addr();
        // No overflow: a layout's size, rounded up to its alignment, is at most `isize::MAX`.
        let need = pad + Self::padded(layout.size());
        if need > room {
            return None;
        }
        // Wrapping, because without a chunk there is no object to stay in.
        self.pos.set(pos.wrapping_add(need));
        // SAFETY: `NOWHERE`, or in a chunk (invariant 1): neither is null.
        let start = unsafe { NonNull::new_unchecked(pos.wrapping_add(pad)) };
        hooks::block_taken(start, layout.size());
        Some(start)
    }

    /// Whether `block` of `size` bytes is the newest one, and this cursor's to change (invariant 5).
    #[inline(always)]
    fn is_newest(&self, block: NonNull<u8>, size: usize) -> bool {
        let block = block.as_ptr().addr();
        block + Self::padded(size) == self.pos.get().addr() && block >= self.floor.get().addr()
    }

    /// `block` with the provenance of the chunk, because the caller's pointer may be good for the
    /// block only.
    ///
    /// That provenance was exposed by [`go`](Self::go). Computed from a pointer of the cursor the
    /// result would be another value for the compiler than the caller's, and a loop that grows a
    /// vector would copy it from register to register and wait for the cursor besides: half as
    /// much time again for `reserve_exact(1)`. Miri is asked to be strict and gets it computed.
    #[inline(always)]
    fn in_chunk(&self, block: NonNull<u8>) -> *mut u8 {
        let addr = block.as_ptr().addr();
        if cfg!(miri) {
            self.end.get().with_addr(addr)
        } else {
            ptr::with_exposed_provenance_mut(addr)
        }
    }

    /// Changes the size of the newest block where it is; `None` when `block` is not the newest, or
    /// there is not enough room.
    #[inline(always)]
    pub(crate) fn resize(&self, block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
        if !self.is_newest(block, old) {
            return None;
        }
        let start = self.in_chunk(block);
        let end = self.end.get();
        let need = Self::padded(new);
        if need > end.addr() - start.addr() {
            return None;
        }
        self.pos.set(start.wrapping_add(need));
        // SAFETY: the address of a `NonNull`; said so that callers' tests of an `Option` vanish.
        unsafe { hint::assert_unchecked(!start.is_null()) };
        // SAFETY: as above.
        let start = unsafe { NonNull::new_unchecked(start) };
        hooks::block_resized(start, old, new);
        Some(start)
    }

    /// Takes the newest block back; any other stays where it is. Whether it was the newest.
    #[inline(always)]
    pub(crate) fn give_back(&self, block: NonNull<u8>, size: usize) -> bool {
        let newest = self.is_newest(block, size);
        if newest {
            self.pos
                .set(self.end.get().with_addr(block.as_ptr().addr()));
            hooks::block_returned(block, size);
        }
        newest
    }

    /// Goes to the bytes from `pos` to `end`; blocks below `floor` stay.
    ///
    /// # Safety
    ///
    /// The invariants of the type.
    pub(crate) unsafe fn go(&self, floor: *mut u8, pos: *mut u8, end: *mut u8) {
        debug_assert!(pos.addr().is_multiple_of(MIN_ALIGN) && end.addr() <= usize::MAX - REACH);
        // For `in_chunk`.
        pos.expose_provenance();
        self.floor.set(floor);
        self.pos.set(pos);
        self.end.set(end);
    }

    /// The same for a piece whose bytes the tools believe to be in use.
    ///
    /// # Safety
    ///
    /// The invariants of the type.
    pub(crate) unsafe fn enter(&self, start: NonNull<u8>, len: usize) {
        hooks::block_returned(start, len);
        let end = start.as_ptr().wrapping_add(len);
        // SAFETY: the caller's promise.
        unsafe { self.go(start.as_ptr(), start.as_ptr(), end) };
    }

    /// Takes everything back that was handed out since the floor was set.
    ///
    /// # Safety
    ///
    /// It is not used any more.
    #[inline(always)]
    pub(crate) unsafe fn fall(&self) {
        let (floor, pos) = (self.floor.get(), self.pos.get());
        self.pos.set(floor);
        // SAFETY: in a chunk, or `NOWHERE`: not null.
        let start = unsafe { NonNull::new_unchecked(floor) };
        hooks::block_returned(start, pos.addr() - floor.addr());
    }

    /// Leaves the chunk.
    pub(crate) fn leave(&self) {
        self.floor.set(NOWHERE);
        self.pos.set(NOWHERE);
        self.end.set(NOWHERE);
    }

    /// Whether it is in no chunk.
    pub(crate) fn is_nowhere(&self) -> bool {
        self.end.get() == NOWHERE
    }

    /// The next free byte.
    pub(crate) fn pos(&self) -> *mut u8 {
        self.pos.get()
    }

    /// Behind the last free byte.
    pub(crate) fn end(&self) -> *mut u8 {
        self.end.get()
    }

    /// Below it, blocks stay.
    pub(crate) fn floor(&self) -> *mut u8 {
        self.floor.get()
    }

    /// From now on, what was handed out stays until the floor is lowered again.
    pub(crate) fn raise_floor(&self) {
        self.floor.set(self.pos.get());
    }

    /// Bytes that are left.
    pub(crate) fn room(&self) -> usize {
        self.end.get().addr() - self.pos.get().addr()
    }
}
