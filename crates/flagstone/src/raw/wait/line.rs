//! Those who wait, in order.

use core::ptr::NonNull;

use super::wake::Wake;

/// One who waits. Lies in its [`Waiter`](super::Waiter), and is touched under the lock of its queue from
/// the time it joins until its answer is taken or it has left.
pub(super) struct Node<D, G> {
    next: Option<NonNull<Self>>,
    previous: Option<NonNull<Self>>,
    /// The line that it stands in; `None` before it joins, and once it is answered.
    line: Option<usize>,
    pub(super) demand: Option<D>,
    pub(super) answer: Option<G>,
    pub(super) wake: Option<Wake>,
}

impl<D, G> Node<D, G> {
    pub(super) const fn new() -> Self {
        Self {
            next: None,
            previous: None,
            line: None,
            demand: None,
            answer: None,
            wake: None,
        }
    }

    pub(super) const fn line(&self) -> Option<usize> {
        self.line
    }
}

/// A doubly linked list through nodes that others own.
///
/// # Invariant
///
/// 1. Every node on it is alive and in place, says its number, and is touched by nobody else while the
///    queue's lock is held.
pub(super) struct Line<D, G> {
    number: usize,
    first: Option<NonNull<Node<D, G>>>,
    last: Option<NonNull<Node<D, G>>>,
    len: usize,
}

impl<D, G> Line<D, G> {
    pub(super) const fn new(number: usize) -> Self {
        Self {
            number,
            first: None,
            last: None,
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn first(&self) -> Option<NonNull<Node<D, G>>> {
        self.first
    }

    /// The node behind `node`, which is on this line.
    ///
    /// # Safety
    ///
    /// The queue's lock is held, and `node` is on this line.
    pub(super) unsafe fn after(&self, node: NonNull<Node<D, G>>) -> Option<NonNull<Node<D, G>>> {
        // SAFETY: invariant 1: alive, and ours alone under the lock.
        unsafe { (*node.as_ptr()).next }
    }

    /// Puts `node` behind all that it does not go before, looked at from the end.
    ///
    /// # Safety
    ///
    /// The queue's lock is held. The node is on no line, and stays alive and in place until it was
    /// removed.
    pub(super) unsafe fn insert(
        &mut self,
        node: NonNull<Node<D, G>>,
        mut goes_before: impl FnMut(&D) -> bool,
    ) {
        let mut previous = self.last;
        while let Some(other) = previous {
            // SAFETY: invariant 1.
            let other = unsafe { &*other.as_ptr() };
            if !other.demand.as_ref().is_some_and(&mut goes_before) {
                break;
            }
            previous = other.previous;
        }
        let next = match previous {
            // SAFETY: invariant 1.
            Some(other) => unsafe { (*other.as_ptr()).next.replace(node) },
            None => self.first.replace(node),
        };
        match next {
            // SAFETY: invariant 1.
            Some(other) => unsafe { (*other.as_ptr()).previous = Some(node) },
            None => self.last = Some(node),
        }
        // SAFETY: the caller's promise: alive, and ours alone.
        let node = unsafe { &mut *node.as_ptr() };
        (node.next, node.previous, node.line) = (next, previous, Some(self.number));
        self.len += 1;
    }

    /// Takes `node` off.
    ///
    /// # Safety
    ///
    /// The queue's lock is held, and `node` is on this line.
    pub(super) unsafe fn remove(&mut self, node: NonNull<Node<D, G>>) {
        // SAFETY: invariant 1: alive, and ours alone under the lock.
        let node = unsafe { &mut *node.as_ptr() };
        let (next, previous) = (node.next.take(), node.previous.take());
        node.line = None;
        match previous {
            // SAFETY: invariant 1.
            Some(other) => unsafe { (*other.as_ptr()).next = next },
            None => self.first = next,
        }
        match next {
            // SAFETY: invariant 1.
            Some(other) => unsafe { (*other.as_ptr()).previous = previous },
            None => self.last = previous,
        }
        self.len -= 1;
    }
}
