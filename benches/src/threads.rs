//! Several threads at once, by the clock on the wall.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::{
    contender::{Role, exhausted},
    lane::Body,
};

/// What several threads use at once.
pub(crate) trait Shared: Sync + Sized + 'static {
    /// As the tables name it.
    const NAME: &'static str;
    /// Floor, ours or rival.
    const ROLE: Role;
    /// How often a thread uses it in a window: long against the start of a thread.
    const WINDOW: u64;

    /// One for at most so many threads.
    fn for_threads(threads: usize) -> Self;

    /// Uses it `count` times in thread number `thread`.
    fn work(&self, thread: usize, count: u64);

    /// Makes it as it was before the threads came.
    fn reset(&mut self);
}

/// All threads at work; the reset between windows is outside of the clock. The time of a window is
/// that from the first thread's start to the last one's end, and an operation is one of each thread.
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
        S::WINDOW
    }

    fn most(&self) -> u64 {
        S::WINDOW
    }
}
