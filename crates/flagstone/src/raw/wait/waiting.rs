//! The future over a waiter, and its blocking twin.

extern crate std;

use core::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use std::{thread, time::Instant};

use super::{
    waiter::{Handle, Waiter},
    wake::Asker,
};

/// What is asked for, and how.
pub trait Plan: Unpin {
    /// What keeps the queue.
    type Host: Handle;
    /// What comes of it.
    type Output;

    /// Asks once more.
    fn poll(
        &mut self,
        waiter: Pin<&mut Waiter<Self::Host>>,
        asker: Asker<'_>,
    ) -> Poll<Self::Output>;

    /// Waits no longer: what has come of it until now.
    fn give_up(&mut self, waiter: Pin<&mut Waiter<Self::Host>>) -> Self::Output;
}

/// A future that waits in a queue, in order; it may be dropped at any time.
///
/// Nothing is asked for before it is polled the first time. If it can be had then, the first poll is
/// ready. The place in the queue is inside the future, so waiting allocates nothing. Whoever drops
/// it leaves the queue, and what it had been given and not yet taken goes to the next.
#[must_use = "futures do nothing unless polled"]
pub struct Waiting<P: Plan> {
    waiter: Waiter<P::Host>,
    plan: P,
}

impl<P: Plan> Waiting<P> {
    pub(crate) const fn new(host: P::Host, plan: P) -> Self {
        Self {
            waiter: Waiter::new(host),
            plan,
        }
    }

    /// What is asked for, before it is.
    pub(crate) const fn plan_mut(&mut self) -> &mut P {
        &mut self.plan
    }

    fn project(self: Pin<&mut Self>) -> (Pin<&mut Waiter<P::Host>>, &mut P) {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the waiter lies in what is pinned, is never moved out of it, and no other way gives out
        // `&mut` to it (`plan_mut` gives the plan, which is `Unpin`).
        (
            unsafe { Pin::new_unchecked(&mut this.waiter) },
            &mut this.plan,
        )
    }

    /// What `Timeout` calls when the time is over.
    pub(super) fn give_up(self: Pin<&mut Self>) -> P::Output {
        let (waiter, plan) = self.project();
        plan.give_up(waiter)
    }

    /// Blocks the thread until it is ready.
    pub(crate) fn block(self) -> P::Output {
        // Gone in the reverse order: the waiter first, whose scope the plan may keep.
        let mut plan = self.plan;
        let mut waiter = pin!(self.waiter);
        loop {
            if let Poll::Ready(output) = plan.poll(waiter.as_mut(), Asker::Thread) {
                return output;
            }
            thread::park();
        }
    }

    /// As [`block`](Self::block), for `most` at most.
    pub(crate) fn block_for(self, most: Duration) -> P::Output {
        // Gone in the reverse order: the waiter first, whose scope the plan may keep.
        let mut plan = self.plan;
        let mut waiter = pin!(self.waiter);
        let start = Instant::now();
        loop {
            if let Poll::Ready(output) = plan.poll(waiter.as_mut(), Asker::Thread) {
                return output;
            }
            match most.checked_sub(start.elapsed()) {
                Some(rest) if !rest.is_zero() => thread::park_timeout(rest),
                _ => return plan.give_up(waiter.as_mut()),
            }
        }
    }
}

impl<P: Plan> Future for Waiting<P> {
    type Output = P::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<P::Output> {
        let (waiter, plan) = self.project();
        plan.poll(waiter, Asker::Task(context.waker()))
    }
}

impl<P: Plan + fmt::Debug> fmt::Debug for Waiting<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("plan", &self.plan)
            .field("waiter", &self.waiter)
            .finish()
    }
}
