//! What runs futures.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

/// A future that an executor may move to any of its threads.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs futures, and knows when time has passed.
pub trait Executor {
    /// Runs all of `jobs` at once, to their ends. A job that panics makes this panic.
    fn run(&self, jobs: Vec<Job>);

    /// Is ready when some time has passed after it was first polled; polled in this executor only.
    fn timer(&self, after: Duration) -> Job;
}

/// Lets others go first, once.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
