//! Blocks that threads allocate side by side, take over from each other and free for each other.
//!
//! After the workloads of the same names that allocators are published with: larson (P. Larson and
//! M. Krishnan, "Memory allocation for long-running server applications", ISMM 1998), xmalloc-test
//! (L. Boreham) and mstress (D. Leijen). They are written anew: nothing waits here for another thread,
//! so that more threads than cores show the allocator and not the scheduler.

use std::{hint::black_box, marker::PhantomData, mem};

use parking_lot::Mutex;

use super::{
    allocator::Allocator,
    block::{Block, Fixed},
    churn::{Between, Dice, Sizes},
};
use crate::{contender::Role, payload::Payload as _, store::Store, threads::Shared};

/// How often a thread does its operation in a window, at least and at most.
const WINDOW: [u64; 2] = [1 << 10, 1 << 20];

/// Blocks of 64 bytes, each on the thread that allocated it or on another.
pub(super) struct Parcels<A>(PhantomData<A>);

impl<A: Allocator> Store for Parcels<A> {
    const NAME: &'static str = A::NAME;
    const ROLE: Role = A::ROLE;
    type Value = u64;
    type Handle<'p> = Fixed<A, 64>;

    fn with_room(_: usize) -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    fn store(&self, value: u64) -> Self::Handle<'_> {
        let block = Fixed::new(value.first_word());
        black_box(block.place());
        block
    }
}

/// Baskets of blocks that go from thread to thread; who has one replaces blocks in it for a while.
pub(super) struct Larson<A: Allocator>(Vec<Mutex<Vec<Block<A>>>>);

impl<A: Allocator> Larson<A> {
    /// Blocks in a basket.
    const BASKET: u64 = 1000;
    /// Blocks that a thread replaces in a basket before it takes the next.
    const TURN: u64 = 2000;
    const SIZES: Between = Between(8, 1000);
}

impl<A: Allocator> Shared for Larson<A> {
    const NAME: &'static str = A::NAME;
    const ROLE: Role = A::ROLE;
    const LEAST: u64 = WINDOW[0];
    const WINDOW: u64 = WINDOW[1];

    fn for_threads(threads: usize) -> Self {
        let mut dice = Dice::new(threads as u64);
        let mut block = |seed| Block::new(Self::SIZES.pick(&mut dice), seed);
        let mut basket = |_| Mutex::new((0..Self::BASKET).map(&mut block).collect());
        Self((0..2 * threads).map(&mut basket).collect())
    }

    fn work(&self, thread: usize, count: u64) {
        let mut dice = Dice::new(thread as u64);
        let (mut left, mut at) = (count, thread);
        while left > 0 {
            at += 1;
            // There are more baskets than threads: some are always free.
            let Some(mut basket) = self.0[at % self.0.len()].try_lock() else {
                continue;
            };
            let turn = left.min(Self::TURN);
            for seed in 0..turn {
                let size = Self::SIZES.pick(&mut dice);
                let block = Block::new(size, seed);
                black_box(block.place());
                basket[dice.below(Self::BASKET)] = block;
            }
            left -= turn;
        }
    }

    fn reset(&mut self) {}
}

/// Letter boxes; every thread fills a batch, leaves it in a box, and frees the batch that was there.
pub(super) struct Xmalloc<A: Allocator>(Vec<Mutex<Vec<Block<A>>>>);

impl<A: Allocator> Xmalloc<A> {
    /// Blocks of a batch.
    const BATCH: u64 = 256;
    const SIZES: Between = Between(16, 128);
}

impl<A: Allocator> Shared for Xmalloc<A> {
    const NAME: &'static str = A::NAME;
    const ROLE: Role = A::ROLE;
    const LEAST: u64 = WINDOW[0];
    const WINDOW: u64 = WINDOW[1];

    fn for_threads(threads: usize) -> Self {
        let empty = |_| Mutex::new(Vec::with_capacity(Self::BATCH as usize));
        Self((0..2 * threads).map(empty).collect())
    }

    fn work(&self, thread: usize, count: u64) {
        let mut dice = Dice::new(thread as u64);
        let mut batch = Vec::with_capacity(Self::BATCH as usize);
        let mut left = count;
        while left > 0 {
            let filled = left.min(Self::BATCH);
            for seed in 0..filled {
                let block = Block::new(Self::SIZES.pick(&mut dice), seed);
                black_box(block.place());
                batch.push(block);
            }
            mem::swap(
                &mut batch,
                &mut *self.0[dice.below(self.0.len() as u64)].lock(),
            );
            batch.clear();
            left -= filled;
        }
    }

    fn reset(&mut self) {}
}

/// Places that outlive the threads; every thread allocates, frees, and swaps blocks of its own with what
/// lies in a place. What it has left goes when it ends.
pub(super) struct Mstress<A: Allocator>(Vec<Mutex<Option<Block<A>>>>);

impl<A: Allocator> Mstress<A> {
    const PLACES: usize = 256;
    /// Blocks that a thread has at most.
    const KEPT: usize = 1000;
    const SMALL: Between = Between(16, 256);
    const LARGE: Between = Between(256, 1 << 15);
    /// One block of so many is large.
    const RARE: u64 = 64;

    fn sized(dice: &mut Dice) -> Block<A> {
        let size = match dice.below(Self::RARE) {
            0 => Self::LARGE.pick(dice),
            _ => Self::SMALL.pick(dice),
        };
        let block = Block::new(size, 0);
        black_box(block.place());
        block
    }
}

impl<A: Allocator> Shared for Mstress<A> {
    const NAME: &'static str = A::NAME;
    const ROLE: Role = A::ROLE;
    const LEAST: u64 = WINDOW[0];
    const WINDOW: u64 = WINDOW[1];

    fn for_threads(_: usize) -> Self {
        Self((0..Self::PLACES).map(|_| Mutex::new(None)).collect())
    }

    fn work(&self, thread: usize, count: u64) {
        let mut dice = Dice::new(thread as u64);
        let mut kept: Vec<Block<A>> = Vec::with_capacity(Self::KEPT);
        for _ in 0..count {
            // Half of the operations allocate, a quarter frees, a quarter swaps.
            let what = dice.below(4);
            if kept.is_empty() || (what < 2 && kept.len() < Self::KEPT) {
                kept.push(Self::sized(&mut dice));
                continue;
            }
            let one = kept.swap_remove(dice.below(kept.len() as u64));
            if what == 3 {
                let place = &self.0[dice.below(Self::PLACES as u64)];
                kept.extend(place.lock().replace(one));
            }
        }
    }

    fn reset(&mut self) {}
}
