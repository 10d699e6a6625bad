//! Several threads at once, by the clock on the wall.

use std::{
    hint::black_box,
    ptr::NonNull,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use super::bumper::Shared;
use crate::{contender::exhausted, lane::Body};

/// Numbers that a thread allocates in a window: with 8 bytes each they stay in the second-level
/// cache of most machines.
const WINDOW: u64 = 1 << 16;

/// Allocates `count` numbers and makes the optimiser believe that each is used.
#[inline(always)]
pub(crate) fn drive<A>(arena: &A, count: u64, place: impl Fn(&A, u64) -> NonNull<u64>) {
    // Seen by the optimiser as shared, so that nothing of it stays in registers between two calls.
    let arena = black_box(arena);
    for number in 0..count {
        black_box(place(arena, number));
    }
}

/// Each thread allocates numbers; all are taken back between windows, outside of the clock. The time
/// of a window is that from the first thread's start to the last one's end, and an operation is
/// one number of each thread.
pub(crate) struct Threads<S> {
    shared: S,
    threads: usize,
}

impl<S: Shared> Threads<S> {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            shared: S::for_threads(threads),
            threads,
        }
    }
}

impl<S: Shared> Body for Threads<S> {
    fn run(&mut self, ops: u64) {
        self.timed(ops);
    }

    fn timed(&mut self, ops: u64) -> Duration {
        self.shared.reset();
        let (shared, barrier) = (&self.shared, &Barrier::new(self.threads));
        let work = |thread| {
            move || {
                barrier.wait();
                let start = Instant::now();
                shared.work(thread, ops);
                (start, Instant::now())
            }
        };
        let times: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads)
                .map(|thread| scope.spawn(work(thread)))
                .collect();
            let times = threads.into_iter().map(|thread| thread.join());
            times
                .map(|time| time.unwrap_or_else(|_| exhausted()))
                .collect()
        });
        let first = times.iter().map(|(start, _)| *start).min();
        let last = times.iter().map(|(_, end)| *end).max();
        first
            .zip(last)
            .map_or(Duration::ZERO, |(first, last)| last - first)
    }

    fn step(&self) -> u64 {
        WINDOW
    }

    fn most(&self) -> u64 {
        WINDOW
    }
}
