//! Whatever is asked of the heap in whatever order: blocks are aligned, large enough, apart from each
//! other, zeroed if that was asked for, and keep what was written to them.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::block::{Block, HEAP};

#[derive(Clone, Debug)]
enum Op {
    Alloc(usize, usize),
    AllocZeroed(usize, usize),
    Realloc(usize, usize),
    Resize(usize, usize, usize),
    Dealloc(usize),
    Free(usize),
    Check(usize),
    Purge,
    Tick,
}

/// From 1 byte to 6 MiB, each doubling as often as the next.
fn size() -> impl Strategy<Value = usize> {
    (0_u32..23, any::<usize>())
        .prop_map(|(log, more)| ((1 << log) + more % (1 << log)).min(6 << 20))
}

/// Mostly what values have, rarely beyond a page, seldom beyond anything that has slots.
fn align() -> impl Strategy<Value = usize> {
    prop_oneof![
        12 => 0_u32..5,
        6 => 0_u32..17,
        1 => 17_u32..24,
    ]
    .prop_map(|log| 1 << log)
}

fn op() -> impl Strategy<Value = Op> {
    let any = any::<usize>;
    prop_oneof![
        8 => (size(), align()).prop_map(|(size, align)| Op::Alloc(size, align)),
        4 => (size(), align()).prop_map(|(size, align)| Op::AllocZeroed(size, align)),
        5 => (any(), size()).prop_map(|(at, size)| Op::Realloc(at, size)),
        3 => (any(), size(), align()).prop_map(|(at, size, align)| Op::Resize(at, size, align)),
        4 => any().prop_map(Op::Dealloc),
        3 => any().prop_map(Op::Free),
        1 => any().prop_map(Op::Check),
        1 => Just(Op::Purge),
        1 => Just(Op::Tick),
    ]
}

/// Every live block, and where it lies.
#[derive(Default)]
struct Shadow {
    blocks: Vec<Block>,
    /// First address of a block, and the one behind its last.
    taken: BTreeMap<usize, usize>,
    made: u64,
}

impl Shadow {
    fn next_seed(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// Puts a block there, which must lie apart from all others.
    fn put(&mut self, block: Block) {
        let new = block.addresses();
        assert!(HEAP.owns(block.start().as_ptr()));
        if let Some((at, end)) = self.taken.range(..new.end).next_back() {
            assert!(*end <= new.start, "{new:x?} begins in {:x?}", *at..*end);
        }
        self.taken.insert(new.start, new.end);
        self.blocks.push(block);
    }

    fn take(&mut self, at: usize) -> Option<Block> {
        let at = at.checked_rem(self.blocks.len())?;
        let block = self.blocks.swap_remove(at);
        let end = self.taken.remove(&block.address());
        assert_eq!(end, Some(block.addresses().end), "a block keeps its size");
        Some(block)
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Alloc(size, align) => {
                let block = Block::new(size, align, self.next_seed());
                self.put(block.expect("there is memory"));
            }
            Op::AllocZeroed(size, align) => {
                let block = Block::zeroed(size, align, self.next_seed());
                self.put(block.expect("there is memory"));
            }
            Op::Realloc(at, size) => {
                if let Some(mut block) = self.take(at) {
                    assert!(block.realloc(size), "there is memory");
                    self.put(block);
                }
            }
            Op::Resize(at, size, align) => {
                if let Some(mut block) = self.take(at) {
                    assert!(block.resize(size, align), "there is memory");
                    self.put(block);
                }
            }
            Op::Dealloc(at) => drop(self.take(at)),
            Op::Free(at) => {
                if let Some(block) = self.take(at) {
                    block.free();
                }
            }
            Op::Check(at) => {
                if let Some(at) = at.checked_rem(self.blocks.len()) {
                    self.blocks[at].check();
                }
            }
            Op::Purge => {
                HEAP.purge();
            }
            Op::Tick => HEAP.tick(),
        }
    }
}

fn run(ops: &[Op]) {
    let mut shadow = Shadow::default();
    ops.iter().for_each(|op| shadow.apply(op));
    shadow.blocks.iter().for_each(Block::check);
}

fn config(cases: u32) -> ProptestConfig {
    let is_watched = cfg!(any(flagstone_asan, flagstone_tsan));
    ProptestConfig {
        cases: if is_watched { cases / 4 } else { cases },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(64))]
    #[test]
    fn the_heap_agrees_with_a_map(ops in vec(op(), 1..100)) {
        run(&ops);
    }
}

/// Many blocks of few small sizes: slabs fill up, come back and go.
fn small_op() -> impl Strategy<Value = Op> {
    let any = any::<usize>;
    let size = || prop_oneof![1_usize..64, Just(64), Just(100), Just(1000)];
    prop_oneof![
        6 => size().prop_map(|size| Op::Alloc(size, 1)),
        1 => size().prop_map(|size| Op::AllocZeroed(size, 8)),
        1 => (any(), size()).prop_map(|(at, size)| Op::Realloc(at, size)),
        3 => any().prop_map(Op::Dealloc),
        2 => any().prop_map(Op::Free),
    ]
}

proptest! {
    #![proptest_config(config(8))]
    #[test]
    fn so_it_does_with_many_small_blocks(ops in vec(small_op(), 1000..3000)) {
        run(&ops);
    }
}
