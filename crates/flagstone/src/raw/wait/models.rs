//! What threads do to a balance and to a queue at once, in every interleaving within the stated bounds;
//! and the same with a bug planted, which the models must find.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p flagstone --lib wait
//! ```

extern crate std;

use alloc::{boxed::Box, sync::Arc};
use core::{
    pin::Pin,
    task::{Poll, Waker},
};
use std::task::Wake;

use super::{Asker, Balance, Held, Plan, Queued, WaitQueue, Waiter, Waiting};
use crate::sync::{
    DefaultLock,
    atomic::{AtomicUsize, Ordering},
    model::{UnsafeCell, explore_within, finds, thread},
};

/// Every execution with at most so many switches of a thread that could have gone on.
const PREEMPTIONS: usize = 2;

/// One permit, and those who wait for it.
struct Gate {
    balance: Balance,
    queue: WaitQueue<bool, (), bool>,
    /// Touched by who has the permit; loom watches.
    inside: UnsafeCell<u32>,
}

// SAFETY: the cell is touched by who has the permit, which is what is tested; loom watches.
unsafe impl Sync for Gate {}

impl Gate {
    fn new(permits: u64) -> Arc<Self> {
        Arc::new(Self {
            balance: Balance::new(permits),
            queue: WaitQueue::new(false),
            inside: UnsafeCell::new(0),
        })
    }

    fn touch(&self) {
        // SAFETY: the permit is the caller's, which is what is tested.
        self.inside.with_mut(|inside| unsafe { *inside += 1 });
    }

    fn give(&self) {
        if self.balance.give(1) {
            self.settle();
        }
    }

    fn settle(&self) {
        let mut held = self.queue.lock();
        while held.first(0).is_some() && self.balance.take_queued(1).is_ok() {
            held.answer_first(0, true);
        }
        self.unmark(&held);
    }

    fn unmark(&self, held: &Held<'_, bool, (), bool>) {
        if held.waiting() == 0 && !**held {
            self.balance.unmark();
        }
    }

    fn close(&self) {
        let mut held = self.queue.lock();
        *held = true;
        self.balance.mark();
        while held.first(0).is_some() {
            held.answer_first(0, false);
        }
    }
}

impl Queued for Gate {
    type State = bool;
    type Demand = ();
    type Grant = bool;
    type Lock = DefaultLock;

    fn queue(&self) -> &WaitQueue<bool, (), bool> {
        &self.queue
    }

    fn left(&self, (): (), answer: Option<bool>) {
        match answer {
            Some(true) => self.give(),
            Some(false) => {}
            None => self.settle(),
        }
    }
}

/// Waits for the permit.
#[derive(Default)]
struct Enter(bool);

impl Plan for Enter {
    type Host = Arc<Gate>;
    type Output = bool;

    fn poll(&mut self, mut waiter: Pin<&mut Waiter<Arc<Gate>>>, asker: Asker<'_>) -> Poll<bool> {
        let gate = Arc::clone(waiter.host().unwrap());
        if !self.0 {
            if gate.balance.take(1).is_ok() {
                return Poll::Ready(true);
            }
            let mut held = gate.queue.lock();
            if *held {
                return Poll::Ready(false);
            }
            gate.balance.mark();
            if held.waiting() == 0 && gate.balance.take_queued(1).is_ok() {
                gate.unmark(&held);
                return Poll::Ready(true);
            }
            waiter.as_mut().join(&mut held, 0, (), |()| false);
            self.0 = true;
        }
        waiter
            .answer(Some(asker))
            .map_or(Poll::Pending, Poll::Ready)
    }

    fn give_up(&mut self, _: Pin<&mut Waiter<Arc<Gate>>>) -> bool {
        unreachable!("nobody does")
    }
}

/// A future of a model, and how often it was woken.
struct Task {
    future: Pin<Box<Waiting<Enter>>>,
    woken: Arc<Woken>,
}

/// Counts, and looks at the queue as a waker may.
struct Woken(AtomicUsize, Arc<Gate>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        let _unlocked = self.1.queue.lock();
    }
}

impl Task {
    fn new(gate: &Arc<Gate>) -> Self {
        Self {
            future: Box::pin(Waiting::new(Arc::clone(gate), Enter::default())),
            woken: Arc::new(Woken(AtomicUsize::new(0), Arc::clone(gate))),
        }
    }

    fn poll(&mut self) -> Poll<bool> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = core::task::Context::from_waker(&waker);
        self.future.as_mut().poll(&mut context)
    }

    /// What comes of it, when all others are done.
    fn end(mut self, before: Poll<bool>) -> bool {
        match before {
            Poll::Ready(entered) => entered,
            Poll::Pending => {
                assert_eq!(self.woken.0.load(Ordering::Relaxed), 1, "woken once");
                match self.poll() {
                    Poll::Ready(entered) => entered,
                    Poll::Pending => panic!("woken for nothing"),
                }
            }
        }
    }
}

