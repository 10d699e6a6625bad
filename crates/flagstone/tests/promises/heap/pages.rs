//! Pages of any size serve, and so does a provider that refuses a call: each chunk is given back as it was given,
//! what is purged are whole pages of it, and no block loses what was written to it.

use std::{
    alloc::Layout,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr::NonNull,
    slice,
    time::Duration,
};

use flagstone::{
    OutOfMemory,
    heap::{HeapOptions, LocalHeap},
    provider::{Chunk, OsPages, Provider, Purged},
};
use flagstone_testkit::provider::Counting;

use super::block::{layout, mixed, size_up_to};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The system's pages, which are said to be of another size.
struct Paged(usize);

// SAFETY: every answer is the system's.
unsafe impl Provider for Paged {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        OsPages.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { OsPages.free(ptr, layout) }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        assert!(new.size().is_multiple_of(self.0), "{new:?}");
        // SAFETY: the caller's promise.
        unsafe { OsPages.remap(ptr, old, new) }
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        OsPages.reserve_addresses(layout)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        let whole = ptr.as_ptr().addr() | len;
        assert!(whole.is_multiple_of(self.0), "{len} at {ptr:?}");
        // SAFETY: the caller's promise.
        unsafe { OsPages.commit(ptr, len) }
    }

    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        let whole = ptr.as_ptr().addr() | len;
        assert!(whole.is_multiple_of(self.0), "{len} at {ptr:?}");
        // SAFETY: the caller's promise.
        unsafe { OsPages.decommit(ptr, len) }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // SAFETY: the caller's promise.
        unsafe { OsPages.purge(ptr, len) }
    }

    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { OsPages.prefer_huge_pages(ptr, len) }
    }

    fn page_size(&self) -> usize {
        self.0
    }
}

/// Refuses one call, or panics: for memory, for another size, for other pages, or to take some back.
struct ButOne {
    inner: Counting<Paged>,
    calls: Cell<usize>,
    /// Which, counted from 0.
    nth: usize,
    panics: bool,
}

impl ButOne {
    fn new(nth: usize, panics: bool) -> Self {
        Self {
            inner: Counting::new(Paged(4 * KIB)),
            calls: Cell::new(0),
            nth,
            panics,
        }
    }

    fn refuses(&self) -> bool {
        let is_it = self.calls.replace(self.calls.get() + 1) == self.nth;
        if is_it && self.panics {
            // Without a message.
            resume_unwind(Box::new(()));
        }
        is_it
    }
}

// SAFETY: every answer is the inner provider's, or none.
unsafe impl Provider for ButOne {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        if self.refuses() {
            return Err(OutOfMemory::new(layout));
        }
        self.inner.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.free(ptr, layout) }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        if self.refuses() {
            return Err(OutOfMemory::new(new));
        }
        // SAFETY: the caller's promise.
        unsafe { self.inner.remap(ptr, old, new) }
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        if self.refuses() {
            return Err(OutOfMemory::new(layout));
        }
        self.inner.reserve_addresses(layout)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        if self.refuses() {
            return Err(OutOfMemory::new(layout(len, 1)));
        }
        // SAFETY: the caller's promise.
        unsafe { self.inner.commit(ptr, len) }
    }

    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise.
        !self.refuses() && unsafe { self.inner.decommit(ptr, len) }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        if self.refuses() {
            return Purged::No;
        }
        // SAFETY: the caller's promise.
        unsafe { self.inner.purge(ptr, len) }
    }

    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise.
        !self.refuses() && unsafe { self.inner.prefer_huge_pages(ptr, len) }
    }

    fn page_size(&self) -> usize {
        self.inner.page_size()
    }
}

/// A block all of whose bytes are the same.
struct Block {
    at: NonNull<u8>,
    size: usize,
    byte: u8,
}

impl Block {
    fn new(block: NonNull<[u8]>, size: usize, byte: u8) -> Self {
        let at = block.cast();
        assert!(block.len() >= size);
        let block = Self { at, size, byte };
        block.fill();
        block
    }

    fn fill(&self) {
        // SAFETY: the block's own bytes.
        unsafe { self.at.write_bytes(self.byte, self.size) };
    }

    /// Whether the first `len` bytes are what was written.
    fn check(&self, len: usize) {
        assert!(are_all(self.bytes(len), self.byte), "{} bytes", self.size);
    }

    fn bytes(&self, len: usize) -> &[u8] {
        // SAFETY: written by `fill`, and kept by the heap if it keeps its promise.
        unsafe { slice::from_raw_parts(self.at.as_ptr(), len) }
    }
}

fn are_all(bytes: &[u8], byte: u8) -> bool {
    let Some((first, rest)) = bytes.split_first() else {
        return true;
    };
    *first == byte && *rest == bytes[..rest.len()]
}

/// A heap, and what was asked of it.
struct Shadow<'h, P: Provider> {
    heap: &'h LocalHeap<P>,
    blocks: Vec<Block>,
    /// How many requests were not granted.
    refused: usize,
}

impl<'h, P: Provider> Shadow<'h, P> {
    /// Some steps that need and return all kinds of memory.
    fn after_steps(heap: &'h LocalHeap<P>, seed: u64, steps: u64) -> Self {
        let mut shadow = Self {
            heap,
            blocks: Vec::new(),
            refused: 0,
        };
        for step in 0..steps {
            let step = || shadow.step(mixed((seed << 32) + step), step as u8 | 1);
            if catch_unwind(AssertUnwindSafe(step)).is_err() {
                shadow.refused += 1;
            }
        }
        shadow
    }

