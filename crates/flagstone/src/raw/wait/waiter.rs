//! One who waits: a node that is pinned in a future, or on a thread's stack.

use alloc::sync::Arc;
use core::{cell::UnsafeCell, fmt, marker::PhantomPinned, mem, pin::Pin, ptr::NonNull};

use lock_api::RawMutex;

use super::{
    line::Node,
    queue::{Held, WaitQueue},
    wake::{Asker, Panicked},
};
use crate::sync::seeded;

/// What has a queue to wait in.
pub trait Queued {
    /// What stands beside the lines, under the lock.
    type State;
    /// What one waits for.
    type Demand;
    /// What one gets.
    type Grant;
    /// What the queue is locked with.
    type Lock: RawMutex;

    /// The queue.
    #[expect(private_interfaces, reason = "the trait cannot be named outside")]
    fn queue(&self) -> &WaitQueue<Self::State, Self::Demand, Self::Grant, Self::Lock>;

    /// Somebody left who had joined: with what it got and did not take, or without. Nothing is locked.
    fn left(&self, demand: Self::Demand, answer: Option<Self::Grant>);
}

/// Keeps what has the queue alive and in place.
pub trait Handle: sealed::Sealed {
    /// What has the queue.
    type Target: Queued;

    /// It.
    fn get(&self) -> &Self::Target;
}

impl<T: Queued> Handle for Arc<T> {
    type Target = T;

    fn get(&self) -> &T {
        self
    }
}

impl<T: Queued> Handle for &T {
    type Target = T;

    fn get(&self) -> &T {
        self
    }
}

mod sealed {
    use alloc::sync::Arc;

    /// Implemented for `Arc<T>` and `&T` only: while one exists, nobody can have the target by `&mut`,
    /// move it or drop it.
    pub trait Sealed {}
    impl<T> Sealed for Arc<T> {}
    impl<T> Sealed for &T {}
}

type Demand<H> = <<H as Handle>::Target as Queued>::Demand;
type Grant<H> = <<H as Handle>::Target as Queued>::Grant;
type State<H> = <<H as Handle>::Target as Queued>::State;
type Lock<H> = <<H as Handle>::Target as Queued>::Lock;
type Queue<H> = WaitQueue<State<H>, Demand<H>, Grant<H>, Lock<H>>;

/// One who may wait in the queue of what `H` holds.
///
/// # Invariants
///
/// 1. While `joined` is set, it is the queue that the node was inserted into, `host` keeps that queue
///    alive and in place, and the node is touched under its lock. It is set from the time the node
///    joins until its answer was taken or it has left.
/// 2. It does not move while `joined` is set: it joins through a `Pin`, and leaves before it is gone.
pub struct Waiter<H: Handle> {
    /// `None` once it was taken.
    host: Option<H>,
    node: UnsafeCell<Node<Demand<H>, Grant<H>>>,
    joined: Option<NonNull<Queue<H>>>,
    _pinned: PhantomPinned,
}

// SAFETY: the node is touched under the lock while others can see it, and is this waiter's alone
// otherwise; demand, grant and host may be sent, the queue it joined is `Sync` if they are.
unsafe impl<H: Handle + Send> Send for Waiter<H>
where
    State<H>: Send,
    Demand<H>: Send,
    Grant<H>: Send,
    Lock<H>: Sync,
{
}
// SAFETY: there is nothing that a shared reference to a waiter can do but look at the host.
unsafe impl<H: Handle + Sync> Sync for Waiter<H>
where
    State<H>: Send,
    Demand<H>: Send,
    Grant<H>: Send,
    Lock<H>: Sync,
{
}

impl<H: Handle> Waiter<H> {
    pub(crate) const fn new(host: H) -> Self {
        Self {
            host: Some(host),
            node: UnsafeCell::new(Node::new()),
            joined: None,
            _pinned: PhantomPinned,
        }
    }

    /// What has the queue, until it is taken.
    pub(crate) const fn host(&self) -> Option<&H> {
        self.host.as_ref()
    }

