//! Who is told when an answer is there.

extern crate std;

use alloc::boxed::Box;
use core::{any::Any, mem, panic::AssertUnwindSafe, task::Waker};
use std::{
    panic::{catch_unwind, resume_unwind},
    thread::{self, Thread},
};

/// Who asks: a task, or a thread that blocks.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'w> {
    /// The task of this waker.
    Task(&'w Waker),
    /// The calling thread, which parks.
    Thread,
}

/// Wakes who asked, once.
pub(super) enum Wake {
    Task(Waker),
    Thread(Thread),
}

impl Asker<'_> {
    /// What wakes it. Never under a lock: a waker is cloned.
    pub(super) fn wake(self) -> Wake {
        match self {
            Self::Task(waker) => Wake::Task(waker.clone()), // USER CODE
            Self::Thread => Wake::Thread(thread::current()),
        }
    }
}

/// Those to be woken when the lock is open again.
#[derive(Default)]
pub(super) struct Wakes {
    some: [Option<Wake>; Self::MOST],
    len: usize,
}

impl Wakes {
    /// So many at a time, because they are gathered on the stack.
    const MOST: usize = 8;

    pub(super) const fn is_full(&self) -> bool {
        self.len == Self::MOST
    }

    /// Remembers `wake`; only while it is not full.
    pub(super) fn push(&mut self, wake: Wake) {
        self.some[self.len] = Some(wake);
        self.len += 1;
    }

    /// Wakes all of them, whichever panics.
    pub(super) fn run(&mut self) -> Panicked {
        let mut panicked = Panicked::default();
        for wake in &mut self.some[..mem::take(&mut self.len)] {
            match wake.take() {
                Some(Wake::Thread(thread)) => thread.unpark(),
                Some(Wake::Task(waker)) => {
                    panicked.add(Panicked::of(|| waker.wake())); // USER CODE
                }
                None => {}
            }
        }
        panicked
    }
}

/// The first panic of several calls, which goes on when all of them were made.
#[derive(Default)]
#[must_use]
pub(crate) struct Panicked(Option<Box<dyn Any + Send>>);

impl Panicked {
    /// Of one call.
    pub(crate) fn of(call: impl FnOnce()) -> Self {
        Self(catch_unwind(AssertUnwindSafe(call)).err())
    }

    pub(crate) const fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Remembers a later one, if it is the first.
    pub(crate) fn add(&mut self, later: Self) {
        match later.0 {
            Some(panic) if self.0.is_none() => self.0 = Some(panic),
            // Its destructor might panic, too.
            Some(panic) => mem::forget(panic),
            None => {}
        }
    }

    /// Lets nobody see it, but for what the hook of panics has said.
    pub(crate) fn forget(self) {
        let Some(panic) = self.0 else {
            return;
        };
        // Its destructor might panic, too.
        let second = Self::of(|| drop(panic)); // USER CODE
        mem::forget(second);
    }

    /// Lets it go on.
    pub(crate) fn resume(self) {
        match self.0 {
            // What gives something back while another panic goes on must not end the process.
            Some(panic) if thread::panicking() => mem::forget(panic),
            Some(panic) => resume_unwind(panic),
            None => {}
        }
    }
}
