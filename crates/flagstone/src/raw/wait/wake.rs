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

    /// Wakes all of them, whichever panics; then the first panic goes on.
    pub(super) fn run(&mut self) {
        let mut first: Option<Box<dyn Any + Send>> = None;
        for wake in &mut self.some[..mem::take(&mut self.len)] {
            match wake.take() {
                Some(Wake::Thread(thread)) => thread.unpark(),
                Some(Wake::Task(waker)) => {
                    let woken = catch_unwind(AssertUnwindSafe(|| waker.wake())); // USER CODE
                    match woken {
                        Err(panic) if first.is_none() => first = Some(panic),
                        // Its destructor might panic, too.
                        Err(panic) => mem::forget(panic),
                        Ok(()) => {}
                    }
                }
                None => {}
            }
        }
        match first {
            // What gives something back while another panic goes on must not end the process.
            Some(panic) if thread::panicking() => mem::forget(panic),
            Some(panic) => resume_unwind(panic),
            None => {}
        }
    }
}