    /// The host itself; `None` while it is needed, that is while this waits or has an answer.
    pub(crate) fn take_host(self: Pin<&mut Self>) -> Option<H> {
        // SAFETY: nothing is moved but the host, which is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        match this.joined {
            Some(_) => None,
            None => this.host.take(),
        }
    }

    fn node(&self) -> NonNull<Node<Demand<H>, Grant<H>>> {
        // An `UnsafeCell` has an address.
        NonNull::from(&self.node).cast()
    }

    /// Joins `line`, behind those that it does not go before.
    ///
    /// # Panics
    ///
    /// When it has joined already, or `held` is another queue's lock.
    pub(crate) fn join(
        self: Pin<&mut Self>,
        held: &mut Held<'_, State<H>, Demand<H>, Grant<H>, Lock<H>>,
        line: usize,
        demand: Demand<H>,
        goes_before: impl FnMut(&Demand<H>) -> bool,
    ) {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        let queue = this
            .host
            .as_ref()
            .map(|host| NonNull::from(host.get().queue()));
        assert!(
            this.joined.is_none() && queue.is_some_and(|queue| held.is_of(queue.as_ptr())),
            "a waiter joins its own queue, once"
        );
        let node = this.node();
        // SAFETY: it is on no line, so it is ours alone.
        unsafe { (*node.as_ptr()).demand = Some(demand) };
        this.joined = queue;
        // SAFETY: on no line, as `joined` was not set; stays until `joined` is cleared (invariant 2).
        unsafe { held.insert(line, node, goes_before) };
    }

    /// The answer, if it is there; otherwise `asker` is woken when it is. `None` also before it joins.
    pub(crate) fn answer(self: Pin<&mut Self>, asker: Option<Asker<'_>>) -> Option<Grant<H>> {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        let queue = this.joined?;
        // Before the lock, because it is another's code.
        let mut wake = asker.map(Asker::wake);
        let node = this.node();
        // SAFETY: invariant 1.
        let mut held = unsafe { queue.as_ref() }.lock();
        // SAFETY: inserted into this queue, and alive.
        let answer = unsafe { held.claim(node) };
        if answer.is_none() && !seeded("wait: the waker comes too late") {
            // SAFETY: touched under the lock, which is held.
            mem::swap(unsafe { &mut (*node.as_ptr()).wake }, &mut wake);
        }
        drop(held);
        if answer.is_some() {
            this.joined = None;
        } else if seeded("wait: the waker comes too late") {
            // SAFETY: invariant 1.
            let held = unsafe { queue.as_ref() }.lock();
            // SAFETY: touched under the lock, which is held.
            mem::swap(unsafe { &mut (*node.as_ptr()).wake }, &mut wake);
            drop(held);
        }
        // The waker that is not needed any more goes when nothing is locked.
        let panicked = Panicked::of(|| drop(wake)); // USER CODE
        if panicked.is_some() {
            if let Some(answer) = answer {
                // It is there for who asks again, or goes back with this.
                this.joined = Some(queue);
                // SAFETY: invariant 1.
                let mut held = unsafe { queue.as_ref() }.lock();
                // SAFETY: claimed just now.
                unsafe { held.unclaim(node, answer) };
            }
            panicked.resume();
            // While another panic goes on, this one does not; nobody's code runs in it now.
            // SAFETY: it has not moved.
            return unsafe { Pin::new_unchecked(this) }.answer(None);
        }
        answer
    }

    /// Leaves, whether or not there is an answer, which is the caller's; `None` if it had not joined.
    pub(crate) fn leave(mut self: Pin<&mut Self>) -> Option<(Demand<H>, Option<Grant<H>>)> {
        let (left, panicked) = self.as_mut().take_off();
        if !panicked.is_some() {
            return left;
        }
        // The caller never sees it.
        self.give_back(left);
        panicked.resume();
        None
    }

    /// Says that it left.
    fn give_back(&self, left: Option<(Demand<H>, Option<Grant<H>>)>) {
        if let Some((demand, answer)) = left
            && let Some(host) = &self.host
        {
            host.get().left(demand, answer); // USER CODE
        }
    }

    /// As `leave`; with the panic of the waker that goes.
    #[expect(clippy::type_complexity, reason = "what `leave` and `drop` share")]
    fn take_off(self: Pin<&mut Self>) -> (Option<(Demand<H>, Option<Grant<H>>)>, Panicked) {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(queue) = this.joined else {
            return (None, Panicked::default());
        };
        let node = this.node();
        // SAFETY: invariant 1.
        let mut held = unsafe { queue.as_ref() }.lock();
        // SAFETY: inserted into this queue, and alive.
        unsafe { held.remove(node) };
        // SAFETY: as above.
        let answer = unsafe { held.claim(node) };
        // SAFETY: on no line any more, so it is ours alone; the lock is held besides.
        let (demand, wake) =
            unsafe { ((*node.as_ptr()).demand.take(), (*node.as_ptr()).wake.take()) };
        drop(held);
        this.joined = None;
        let panicked = Panicked::of(|| drop(wake)); // USER CODE
        (demand.map(|demand| (demand, answer)), panicked)
    }
}

impl<H: Handle> Drop for Waiter<H> {
    fn drop(&mut self) {
        // SAFETY: it is being dropped, and is not moved before.
        let this = unsafe { Pin::new_unchecked(&mut *self) };
        let (left, panicked) = this.take_off();
        self.give_back(left);
        panicked.resume();
    }
}

impl<H: Handle> fmt::Debug for Waiter<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("joined", &self.joined.is_some())
            .finish_non_exhaustive()
    }
}
