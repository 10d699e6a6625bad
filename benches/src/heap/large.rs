//! Blocks of many pages, of which few are touched.

use std::{hint::black_box, marker::PhantomData};

use super::{allocator::Allocator, block::Block, churn::Dice};
use crate::lane::Body;

/// Large blocks that are there at once.
const LIVE: u64 = 8;
/// Pages of a large block that are touched.
const TOUCHED: usize = 4;
const PAGE: usize = 4096;
const MEBI: usize = 1 << 20;

/// Replaces one of a few blocks of 5 to 25 MiB and touches some pages of it.
pub(super) struct Large<A: Allocator> {
    live: Vec<Block<A>>,
    dice: Dice,
}

impl<A: Allocator> Large<A> {
    pub(super) fn new() -> Self {
        let mut dice = Dice::new(LIVE);
        let live = (0..LIVE).map(|_| touched(&mut dice)).collect();
        Self { live, dice }
    }
}

impl<A: Allocator> Body for Large<A> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            let position = self.dice.below(LIVE);
            self.live[position] = touched(&mut self.dice);
        }
    }

    fn warm_up(&self) -> u64 {
        2 * LIVE
    }
}

/// A large block whose touched pages lie evenly in it.
fn touched<A: Allocator>(dice: &mut Dice) -> Block<A> {
    let size = 5 * MEBI + dice.below(20 * MEBI as u64 / PAGE as u64) * PAGE;
    let mut block = Block::new(size, 0);
    for page in 1..TOUCHED {
        block.write((size / PAGE * page / TOUCHED) * PAGE, page as u64);
    }
    black_box(block.place());
    block
}

/// A block of zeros that gets a word at its start and one in its middle, and is freed.
pub(super) struct Zeroed<A> {
    size: usize,
    from: PhantomData<A>,
}

impl<A> Zeroed<A> {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            from: PhantomData,
        }
    }
}

impl<A: Allocator> Body for Zeroed<A> {
    fn run(&mut self, ops: u64) {
        for seed in 0..ops {
            let mut block = Block::<A>::zeroed(self.size);
            block.write(0, seed);
            block.write(self.size / 2, seed);
            black_box(block.place());
        }
    }
}
