//! Blocks of the heap that know what was written to them.

use std::{
    alloc::{GlobalAlloc, Layout},
    ops::Range,
    ptr::{self, NonNull},
    slice, thread,
};

use flagstone::heap::Heap;

/// A door to the process's heap.
pub(super) static HEAP: Heap = Heap::new();

/// After so many bytes the pattern repeats: no power of two, so bytes that moved by a slot or a page
/// are found.
const PERIOD: usize = 61;

/// What is left behind in memory that goes back.
const DIRT: u8 = 0xdb;

/// A block of the heap whose bytes are a pattern made of its seed. Dropped, it looks at the pattern,
/// and leaves dirt.
#[derive(Debug)]
pub(super) struct Block {
    at: NonNull<u8>,
    layout: Layout,
    seed: u64,
}

// SAFETY: the block and its bytes are this value's alone.
unsafe impl Send for Block {}

/// Uses a door before all others, so that its options hold.
pub(super) fn use_first(door: &Heap) {
    let layout = layout(8, 8);
    // SAFETY: the size is not 0.
    let at = unsafe { door.alloc(layout) };
    if !at.is_null() {
        // SAFETY: allocated above.
        unsafe { door.dealloc(at, layout) };
    }
}

pub(super) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a layout")
}

/// Numbers that look random (the finalizer of SplitMix64, after Steele, Lea and Flood, 2014).
pub(super) fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A size below `2 << log` whose logarithm is as random as `number`.
pub(super) fn size_up_to(log: u32, number: u64) -> usize {
    let power = 1 << (number % u64::from(log + 1));
    power + (number >> 32) as usize % power
}

fn pattern(seed: u64) -> [u8; PERIOD] {
    let mut bytes = [0; PERIOD];
    for (n, word) in bytes.chunks_mut(8).enumerate() {
        let random = mixed(seed.wrapping_mul(8).wrapping_add(n as u64)).to_ne_bytes();
        word.copy_from_slice(&random[..word.len()]);
    }
    bytes
}

/// Whether all bytes are 0.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .split_first()
        .is_none_or(|(first, rest)| *first == 0 && *rest == bytes[..rest.len()])
}

impl Block {
    /// `None` when the heap refuses.
    pub(super) fn new(size: usize, align: usize, seed: u64) -> Option<Self> {
        let layout = layout(size, align);
        // SAFETY: sizes of blocks are not 0.
        let at = unsafe { HEAP.alloc(layout) };
        Some(Self::of(NonNull::new(at)?, layout, seed))
    }

    /// The same, having seen that all bytes were 0.
    pub(super) fn zeroed(size: usize, align: usize, seed: u64) -> Option<Self> {
        let layout = layout(size, align);
        // SAFETY: sizes of blocks are not 0.
        let at = unsafe { HEAP.alloc_zeroed(layout) };
        let at = NonNull::new(at)?;
        // SAFETY: as long as asked for, initialised, and ours alone.
        let bytes = unsafe { slice::from_raw_parts(at.as_ptr(), size) };
        assert!(is_zero(bytes), "{layout:?} is not zeroed");
        Some(Self::of(at, layout, seed))
    }

    /// A block that must be had.
    #[track_caller]
    pub(super) fn some(size: usize, seed: u64) -> Self {
        Self::new(size, 1, seed).expect("there is memory")
    }

    fn of(at: NonNull<u8>, layout: Layout, seed: u64) -> Self {
        let block = Self { at, layout, seed };
        block.fill();
        block
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.at
    }

