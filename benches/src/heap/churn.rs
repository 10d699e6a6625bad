//! Small blocks that come and go on one thread.

use std::{collections::VecDeque, hint::black_box, marker::PhantomData, mem};

use super::{
    allocator::Allocator,
    block::{Block, Fixed, WORD},
};
use crate::lane::Body;

/// Blocks of a batch.
const BATCH: u64 = 1000;
/// Numbers that are divided among sizes or positions: the upper half of a throw.
const THROWS: u64 = 1 << 32;

/// Numbers that no branch predictor learns and that need no memory: Knuth's linear congruential
/// generator ("The Art of Computer Programming" 2, MMIX), of which the upper bits are used.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is less than 2^32.
    #[inline(always)]
    pub(super) fn below(&mut self, bound: u64) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x5851_F42D_4C95_7F2D)
            .wrapping_add(0x1405_7B7E_F767_814F);
        ((self.0 >> 32) * bound / THROWS) as usize
    }
}

/// Allocates a block and frees it at once. An operation is both.
pub(super) struct Pair<A> {
    seed: u64,
    from: PhantomData<A>,
}

impl<A: Allocator> Pair<A> {
    pub(super) fn new() -> Self {
        Self {
            seed: 0,
            from: PhantomData,
        }
    }
}

impl<A: Allocator> Body for Pair<A> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            self.seed = self.seed.wrapping_add(1);
            black_box(Fixed::<A, 64>::new(self.seed).place());
        }
    }
}

/// Allocates a batch and frees it, first the newest block or first the oldest. An operation is one block.
pub(super) struct Batch<A: Allocator, const NEWEST_FIRST: bool>(VecDeque<Fixed<A, 64>>);

impl<A: Allocator, const NEWEST_FIRST: bool> Batch<A, NEWEST_FIRST> {
    pub(super) fn new() -> Self {
        Self(VecDeque::with_capacity(BATCH as usize))
    }
}

impl<A: Allocator, const NEWEST_FIRST: bool> Body for Batch<A, NEWEST_FIRST> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops / BATCH {
            for seed in 0..BATCH {
                let block = Fixed::new(seed);
                black_box(block.place());
                self.0.push_back(block);
            }
            while let Some(block) = if NEWEST_FIRST {
                self.0.pop_back()
            } else {
                self.0.pop_front()
            } {
                drop(block);
            }
        }
    }

    fn step(&self) -> u64 {
        BATCH
    }
}

/// Which sizes a workload asks for.
pub(super) trait Sizes: 'static {
    /// The next one: at least a word.
    fn pick(&self, dice: &mut Dice) -> usize;
}

/// All sizes between two, equally often.
pub(super) struct Between(pub(super) usize, pub(super) usize);

impl Sizes for Between {
    #[inline(always)]
    fn pick(&self, dice: &mut Dice) -> usize {
        self.0 + dice.below((self.1 - self.0) as u64 + 1)
    }
}

/// Small sizes often and large ones rarely: a Pareto distribution from 16 bytes, cut at 1 KiB.
pub(super) struct Pareto(Box<[u16]>);

impl Pareto {
    /// Entries of the table: few enough to stay in the first-level cache.
    const QUANTILES: usize = 1 << 11;
    /// With this shape a fifth of the blocks has four fifths of the bytes.
    const SHAPE: f64 = 1.16;

    pub(super) fn new() -> Self {
        let quantile = |at: usize| {
            let above = 1.0 - (at as f64 + 0.5) / Self::QUANTILES as f64;
            (16.0 * above.powf(-1.0 / Self::SHAPE)).min(1024.0) as u16
        };
        Self((0..Self::QUANTILES).map(quantile).collect())
    }
}

impl Sizes for Pareto {
    #[inline(always)]
    fn pick(&self, dice: &mut Dice) -> usize {
        usize::from(self.0[dice.below(Self::QUANTILES as u64)])
    }
}

/// Puts a new block in the place of one of many, anywhere: `live[i] = block`, so the new one is there
/// before the old one goes.
pub(super) struct Replace<A: Allocator, S> {
    live: Vec<Block<A>>,
    sizes: S,
    dice: Dice,
}

impl<A: Allocator, S: Sizes> Replace<A, S> {
    /// Among `count` blocks, which the workload itself has mixed.
    pub(super) fn new(count: u64, sizes: S) -> Self {
        let mut dice = Dice::new(count);
        let live = (0..count)
            .map(|seed| Block::new(sizes.pick(&mut dice), seed))
            .collect();
        let mut body = Self { live, sizes, dice };
        body.run(body.warm_up());
        body
    }
}

impl<A: Allocator, S: Sizes> Body for Replace<A, S> {
    fn run(&mut self, ops: u64) {
        for seed in 0..ops {
            let size = self.sizes.pick(&mut self.dice);
            let position = self.dice.below(self.live.len() as u64);
            let block = Block::new(size, seed);
            black_box(block.place());
            self.live[position] = block;
        }
    }

    fn warm_up(&self) -> u64 {
        // Random positions miss one in e^4 of the blocks.
        4 * self.live.len() as u64
    }
}

/// Replaces blocks of 40 bytes that lie on cache lines of their own.
pub(super) struct Aligned<A: Allocator> {
    live: Vec<Fixed<A, 40, 64>>,
    dice: Dice,
}

impl<A: Allocator> Aligned<A> {
    /// Among `count` blocks.
    pub(super) fn new(count: u64) -> Self {
        let live = (0..count).map(Fixed::new).collect();
        let dice = Dice::new(count);
        let mut body = Self { live, dice };
        body.run(body.warm_up());
        body
    }
}

impl<A: Allocator> Body for Aligned<A> {
    fn run(&mut self, ops: u64) {
        for seed in 0..ops {
            let position = self.dice.below(self.live.len() as u64);
            let block = Fixed::new(seed);
            black_box(block.place());
            self.live[position] = block;
        }
    }

    fn warm_up(&self) -> u64 {
        4 * self.live.len() as u64
    }
}

/// Replaces blocks of 64 sizes, one size after the other: whoever keeps each size's header at the same
/// distance from a multiple of its slabs' size has them all in one set of the first-level cache.
pub(super) struct Classes<A: Allocator> {
    live: Vec<Block<A>>,
    dice: Dice,
    at: usize,
}

impl<A: Allocator> Classes<A> {
    /// How many sizes there are, each two words above the one before.
    pub(super) const SIZES: usize = 64;
    /// Blocks of a size.
    pub(super) const EACH: usize = 31;

    pub(super) fn new() -> Self {
        let block = |at: usize| Block::new(Self::size(at / Self::EACH), at as u64);
        let live = (0..Self::SIZES * Self::EACH).map(block).collect();
        let (dice, at) = (Dice::new(0), 0);
        let mut body = Self { live, dice, at };
        body.run(body.warm_up());
        body
    }

    fn size(class: usize) -> usize {
        2 * WORD * (class + 1)
    }
}

impl<A: Allocator> Body for Classes<A> {
    fn run(&mut self, ops: u64) {
        for seed in 0..ops {
            let class = self.at % Self::SIZES;
            self.at += 1;
            let position = class * Self::EACH + self.dice.below(Self::EACH as u64);
            let block = Block::new(Self::size(class), seed);
            black_box(block.place());
            drop(mem::replace(&mut self.live[position], block));
        }
    }

    fn warm_up(&self) -> u64 {
        4 * self.live.len() as u64
    }
}
