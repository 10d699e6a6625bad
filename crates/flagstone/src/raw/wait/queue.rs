//! The lines, and the lock that guards them.

use alloc::vec::Vec;
use core::{
    fmt,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use lock_api::{Mutex, MutexGuard, RawMutex};

use super::{
    line::{Line, Node},
    wake::{Panicked, Wakes},
};
use crate::sync::{DefaultLock, default_lock, seeded};

/// Lines of those who wait, beside a state `S` under the same lock `R`. A demand `D` is what one waits
/// for, `G` what it gets.
///
/// # Invariants
///
/// 1. A node is on the line that it says, or on none; it is touched under the lock.
/// 2. A node that was answered is on no line. Who answers it takes its waker in the same moment, so it
///    is woken once at most.
/// 3. No user code runs under the lock: wakers are cloned before, called and dropped after.
pub(crate) struct WaitQueue<S, D, G, R = DefaultLock> {
    inner: Mutex<R, Inner<S, D, G>>,
}

struct Inner<S, D, G> {
    /// The first one needs no memory: most queues have no other.
    first: Line<D, G>,
    more: Vec<Line<D, G>>,
    waiting: usize,
    unclaimed: usize,
    state: S,
}

impl<S, D, G> Inner<S, D, G> {
    fn line(&self, number: usize) -> Option<&Line<D, G>> {
        match number.checked_sub(1) {
            None => Some(&self.first),
            Some(at) => self.more.get(at),
        }
    }

    /// A line that there is.
    fn line_mut(&mut self, number: usize) -> &mut Line<D, G> {
        match number.checked_sub(1) {
            None => &mut self.first,
            Some(at) => &mut self.more[at],
        }
    }
}

// SAFETY: nodes are touched under the lock alone (invariant 1), wherever they lie; what goes from thread
// to thread through them is a demand, an answer, and the waker, which is `Send`. A method that gave
// out a reference to a node's contents beyond the lock would make it wrong.
unsafe impl<S: Send, D: Send, G: Send, R: RawMutex + Send> Send for WaitQueue<S, D, G, R> {}
// SAFETY: as above; the state is seen by whoever has the lock, one at a time, if threads may share it.
unsafe impl<S: Send, D: Send, G: Send, R: RawMutex + Sync> Sync for WaitQueue<S, D, G, R> {}

impl<S, D, G> WaitQueue<S, D, G> {
    /// One line, and nobody on it.
    pub(crate) fn new(state: S) -> Self {
        Self::with_lock(state, default_lock())
    }
}

impl<S, D, G, R: RawMutex> WaitQueue<S, D, G, R> {
    /// One line, and nobody on it, behind `lock`.
    pub(crate) fn with_lock(state: S, lock: R) -> Self {
        let inner = Inner {
            first: Line::new(0),
            more: Vec::new(),
            waiting: 0,
            unclaimed: 0,
            state,
        };
        Self {
            inner: Mutex::from_raw(lock, inner),
        }
    }

    /// Takes the lock.
    pub(crate) fn lock(&self) -> Held<'_, S, D, G, R> {
        Held {
            queue: self,
            wakes: Wakes::default(),
            inner: Some(self.inner.lock()),
        }
    }
}

impl<S, D, G, R: RawMutex> fmt::Debug for WaitQueue<S, D, G, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.inner.try_lock().map(|inner| inner.waiting);
        f.debug_struct("WaitQueue")
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}

/// A queue under its lock. When it is dropped, the lock is opened first, and then those are woken who
/// were answered meanwhile.
pub(crate) struct Held<'q, S, D, G, R: RawMutex = DefaultLock> {
    queue: &'q WaitQueue<S, D, G, R>,
    wakes: Wakes,
    /// `None` while it is dropped.
    inner: Option<MutexGuard<'q, R, Inner<S, D, G>>>,
}