    pub(super) fn address(&self) -> usize {
        self.at.as_ptr().addr()
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn usable(&self) -> usize {
        // SAFETY: a block of the heap.
        unsafe { HEAP.usable_size(self.at) }
    }

    /// The addresses that are this block's.
    pub(super) fn addresses(&self) -> Range<usize> {
        self.address()..self.address() + self.usable()
    }

    /// The pattern to all that was asked for, dirt to what there is besides.
    fn fill(&self) {
        let layout = self.layout;
        let (size, usable) = (layout.size(), self.usable());
        assert!(usable >= size, "{layout:?} has {usable} bytes");
        let place = self.address();
        assert!(
            place.is_multiple_of(layout.align()),
            "{layout:?} at {place:#x}"
        );
        self.fill_behind(0);
        self.dirty_from(size);
    }

    /// Dirt to what is usable behind the first `size` bytes. If that is much, only to the ends.
    fn dirty_from(&self, size: usize) {
        const MOST: usize = 128 << 10;
        let usable = self.usable();
        let write = |from: usize, count: usize| {
            // SAFETY: inside the block, or its end.
            let from = unsafe { self.at.as_ptr().add(from) };
            // SAFETY: what is usable is the owner's to write.
            unsafe { from.write_bytes(DIRT, count) };
        };
        let rest = usable - size;
        write(size, rest.min(MOST));
        write(usable - rest.min(MOST), rest.min(MOST));
    }

    /// The pattern to all that was asked for behind the first `done` bytes, which have it.
    fn fill_behind(&self, mut done: usize) {
        let (start, size) = (self.at.as_ptr(), self.layout.size());
        if done < PERIOD {
            done = PERIOD.min(size);
            // SAFETY: at most as long as the block, which is no part of the pattern.
            unsafe { ptr::copy_nonoverlapping(pattern(self.seed).as_ptr(), start, done) };
        }
        while done < size {
            // Whole periods, or the rest.
            let from = done % PERIOD;
            let more = (done - from).min(size - done);
            // SAFETY: inside the block.
            let (like, next) = unsafe { (start.add(from), start.add(done)) };
            // SAFETY: `more` bytes from each are the block's; the first end before the second begin.
            unsafe { ptr::copy_nonoverlapping(like, next, more) };
            done += more;
        }
    }

    /// Whether the first `len` bytes are what was written.
    #[track_caller]
    fn check_first(&self, len: usize) {
        // SAFETY: initialised by `fill`, and kept by the heap if it keeps its promise.
        let bytes = unsafe { slice::from_raw_parts(self.at.as_ptr(), len) };
        let expected = pattern(self.seed);
        let (first, rest) = bytes.split_at(PERIOD.min(len));
        let is_kept = *first == expected[..first.len()] && *rest == bytes[..rest.len()];
        assert!(is_kept, "{self:?}: the first {len} bytes are not kept");
    }

    #[track_caller]
    pub(super) fn check(&self) {
        self.check_first(self.layout.size());
    }

    /// `GlobalAlloc::realloc`; whether the heap did it.
    #[track_caller]
    pub(super) fn realloc(&mut self, size: usize) -> bool {
        let new = layout(size, self.layout.align());
        // SAFETY: the block's own layout; the new size fits a layout and is not 0.
        let moved = unsafe { HEAP.realloc(self.at.as_ptr(), self.layout, size) };
        self.moved_to(moved, new)
    }

    /// `Heap::resize`; whether the heap did it.
    #[track_caller]
    pub(super) fn resize(&mut self, size: usize, align: usize) -> bool {
        let new = layout(size, align);
        // SAFETY: a block of the heap; the new size is not 0.
        let moved = unsafe { HEAP.resize(self.at, new) };
        self.moved_to(moved, new)
    }

    /// The same for one of many steps: nobody looks at the contents, which are seen later.
    pub(super) fn realloc_unseen(&mut self, size: usize) -> bool {
        let old = self.layout.size();
        let new = layout(size, self.layout.align());
        // SAFETY: the block's own layout; the new size fits a layout and is not 0.
        let moved = unsafe { HEAP.realloc(self.at.as_ptr(), self.layout, size) };
        let Some(moved) = NonNull::new(moved) else {
            return false;
        };
        (self.at, self.layout) = (moved, new);
        self.fill_behind(old.min(size));
        true
    }

    #[track_caller]
    fn moved_to(&mut self, moved: *mut u8, new: Layout) -> bool {
        let Some(moved) = NonNull::new(moved) else {
            self.check();
            return false;
        };
        self.at = moved;
        self.check_first(self.layout.size().min(new.size()));
        self.layout = new;
        self.fill();
        true
    }

    fn check_and_dirty(&self) {
        self.check();
        self.dirty_from(0);
    }

    /// Frees without saying what was asked for.
    #[track_caller]
    pub(super) fn free(self) {
        self.check_and_dirty();
        let at = self.at;
        std::mem::forget(self);
        // SAFETY: a block of the heap that nobody will look at again.
        unsafe { HEAP.free(at) };
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.check_and_dirty();
        }
        // SAFETY: a block of the heap, with its layout; it was this value's alone.
        unsafe { HEAP.dealloc(self.at.as_ptr(), self.layout) };
    }
}
