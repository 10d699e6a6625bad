//! Promise: no program of calls makes a heap hand bytes out twice, misplace, overwrite or lose something, or show
//! what is not there.
//!
//! The first byte chooses a heap and its options, every four more are a call. Blocks know what was written to their
//! ends. `cargo +nightly fuzz run heap`.
#![no_main]

use std::{alloc::Layout, collections::BTreeMap, ptr::NonNull, slice, thread, time::Duration};

use flagstone::{
    heap::{HeapArea, HeapOptions, HeapStats, LocalHeap, SharedHeap},
    provider::OsPages,
};
use flagstone_testkit::provider::Counting;
use libfuzzer_sys::fuzz_target;

/// So much is written to each end of a block.
const END: usize = 300;
/// At most so many blocks are there at once.
const MOST: usize = 200;
/// Two thirds of what the fuzzer may have.
const LIMIT: usize = 256 << 20;

type Pages<'p> = &'p Counting<OsPages>;

/// What both kinds of heaps can do.
trait Heap {
    fn alloc(&self, layout: Layout, zeroed: bool) -> Option<NonNull<[u8]>>;
    /// # Safety
    ///
    /// As that of the heap.
    unsafe fn resize(&self, block: NonNull<u8>, new: Layout) -> Option<NonNull<[u8]>>;
    /// # Safety
    ///
    /// As that of the heap.
    unsafe fn free(&self, block: NonNull<u8>);
    fn give_back(&self, all: bool);
    fn walk(&self, visit: &mut dyn FnMut(&HeapArea));
    fn stats(&self) -> HeapStats;
    /// Frees some blocks in another thread, and allocates as many there; if there can be one.
    fn elsewhere(&self, blocks: Vec<Block>, byte: u8) -> Vec<Block>;
}

macro_rules! heap {
    ($heap:ty, $elsewhere:expr) => {
        impl Heap for $heap {
            fn alloc(&self, layout: Layout, zeroed: bool) -> Option<NonNull<[u8]>> {
                let block = if zeroed {
                    self.alloc_zeroed(layout)
                } else {
                    self.alloc(layout)
                };
                block.ok()
            }

            unsafe fn resize(&self, block: NonNull<u8>, new: Layout) -> Option<NonNull<[u8]>> {
                unsafe { self.resize(block, new) }.ok()
            }

            unsafe fn free(&self, block: NonNull<u8>) {
                unsafe { self.free(block) }
            }

            fn give_back(&self, all: bool) {
                if all {
                    self.purge();
                } else {
                    self.tick();
                }
            }

            fn walk(&self, visit: &mut dyn FnMut(&HeapArea)) {
                self.walk(visit);
            }

            fn stats(&self) -> HeapStats {
                self.stats()
            }

            fn elsewhere(&self, blocks: Vec<Block>, byte: u8) -> Vec<Block> {
                $elsewhere(self, blocks, byte)
            }
        }
    };
}

