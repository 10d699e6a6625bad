//! Threads that are waited for to the ends of their locals.

use std::{
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread::{self, ScopedJoinHandle},
};

/// As [`std::thread::scope`], which waits for what its threads do; this one waits also for the destructors of their
/// locals, in which what they have at hand is given up. Only then does what is counted afterwards stand still.
pub fn scope<'env, R>(body: impl for<'scope> FnOnce(&Scope<'scope, 'env>) -> R) -> R {
    thread::scope(|threads| {
        let scope = Scope {
            threads,
            running: Mutex::default(),
        };
        let result = body(&scope);
        let running = scope.running.into_inner();
        for thread in running.unwrap_or_else(PoisonError::into_inner) {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        result
    })
}

/// Starts threads.
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    threads: &'scope thread::Scope<'scope, 'env>,
    running: Mutex<Vec<ScopedJoinHandle<'scope, ()>>>,
}

impl<'scope> Scope<'scope, '_> {
    /// Runs `work` on a thread, which is joined at the end of the scope; a panic of it goes on there.
    pub fn spawn<T>(&self, work: impl FnOnce() -> T + Send + 'scope) {
        let thread = self.threads.spawn(|| drop(work()));
        let running = self.running.lock();
        running.unwrap_or_else(PoisonError::into_inner).push(thread);
    }
}
