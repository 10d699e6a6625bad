//! Whoever polls, who waits is served, may leave at any time, and is told what he waits for in vain.
//!
//! The promises are the test kit's. The same on tokio and smol: the tests of `flagstone-tokio`.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex},
    task::{Context, Poll, Waker},
    thread::{self, JoinHandle},
    time::Duration,
};

use flagstone_testkit::{
    executor_promises,
    executors::{Executor, Job},
};

use super::tasks::{self, OneThread, PollsAlways, ThreadEach, TwoThreads};

macro_rules! executor {
    ($($kind:ident),*) => {$(
        impl Executor for $kind {
            fn run(&self, jobs: Vec<Job>) {
                <Self as tasks::Executor>::run(jobs);
            }

            fn timer(&self, after: Duration) -> Job {
                Box::pin(Timer { after, running: None })
            }
        }
    )*};
}

executor!(OneThread, TwoThreads, ThreadEach, PollsAlways);

executor_promises!(one_thread, OneThread);
executor_promises!(two_threads, TwoThreads);
executor_promises!(thread_each, ThreadEach);
executor_promises!(polls_always, PollsAlways);

/// A thread that waits, from the first poll on; it ends early with this.
struct Timer {
    after: Duration,
    running: Option<(Arc<Clock>, JoinHandle<()>)>,
}

#[derive(Default)]
struct Clock {
    /// Whether the time is over, and who waits for that.
    state: Mutex<(bool, Option<Waker>)>,
    changed: Condvar,
}

impl Clock {
    fn run(&self, after: Duration) {
        let state = self.state.lock().unwrap();
        let waited = self
            .changed
            .wait_timeout_while(state, after, |(over, _)| !*over);
        let waker = {
            let (mut state, _) = waited.unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let after = self.after;
        let (clock, _) = self.running.get_or_insert_with(|| {
            let clock = Arc::new(Clock::default());
            let runs = Arc::clone(&clock);
            (clock, thread::spawn(move || runs.run(after)))
        });
        let mut state = clock.state.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some((clock, thread)) = self.running.take() {
            *clock.state.lock().unwrap() = (true, None);
            clock.changed.notify_one();
            thread.join().unwrap();
        }
    }
}
