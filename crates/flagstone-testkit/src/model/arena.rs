//! The naive arena.
#![expect(unsafe_code, reason = "writes and reads blocks through raw pointers")]

use std::{alloc::Layout, collections::BTreeMap, ptr::NonNull, slice};

/// What lies in an arena, scope by scope: intervals of addresses, filled with a pattern each.
///
/// ```
/// use flagstone_testkit::model::NaiveArena;
///
/// let arena = flagstone::Arena::new();
/// let mut naive = NaiveArena::new(8);
/// naive.placed(arena.alloc([1_u64, 2]));
/// naive.placed(arena.alloc_str("text"));
/// naive.check();
/// assert_eq!(naive.bytes(), 20);
/// ```
#[derive(Debug)]
pub struct NaiveArena {
    min_align: usize,
    /// By address. Those without bytes lie nowhere and are not here.
    blocks: BTreeMap<usize, Block>,
    depth: usize,
    next: u8,
}

/// A block that was handed out.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Where it lies.
    pub start: NonNull<u8>,
    /// What it was handed out for.
    pub layout: Layout,
    /// How many scopes were open when it was handed out.
    pub depth: usize,
    fill: u8,
}

/// What blocks are filled with, from an offset of their own, over and over.
const PATTERN: [u8; 512] = {
    let mut pattern = [0; 512];
    let mut at = 0;
    while at < pattern.len() {
        pattern[at] = at as u8;
        at += 1;
    }
    pattern
};

impl Block {
    /// What the bytes from a multiple of 256 on are to be.
    fn pattern(&self) -> &'static [u8] {
        &PATTERN[usize::from(self.fill)..][..256]
    }

    /// Fails unless the `len` bytes from `start` hold the pattern.
    fn check(&self, start: NonNull<u8>, len: usize) {
        // SAFETY: within a block that belongs to the test, and written by `fill`.
        let bytes = unsafe { slice::from_raw_parts(start.as_ptr(), len) };
        for part in bytes.chunks(256) {
            assert!(
                part == &self.pattern()[..part.len()],
                "{self:?} was overwritten"
            );
        }
    }

    fn fill(&self, from: usize) {
        let mut at = from;
        while at < self.layout.size() {
            let part = &self.pattern()[at % 256..];
            let part = &part[..part.len().min(self.layout.size() - at)];
            // SAFETY: within a block that belongs to the test.
            let place = unsafe { self.start.add(at) };
            // SAFETY: as above; the pattern lies elsewhere.
            unsafe { place.copy_from_nonoverlapping(NonNull::from(part).cast(), part.len()) };
            at += part.len();
        }
    }
}

impl NaiveArena {
    /// Nothing lies in an arena whose places are multiples of `min_align`.
    #[must_use]
    pub fn new(min_align: usize) -> Self {
        Self {
            min_align,
            blocks: BTreeMap::new(),
            depth: 0,
            next: 0,
        }
    }

    /// Notes a value that was placed; its bytes belong to the naive arena from now on.
    pub fn placed<T: ?Sized>(&mut self, value: &mut T) {
        let layout = Layout::for_value(value);
        self.handed_out(NonNull::from(value).cast(), layout);
    }

    /// Notes a block that was handed out, and fills it.
    ///
    /// # Panics
    ///
    /// When it is misaligned or overlaps another block.
    pub fn handed_out(&mut self, start: NonNull<u8>, layout: Layout) {
        let block = self.new_block(start, layout);
        block.fill(0);
        self.insert(block);
    }

    fn new_block(&mut self, start: NonNull<u8>, layout: Layout) -> Block {
        self.next = self.next.wrapping_add(37);
        Block {
            start,
            layout,
            depth: self.depth,
            fill: self.next,
        }
    }

    fn insert(&mut self, block: Block) {
        let (address, size) = (block.start.as_ptr().addr(), block.layout.size());
        assert_eq!(address % block.layout.align(), 0, "{block:?} is misaligned");
        if size == 0 {
            return;
        }
        assert_eq!(address % self.min_align, 0, "{block:?} is misplaced");
        let end = address.checked_add(size).expect("it ends");
        if let Some((&below, other)) = self.blocks.range(..end).next_back() {
            assert!(
                below + other.layout.size() <= address,
                "{block:?} overlaps {other:?}"
            );
        }
        self.blocks.insert(address, block);
    }

    /// Takes one of the blocks out, chosen by `pick`, as it is to be freed or resized.
    pub fn take(&mut self, pick: usize) -> Option<Block> {
        let at = pick.checked_rem(self.blocks.len())?;
        let start = self.blocks.values().nth(at)?.start;
        Some(self.take_at(start))
    }

    /// Takes the block at `start` out.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn take_at(&mut self, start: NonNull<u8>) -> Block {
        let block = self.blocks.remove(&start.as_ptr().addr());
        let block = block.expect("a block was handed out there");
        block.check(block.start, block.layout.size());
        block
    }

    /// Notes that nothing came of it.
    pub fn put_back(&mut self, block: Block) {
        self.insert(block);
    }

    /// Notes that `block` is a block for `layout` at `start` now; what is new in it is 0 if `zeroed`.
    pub fn resized(&mut self, block: Block, start: NonNull<u8>, layout: Layout, zeroed: bool) {
        let kept = block.layout.size().min(layout.size());
        block.check(start, kept);
        if zeroed {
            // SAFETY: within the block that was just handed out, and all of it is initialised.
            let bytes = unsafe { slice::from_raw_parts(start.as_ptr(), layout.size()) };
            assert!(
                bytes[kept..].iter().all(|&byte| byte == 0),
                "it is not zeroed"
            );
        }
        // A block that moved is the newest scope's; one that stayed is not.
        let depth = if start == block.start {
            block.depth
        } else {
            self.depth
        };
        let resized = Block {
            start,
            layout,
            depth,
            ..block
        };
        resized.fill(kept);
        self.insert(resized);
    }

    /// A scope is opened.
    pub fn open(&mut self) {
        self.depth += 1;
    }

    /// The newest scope is closed: what was handed out in it is gone.
    pub fn close(&mut self) {
        self.check();
        self.depth -= 1;
        self.blocks.retain(|_, block| block.depth <= self.depth);
    }

    /// Everything is gone.
    pub fn clear(&mut self) {
        self.check();
        self.blocks.clear();
    }

    /// Fails unless every block is as it was left.
    pub fn check(&self) {
        for block in self.blocks.values() {
            block.check(block.start, block.layout.size());
        }
    }

    /// How many scopes are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Bytes of all blocks.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.values().map(|block| block.layout.size()).sum()
    }
}
