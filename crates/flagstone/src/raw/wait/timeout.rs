//! Waiting until a timer of the caller's is ready.

use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::waiting::{Plan, Waiting};

/// A [`Waiting`] that gives up when the future `T` is ready: the sleep of any runtime, a cancellation,
/// the end of a connection.
///
/// What was handed over before the timer was ready is not lost: then that is the answer.
#[must_use = "futures do nothing unless polled"]
pub struct Timeout<P: Plan, T> {
    waiting: Waiting<P>,
    timer: T,
}

impl<P: Plan, T: Future> Timeout<P, T> {
    pub(crate) const fn new(waiting: Waiting<P>, timer: T) -> Self {
        Self { waiting, timer }
    }
}

impl<P: Plan, T: Future> Future for Timeout<P, T> {
    type Output = P::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<P::Output> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the field of something pinned, never moved, and reached in no other way.
        let mut waiting = unsafe { Pin::new_unchecked(&mut this.waiting) };
        if let Poll::Ready(output) = waiting.as_mut().poll(context) {
            return Poll::Ready(output);
        }
        // SAFETY: as above.
        let timer = unsafe { Pin::new_unchecked(&mut this.timer) };
        // USER CODE
        match timer.poll(context) {
            Poll::Ready(_) => Poll::Ready(waiting.give_up()),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<P: Plan + fmt::Debug, T> fmt::Debug for Timeout<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}
