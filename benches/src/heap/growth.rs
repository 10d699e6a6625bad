//! Blocks that grow, as the memory of a vector does.

use std::{hint::black_box, marker::PhantomData};

use super::{
    allocator::Allocator,
    block::{Block, WORD},
};
use crate::lane::Body;

/// The block's last word is written.
#[inline(always)]
fn touch_end<A: Allocator>(block: &mut Block<A>, size: usize) {
    block.write(size - WORD, size as u64);
    black_box(block.place());
}

/// A block of 16 bytes that is doubled until it has a mebibyte, and freed. An operation is all of that.
pub(super) struct Doubling<A>(PhantomData<A>);

impl<A> Doubling<A> {
    const FIRST: usize = 16;
    const LAST: usize = 1 << 20;

    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<A: Allocator> Body for Doubling<A> {
    fn run(&mut self, ops: u64) {
        for seed in 0..ops {
            let mut size = Self::FIRST;
            let mut block = Block::<A>::new(size, seed);
            while size < Self::LAST {
                size *= 2;
                block.resize(size);
                touch_end(&mut block, size);
            }
        }
    }
}

/// A block that grows by `STEP` bytes until it has `SIZE`, and is freed; what is new is written. An
/// operation is one step.
pub(super) struct Creeping<A, const STEP: usize, const SIZE: usize>(PhantomData<A>);

impl<A, const STEP: usize, const SIZE: usize> Creeping<A, STEP, SIZE> {
    pub(super) fn new() -> Self {
        const { assert!(STEP.is_multiple_of(WORD) && SIZE.is_multiple_of(STEP)) };
        Self(PhantomData)
    }
}

impl<A: Allocator, const STEP: usize, const SIZE: usize> Body for Creeping<A, STEP, SIZE> {
    fn run(&mut self, ops: u64) {
        for seed in 0..ops / self.step() {
            let mut block = Block::<A>::new(STEP, seed);
            for old in (STEP..SIZE).step_by(STEP) {
                block.resize(old + STEP);
                (old..old + STEP)
                    .step_by(WORD)
                    .for_each(|at| block.write(at, seed));
                black_box(block.place());
            }
        }
    }

    fn step(&self) -> u64 {
        (SIZE / STEP) as u64
    }
}