/// Two threads enter, one after the other.
fn one_after_the_other() {
    let gate = Gate::new(1);
    let other = {
        let gate = Arc::clone(&gate);
        thread::spawn(move || {
            if gate.balance.take(1).is_ok() {
                gate.touch();
                gate.give();
            }
        })
    };
    let mut task = Task::new(&gate);
    let polled = task.poll();
    if polled.is_ready() {
        gate.touch();
        gate.give();
        other.join().unwrap();
        return;
    }
    other.join().unwrap();
    assert!(task.end(polled));
    gate.touch();
    gate.give();
    assert!(gate.balance.take(1).is_ok(), "nothing is lost");
}

/// What is given back while somebody begins to wait.
fn given_while_one_begins_to_wait() {
    let gate = Gate::new(0);
    let other = {
        let gate = Arc::clone(&gate);
        thread::spawn(move || {
            gate.touch();
            gate.give();
        })
    };
    let mut task = Task::new(&gate);
    let polled = task.poll();
    other.join().unwrap();
    assert!(task.end(polled));
    gate.touch();
}

/// Of two who wait the first leaves while it is granted the permit.
fn left_while_granted() {
    let gate = Gate::new(0);
    let (mut first, mut second) = (Task::new(&gate), Task::new(&gate));
    let polled = (first.poll(), second.poll());
    assert_eq!(polled, (Poll::Pending, Poll::Pending));
    let other = {
        let gate = Arc::clone(&gate);
        thread::spawn(move || gate.give())
    };
    drop(first);
    other.join().unwrap();
    assert!(second.end(polled.1));
    gate.give();
    assert!(gate.balance.take(1).is_ok(), "nothing is lost");
}

/// It is closed while one begins to wait, and while the permit comes back.
fn closed_meanwhile() {
    let gate = Gate::new(0);
    let other = {
        let gate = Arc::clone(&gate);
        thread::spawn(move || gate.close())
    };
    let mut task = Task::new(&gate);
    let polled = task.poll();
    gate.give();
    other.join().unwrap();
    if task.end(polled) {
        gate.give();
    }
    assert_eq!(gate.balance.look().left, 1, "nothing is lost");
    assert_eq!(Task::new(&gate).poll(), Poll::Ready(false));
}

/// Nobody takes what another waits for.
fn nobody_overtakes() {
    let gate = Gate::new(0);
    let mut task = Task::new(&gate);
    let polled = task.poll();
    let other = {
        let gate = Arc::clone(&gate);
        thread::spawn(move || gate.balance.take(1).is_ok())
    };
    gate.give();
    let overtaken = other.join().unwrap();
    assert!(!overtaken);
    assert!(task.end(polled));
}

/// What was done before an amount of 0 is given is seen by who marks later, or the giver is told.
fn told_or_seen() {
    let gate = Gate::new(0);
    let word = Arc::new(AtomicUsize::new(0));
    let other = {
        let (gate, word) = (Arc::clone(&gate), Arc::clone(&word));
        thread::spawn(move || {
            word.store(1, Ordering::Relaxed);
            gate.balance.give(0)
        })
    };
    gate.balance.mark();
    let seen = word.load(Ordering::Relaxed) == 1;
    assert!(other.join().unwrap() || seen);
}

#[test]
fn a_permit_is_had_by_one() {
    explore_within(PREEMPTIONS, one_after_the_other);
}

#[test]
fn what_is_given_back_is_seen() {
    explore_within(PREEMPTIONS, given_while_one_begins_to_wait);
}

#[test]
fn a_grant_goes_on_when_its_owner_leaves() {
    explore_within(PREEMPTIONS, left_while_granted);
}

#[test]
fn a_closed_queue_is_left_by_all() {
    explore_within(PREEMPTIONS, closed_meanwhile);
}

#[test]
fn who_waits_is_not_overtaken() {
    explore_within(PREEMPTIONS, nobody_overtakes);
}

#[test]
fn who_gives_is_told_or_seen() {
    explore_within(PREEMPTIONS, told_or_seen);
}

#[test]
fn bugs_are_found() {
    finds("balance: taken relaxed", one_after_the_other);
    finds("balance: given relaxed", one_after_the_other);
    finds("balance: marked relaxed", told_or_seen);
    finds("balance: taken although somebody waits", nobody_overtakes);
    finds("wait: nobody is woken", left_while_granted);
    finds("wait: wakers are called under the lock", left_while_granted);
    finds(
        "wait: the waker comes too late",
        given_while_one_begins_to_wait,
    );
}