heap!(LocalHeap<Pages<'_>>, |_: &Self, blocks, _| blocks);
heap!(SharedHeap<Pages<'_>>, |heap: &Self,
                              blocks: Vec<Block>,
                              byte| {
    thread::scope(|threads| {
        let other = threads.spawn(move || {
            let others = blocks
                .iter()
                .filter_map(|block| Block::new(heap, block.layout, false, byte));
            let others = others.collect();
            blocks.into_iter().for_each(|block| block.free(heap));
            others
        });
        other.join().expect("no panic")
    })
});

/// A block that knows what is at its ends.
struct Block {
    at: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

// SAFETY: the block is this value's alone.
unsafe impl Send for Block {}

impl Block {
    fn new(heap: &(impl Heap + ?Sized), layout: Layout, zeroed: bool, byte: u8) -> Option<Self> {
        let block = heap.alloc(layout, zeroed)?;
        assert!(block.len() >= layout.size());
        let block = Self {
            at: block.cast(),
            layout,
            byte,
        };
        if zeroed {
            block.check(layout.size(), 0);
        }
        block.write();
        Some(block)
    }

    fn address(&self) -> usize {
        self.at.as_ptr().addr()
    }

    fn write(&self) {
        assert!(self.address().is_multiple_of(self.layout.align()));
        let size = self.layout.size();
        let end = size.min(END);
        // SAFETY: within the block.
        unsafe { self.at.write_bytes(self.byte, end) };
        // SAFETY: as above.
        unsafe { self.at.add(size - end).write_bytes(self.byte, end) };
    }

    /// Whether the first end of the block, of which so many bytes are left, is all `byte`; and the last, if it is there.
    fn check(&self, size: usize, byte: u8) {
        let end = size.min(END);
        // SAFETY: within the block, and written.
        let first = unsafe { slice::from_raw_parts(self.at.as_ptr(), end) };
        assert!(
            first.iter().all(|&other| other == byte),
            "{:?}",
            self.layout
        );
        if size == self.layout.size() {
            // SAFETY: as above.
            let last = unsafe { self.at.add(size - end) };
            // SAFETY: as above.
            let last = unsafe { slice::from_raw_parts(last.as_ptr(), end) };
            assert!(last.iter().all(|&other| other == byte), "{:?}", self.layout);
        }
    }

    fn free(self, heap: &(impl Heap + ?Sized)) {
        self.check(self.layout.size(), self.byte);
        // SAFETY: a block of the heap that nobody will look at again.
        unsafe { heap.free(self.at) };
    }

    fn resize(&mut self, heap: &(impl Heap + ?Sized), new: Layout) {
        // SAFETY: a block of the heap.
        if let Some(block) = unsafe { heap.resize(self.at, new) } {
            assert!(block.len() >= new.size());
            self.at = block.cast();
            self.check(new.size().min(self.layout.size()), self.byte);
            self.layout = new;
            self.write();
        } else {
            self.check(self.layout.size(), self.byte);
        }
    }
}

/// Each block is in one area, and shown if that is known.
fn look(heap: &(impl Heap + ?Sized), blocks: &[Block]) {
    let mut left: BTreeMap<_, _> = blocks
        .iter()
        .map(|block| (block.address(), block))
        .collect();
    let mut count = 0;
    heap.walk(&mut |area| {
        let start = area.start().addr();
        let within = start..start + area.bytes();
        let ours: Vec<_> = left.range(within).map(|(at, _)| *at).collect();
        for at in &ours {
            left.remove(at);
        }
        count += area.in_use();
        if let Some(shown) = area.blocks() {
            let shown = shown.map(|block| block.as_ptr().cast::<u8>().addr());
            assert!(shown.eq(ours), "{area:?}");
        }
    });
    assert!(left.is_empty());
    let stats = heap.stats();
    // Blocks in a quarantine are counted, and not shown.
    assert!(stats.blocks() >= count && count >= blocks.len(), "{stats}");
    assert!(
        stats.live() + stats.cached() <= stats.committed(),
        "{stats}"
    );
}

fn replay(heap: &(impl Heap + ?Sized), program: &[u8]) {
    let mut blocks: Vec<Block> = Vec::new();
    for call in program.chunks_exact(4) {
        let [op, log, more, at] = [call[0], call[1], call[2], call[3]];
        let power = 1_usize << (log % 23);
        let size = power + power * usize::from(more) / 256;
        let align = 1_usize << [0, 3, 4, 6, 12, 16, 21, 23][usize::from(log / 23 % 8)];
        let layout = Layout::from_size_align(size, align).expect("a layout");
        let chosen = usize::from(at) % blocks.len().max(1);
        match op % 16 {
            0..6 if blocks.len() < MOST => {
                blocks.extend(Block::new(heap, layout, op % 16 > 3, at | 1));
            }
            6..9 if !blocks.is_empty() => blocks[chosen].resize(heap, layout),
            9..12 if !blocks.is_empty() => blocks.swap_remove(chosen).free(heap),
            12 => heap.give_back(op >= 128),
            13 => look(heap, &blocks),
            14 => {
                let others = blocks.split_off(blocks.len().saturating_sub(usize::from(at)));
                blocks.extend(heap.elsewhere(others, at | 1));
            }
            // Many of a kind, so that spans fill up.
            15 if size < 10_000 && blocks.len() < MOST => {
                let many = (0..at / 2).filter_map(|_| Block::new(heap, layout, false, at | 1));
                blocks.extend(many);
            }
            _ => {}
        }
    }
    look(heap, &blocks);
    // Every other stays, and goes with the heap.
    for (n, block) in blocks.into_iter().enumerate() {
        block.check(block.layout.size(), block.byte);
        if n % 2 == 0 {
            block.free(heap);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&kind, program)) = input.split_first() else {
        return;
    };
    let is = |bit: u32| kind & (1 << bit) != 0;
    let delay = if is(1) { Duration::ZERO } else { Duration::MAX };
    let options = HeapOptions::new()
        .purge_delay(delay)
        .limit(Some(if is(2) { LIMIT / 16 } else { LIMIT }))
        .checked(is(3))
        .zero_on_free(is(4))
        .quarantine(if is(5) { 10_000 } else { 0 })
        .huge_pages(is(6));
    let pages = Counting::new(OsPages);
    if is(0) {
        replay(&SharedHeap::with_options_in(options, &pages), program);
    } else {
        replay(&LocalHeap::with_options_in(options, &pages), program);
    }
    assert_eq!(pages.live(), 0);
});
