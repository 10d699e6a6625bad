//! Several threads at once, by the clock on the wall.

use std::{
    hint,
    sync::atomic::{AtomicUsize, Ordering},
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
    /// How often a thread uses it in a window at most.
    const WINDOW: u64;
    /// How often at least: a window is this doubled until it is long enough.
    const LEAST: u64 = Self::WINDOW;

    /// One for at most so many threads.
    fn for_threads(threads: usize) -> Self;

    /// Uses it `count` times in thread number `thread`.
    fn work(&self, thread: usize, count: u64);

    /// Makes it as it was before the threads came.
    fn reset(&mut self);
}

/// All threads at work; the reset between windows is outside of the clock. An operation is one of each
/// thread.
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
        let shared = &self.shared;
        let work = |thread| -> Work<'_> { Box::new(move || shared.work(thread, ops)) };
        together((0..self.threads).map(work).collect())
    }

    fn step(&self) -> u64 {
        S::LEAST
    }

    fn most(&self) -> u64 {
        S::WINDOW
    }
}

/// What one thread does in a window.
pub(crate) type Work<'w> = Box<dyn FnOnce() + Send + 'w>;

/// Does everything at once, each in its own thread: the time from the first one's start to the last
/// one's end.
///
/// The threads wait for each other awake: with a sleeping barrier the last one starts when the first
/// has done half of a short window.
pub(crate) fn together(work: Vec<Work<'_>>) -> Duration {
    let (threads, arrived) = (work.len(), &AtomicUsize::new(0));
    let clocked = |work: Work<'_>| {
        // Relaxed, here and below: it is a count, and nothing is read by who sees it.
        arrived.fetch_add(1, Ordering::Relaxed);
        let mut patience = Patience::new();
        while arrived.load(Ordering::Relaxed) < threads {
            patience.wait();
        }
        let start = Instant::now();
        work();
        (start, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = work
            .into_iter()
            .map(|work| scope.spawn(move || clocked(work)))
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

/// Waits for another thread: awake for a while, then leaves it the core.
pub(crate) struct Patience(u32);

impl Patience {
    /// Looks that are taken before the core is left.
    const AWAKE: u32 = 64;
    /// Pauses between two looks. A thread that looks at once again takes the line away from the one
    /// it waits for, for each value once.
    const PAUSES: u32 = 32;

    pub(crate) fn new() -> Self {
        Self(0)
    }

    /// Waits until it is worth another look.
    pub(crate) fn wait(&mut self) {
        if self.0 < Self::AWAKE {
            self.0 += 1;
            (0..Self::PAUSES).for_each(|_| hint::spin_loop());
        } else {
            thread::yield_now();
        }
    }
}