impl<S, D, G, R: RawMutex> Held<'_, S, D, G, R> {
    #[expect(clippy::expect_used, reason = "a guard goes when this does")]
    fn inner(&mut self) -> &mut Inner<S, D, G> {
        self.inner.as_mut().expect("held until dropped")
    }

    /// Whether this is the lock of `queue`.
    pub(super) fn is_of(&self, queue: *const WaitQueue<S, D, G, R>) -> bool {
        core::ptr::eq(self.queue, queue)
    }

    /// Opens the lock and wakes who was answered; for those who have more to do if a waker panics.
    pub(crate) fn open(mut self) -> Panicked {
        self.finish()
    }

    fn finish(&mut self) -> Panicked {
        if seeded("wait: wakers are called under the lock") {
            return self.wakes.run();
        }
        // Invariant 3: first the lock, then the wakers.
        drop(self.inner.take());
        self.wakes.run()
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.inner.as_ref().map_or(0, |inner| inner.waiting)
    }

    /// How many were answered and have not taken the answer yet.
    pub(crate) fn unclaimed(&self) -> usize {
        self.inner.as_ref().map_or(0, |inner| inner.unclaimed)
    }

    /// How many wait in `line`.
    pub(crate) fn waiting_in(&self, line: usize) -> usize {
        let inner = self.inner.as_ref();
        inner
            .and_then(|inner| inner.line(line))
            .map_or(0, Line::len)
    }

    /// Makes sure that there are the lines below `count`.
    pub(crate) fn with_lines(&mut self, count: usize) {
        let more = &mut self.inner().more;
        for number in more.len() + 1..count {
            more.push(Line::new(number));
        }
    }

    /// Whether one more may be answered before the lock has to be opened for those who are to be woken.
    pub(crate) const fn has_room(&self) -> bool {
        !self.wakes.is_full()
    }

    /// The state, and the demand of who is first in `line`.
    pub(crate) fn first(&mut self, line: usize) -> Option<(&mut S, &mut D)> {
        let inner = self.inner();
        let node = inner.line(line)?.first()?;
        // SAFETY: on a line, so alive and touched under the lock, which is held (invariant 1). The borrow
        // ends before the lock is opened.
        let node = unsafe { &mut *node.as_ptr() };
        Some((&mut inner.state, node.demand.as_mut()?))
    }

    /// Answers who is first in `line`. Only with room.
    pub(crate) fn answer_first(&mut self, line: usize, answer: G) {
        let first = self.inner().line(line).and_then(Line::first);
        if let Some(node) = first {
            // SAFETY: on that line.
            unsafe { self.answer(line, node, answer) };
        }
    }

    /// Goes through `line`, past the first `skip`, for at most `most`, and answers those for whom
    /// `judge` has an answer, while there is room; whether it ran out of room.
    pub(crate) fn scan(
        &mut self,
        line: usize,
        skip: usize,
        most: usize,
        mut judge: impl FnMut(&mut S, &mut D) -> Option<G>,
    ) -> bool {
        let mut next = self.inner().line(line).and_then(Line::first);
        let mut at = 0;
        while let Some(node) = next {
            if !self.has_room() {
                return true;
            }
            if at >= skip.saturating_add(most) {
                break;
            }
            let inner = self.inner();
            // SAFETY: on this line; the lock is held.
            next = unsafe { inner.line_mut(line).after(node) };
            at += 1;
            if at <= skip {
                continue;
            }
            // SAFETY: on a line, so alive and touched under the lock, which is held (invariant 1).
            let demand = unsafe { (*node.as_ptr()).demand.as_mut() };
            if let Some(answer) = demand.and_then(|demand| judge(&mut inner.state, demand)) {
                // SAFETY: on that line, as nobody was taken off meanwhile.
                unsafe { self.answer(line, node, answer) };
            }
        }
        false
    }

    /// Shows the demands of the first `most` in `line`.
    pub(crate) fn look_at(&self, line: usize, most: usize, mut look: impl FnMut(&D)) {
        let line = self.inner.as_ref().and_then(|inner| inner.line(line));
        let mut next = line.and_then(Line::first);
        for _ in 0..most {
            let (Some(node), Some(line)) = (next, line) else {
                return;
            };
            // SAFETY: on a line, so alive and touched under the lock, which is held (invariant 1).
            if let Some(demand) = unsafe { (*node.as_ptr()).demand.as_ref() } {
                look(demand);
            }
            // SAFETY: on this line; the lock is held.
            next = unsafe { line.after(node) };
        }
    }

    /// # Safety
    ///
    /// `node` is on the line `line`.
    unsafe fn answer(&mut self, line: usize, node: NonNull<Node<D, G>>, answer: G) {
        let inner = self.inner();
        // SAFETY: on that line; the lock is held.
        unsafe { inner.line_mut(line).remove(node) };
        inner.waiting -= 1;
        inner.unclaimed += 1;
        // SAFETY: it was on a line, so it is alive, and its owner needs the lock to touch it or to go.
        let node = unsafe { &mut *node.as_ptr() };
        node.answer = Some(answer);
        if let Some(wake) = node
            .wake
            .take()
            .filter(|_| !seeded("wait: nobody is woken"))
        {
            self.wakes.push(wake);
        }
    }

    /// Links `node` into `line`, behind those that it does not go before.
    ///
    /// # Safety
    ///
    /// `node` is on no line, and stays alive and in place until it was answered and its answer
    /// [claimed](Self::claim), or it was [removed](Self::remove).
    pub(super) unsafe fn insert(
        &mut self,
        line: usize,
        node: NonNull<Node<D, G>>,
        goes_before: impl FnMut(&D) -> bool,
    ) {
        self.with_lines(line + 1);
        let inner = self.inner();
        // SAFETY: the caller's promise; the lock is held.
        unsafe { inner.line_mut(line).insert(node, goes_before) };
        inner.waiting += 1;
    }

    /// Takes `node` off its line, if it is on one.
    ///
    /// # Safety
    ///
    /// `node` was inserted into this queue, and is alive.
    pub(super) unsafe fn remove(&mut self, node: NonNull<Node<D, G>>) {
        // SAFETY: alive, and touched under the lock, which is held.
        let line = unsafe { (*node.as_ptr()).line() };
        if let Some(line) = line {
            let inner = self.inner();
            // SAFETY: on the line that it says (invariant 1).
            unsafe { inner.line_mut(line).remove(node) };
            inner.waiting -= 1;
        }
    }

    /// The answer of `node`, if it has one.
    ///
    /// # Safety
    ///
    /// `node` was inserted into this queue, and is alive.
    pub(super) unsafe fn claim(&mut self, node: NonNull<Node<D, G>>) -> Option<G> {
        // SAFETY: alive, and touched under the lock, which is held.
        let answer = unsafe { (*node.as_ptr()).answer.take() }?;
        self.inner().unclaimed -= 1;
        Some(answer)
    }

    /// Puts an answer back that was claimed.
    ///
    /// # Safety
    ///
    /// `answer` was claimed from `node`, which is alive.
    pub(super) unsafe fn unclaim(&mut self, node: NonNull<Node<D, G>>, answer: G) {
        // SAFETY: alive, and touched under the lock, which is held.
        unsafe { (*node.as_ptr()).answer = Some(answer) };
        self.inner().unclaimed += 1;
    }
}

impl<S, D, G, R: RawMutex> Deref for Held<'_, S, D, G, R> {
    type Target = S;

    #[expect(clippy::expect_used, reason = "a guard goes when this does")]
    fn deref(&self) -> &S {
        &self.inner.as_ref().expect("held until dropped").state
    }
}

impl<S, D, G, R: RawMutex> DerefMut for Held<'_, S, D, G, R> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.inner().state
    }
}

impl<S, D, G, R: RawMutex> Drop for Held<'_, S, D, G, R> {
    fn drop(&mut self) {
        self.finish().resume();
    }
}
