//! The first allocation of a thread.

use std::{hint::black_box, marker::PhantomData, thread};

use super::{allocator::Allocator, block::Fixed};
use crate::{contender::exhausted, lane::Body};

/// The thread that allocates nothing, as the tables name it.
pub(crate) const BARE_SPAWN: &str = "control::bare-spawn";

/// Starts a thread that allocates a block and frees it, and waits for its end.
pub(super) struct First<A>(PhantomData<A>);

impl<A> First<A> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<A: Allocator> Body for First<A> {
    fn run(&mut self, ops: u64) {
        for seed in 0..ops {
            spawned(move || {
                black_box(Fixed::<A, 64>::new(seed).place());
            });
        }
    }
}

/// Starts a thread that does nothing, and waits for its end.
pub(super) struct Bare;

impl Body for Bare {
    fn run(&mut self, ops: u64) {
        for seed in 0..ops {
            spawned(move || {
                black_box(seed);
            });
        }
    }
}

/// A thread from its start to its end.
fn spawned(work: impl FnOnce() + Send + 'static) {
    if thread::spawn(work).join().is_err() {
        exhausted();
    }
}