    fn step(&mut self, random: u64, byte: u8) {
        let size = size_up_to(22, random >> 16);
        let align = 1 << [3, 3, 3, 12, 16, 21][(random >> 8) as usize % 6];
        let at = (random >> 40) as usize % self.blocks.len().max(1);
        let layout = layout(size, align);
        match random % 16 {
            0..7 => self.alloc(layout, random % 16 > 3, byte),
            7..11 if !self.blocks.is_empty() => self.resize(at, layout),
            11..14 if !self.blocks.is_empty() => {
                let block = self.blocks.swap_remove(at);
                self.free(&block);
            }
            14 => drop(self.heap.purge()),
            _ => self.heap.tick(),
        }
    }

    fn alloc(&mut self, layout: Layout, zeroed: bool, byte: u8) {
        let block = if zeroed {
            self.heap.alloc_zeroed(layout)
        } else {
            self.heap.alloc(layout)
        };
        let Ok(block) = block else {
            self.refused += 1;
            return;
        };
        if zeroed {
            // SAFETY: so many bytes are zeroed.
            let zeros = unsafe { slice::from_raw_parts(block.as_ptr().cast(), layout.size()) };
            assert!(are_all(zeros, 0), "{layout:?}");
        }
        self.blocks.push(Block::new(block, layout.size(), byte));
    }

    fn resize(&mut self, at: usize, new: Layout) {
        let block = &mut self.blocks[at];
        // SAFETY: a block of the heap.
        let Ok(resized) = (unsafe { self.heap.resize(block.at, new) }) else {
            self.refused += 1;
            return;
        };
        let address = resized.cast::<u8>().as_ptr().addr();
        assert!(address.is_multiple_of(new.align()), "{new:?}");
        block.at = resized.cast();
        block.check(new.size().min(block.size));
        block.size = new.size();
        block.fill();
    }

    fn free(&self, block: &Block) {
        block.check(block.size);
        // SAFETY: a block of the heap.
        unsafe { self.heap.free(block.at) };
    }

    /// Frees everything; how many requests were refused.
    fn end(self) -> usize {
        // A quarantine's blocks would count.
        purge(self.heap);
        assert_eq!(self.heap.stats().blocks(), self.blocks.len());
        self.blocks.iter().for_each(|block| self.free(block));
        self.refused
    }
}

/// Gives back what is free, or, if the provider panics, what it can.
fn purge<P: Provider>(heap: &LocalHeap<P>) {
    let _ = catch_unwind(AssertUnwindSafe(|| heap.purge()));
}

#[test]
fn pages_may_be_large() {
    let options = HeapOptions::new();
    let all = [
        options,
        options.purge_delay(Duration::ZERO).huge_pages(true),
        options.checked(true).zero_on_free(true).quarantine(100_000),
        options.guard_pages(true).sampled(1).scattered(true),
    ];
    for page in [16 * KIB, 64 * KIB, 2 * MIB] {
        for options in all {
            let pages = Counting::new(Paged(page));
            let heap = LocalHeap::with_options_in(options, &pages);
            let shadow = Shadow::after_steps(&heap, page as u64, 250);
            assert_eq!(shadow.end(), 0);
            heap.purge();
            assert_eq!(heap.stats().idle(), 0);
            drop(heap);
            assert_eq!(pages.live(), 0);
        }
    }
}

/// Whichever call it is that is refused, or panics, all that is lost is the answer. How many requests had none.
fn all_calls(options: HeapOptions, panic: bool) -> usize {
    let mut refusals = 0;
    for nth in 0.. {
        let provider = ButOne::new(nth, panic);
        let heap = LocalHeap::with_options_in(options, &provider);
        let refused = Shadow::after_steps(&heap, 1, 40).end();
        assert!(refused <= 1);
        refusals += refused;
        if provider.calls.get() <= nth {
            break;
        }
        // Nothing is left: of the one chunk that stays, the front and the local.
        purge(&heap);
        purge(&heap);
        let stats = heap.stats();
        assert_eq!(stats.mapped(), provider.inner.live_bytes(), "call {nth}");
        assert_eq!(
            stats.mapped() - stats.free(),
            128 * KIB,
            "call {nth}: {stats}"
        );
        assert_eq!((stats.live(), stats.idle()), (0, 0));
        drop(heap);
        assert_eq!(provider.inner.live(), 0);
    }
    refusals
}

/// Nothing waits to be given back.
fn at_once() -> HeapOptions {
    HeapOptions::new()
        .purge_delay(Duration::ZERO)
        .huge_pages(true)
}

#[test]
fn one_call_is_refused() {
    assert!(all_calls(at_once(), false) > 0, "nothing had an error");
}

#[test]
fn one_call_panics() {
    assert!(all_calls(at_once(), true) > 0, "nothing had an error");
}

#[test]
fn a_panic_loses_no_mapping_that_was_kept() {
    let options = HeapOptions::new().purge_delay(Duration::MAX);
    // A chunk and a mapping are asked for, and the mapping's pages given back.
    let provider = ButOne::new(2, true);
    let heap = LocalHeap::with_options_in(options, &provider);
    let large = layout(3 * MIB, 8);
    let block = heap.alloc(large).expect("there is memory");
    // SAFETY: a block of the heap.
    unsafe { heap.free(block.cast()) };
    assert!(heap.stats().cached() >= 3 * MIB);
    let zeroed = catch_unwind(AssertUnwindSafe(|| heap.alloc_zeroed(large).is_ok()));
    assert!(zeroed.is_err() && provider.calls.get() == 3);
    assert_eq!(heap.stats().mapped(), provider.inner.live_bytes());
    assert_eq!(heap.stats().blocks(), 0);
}
