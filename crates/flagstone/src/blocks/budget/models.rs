//! What threads do to a budget at once, in every interleaving within the stated bounds; and the same with
//! a bug planted, which the models must find.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p flagstone --lib budget
//! ```

extern crate std;

use alloc::{boxed::Box, sync::Arc};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::task::Wake;

use super::{Budget, BudgetConfig, BudgetErrorKind, Capacity, Order, Reservation, Reserve};
use crate::sync::{
    atomic::{AtomicUsize, Ordering},
    model::{explore_within, finds, thread},
};

/// Every execution with at most so many switches of a thread that could have gone on.
const PREEMPTIONS: usize = 2;

type Answer = Result<Reservation, BudgetErrorKind>;

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Task {
    future: Pin<Box<Reserve>>,
    woken: Arc<Woken>,
}

impl Task {
    fn new(future: Reserve) -> Self {
        Self {
            future: Box::pin(future),
            woken: Arc::new(Woken(AtomicUsize::new(0))),
        }
    }

    fn poll(&mut self) -> Poll<Answer> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        polled.map(|answer| answer.map_err(|error| error.kind()))
    }

    /// What comes of it, when all others are done.
    fn end(mut self, before: Poll<Answer>) -> Answer {
        match before {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                assert_eq!(self.woken.0.load(Ordering::Relaxed), 1, "woken once");
                match self.poll() {
                    Poll::Ready(answer) => answer,
                    Poll::Pending => panic!("woken for nothing"),
                }
            }
        }
    }
}

fn fifo() -> Budget {
    let config = BudgetConfig::new(Capacity::Bytes(2));
    config.order(Order::Fifo).build().unwrap()
}

fn assert_whole(budget: &Budget) {
    assert_eq!(
        (budget.charged(), budget.available()),
        (0, 2),
        "nothing is lost"
    );
}

fn released_while_one_begins_to_wait() {
    let budget = fifo();
    let held = budget.try_reserve(2).unwrap();
    let other = thread::spawn(move || drop(held));
    let mut task = Task::new(budget.reserve(1));
    let polled = task.poll();
    other.join().unwrap();
    drop(task.end(polled).unwrap());
    assert_whole(&budget);
}

/// One that wants less than who waits already: what was too little for that one is enough.
fn released_while_a_smaller_one_begins_to_wait() {
    let budget = BudgetConfig::new(Capacity::Bytes(3));
    let budget = budget
        .order(Order::Fair { most_passed: 9 })
        .build()
        .unwrap();
    let rest = budget.try_reserve(2).unwrap();
    let held = budget.try_reserve(1).unwrap();
    let mut large = Task::new(budget.reserve(3));
    assert!(large.poll().is_pending());
    let other = thread::spawn(move || drop(held));
    let mut small = Task::new(budget.reserve(1));
    let polled = small.poll();
    other.join().unwrap();
    drop(small.end(polled).unwrap());
    drop((large, rest));
    assert_eq!((budget.charged(), budget.available()), (0, 3));
}

fn left_while_granted() {
    let budget = fifo();
    let held = budget.try_reserve(2).unwrap();
    let (mut first, mut second) = (Task::new(budget.reserve(2)), Task::new(budget.reserve(1)));
    let polled = (first.poll(), second.poll());
    assert!(polled.0.is_pending() && polled.1.is_pending());
    let other = thread::spawn(move || drop(held));
    drop(first);
    other.join().unwrap();
    drop(second.end(polled.1).unwrap());
    assert_whole(&budget);
}

fn closed_meanwhile() {
    let budget = fifo();
    let held = budget.try_reserve(2).unwrap();
    let other = {
        let budget = budget.clone();
        thread::spawn(move || budget.close())
    };
    let mut task = Task::new(budget.reserve(1));
    let polled = task.poll();
    other.join().unwrap();
    assert_eq!(task.end(polled).unwrap_err(), BudgetErrorKind::Closed);
    drop(held);
    assert_whole(&budget);
}

fn nobody_overtakes() {
    let budget = fifo();
    let held = budget.try_reserve(1).unwrap();
    let mut task = Task::new(budget.reserve(2));
    let polled = task.poll();
    let other = {
        let budget = budget.clone();
        thread::spawn(move || budget.try_reserve(1).is_ok())
    };
    drop(held);
    assert!(!other.join().unwrap());
    drop(task.end(polled).unwrap());
    assert_whole(&budget);
}

fn released_within_a_guarantee() {
    let budget = fifo();
    let scope = budget.scope("scope").guarantee(1).limit(1).build().unwrap();
    let held = scope.try_reserve(1).unwrap();
    let other = thread::spawn(move || drop(held));
    let mut task = Task::new(scope.reserve(1));
    let polled = task.poll();
    other.join().unwrap();
    drop(task.end(polled).unwrap());
    assert_eq!(scope.charged(), 0);
}

/// The last reservation of a scope is dropped while the scope is.
fn a_scope_ends_once() {
    let budget = fifo();
    let scope = budget.scope("scope").guarantee(1).build().unwrap();
    let held = scope.try_reserve(2).unwrap();
    let other = thread::spawn(move || drop(held));
    drop(scope);
    other.join().unwrap();
    assert_whole(&budget);
    assert!(budget.snapshot().scopes.is_empty());
}

/// Two charge a scope at once, within its guarantee and above.
fn two_charge_a_scope() {
    let budget = fifo();
    let scope = budget.scope("scope").guarantee(1).build().unwrap();
    let other = {
        let scope = scope.clone();
        thread::spawn(move || scope.try_reserve(1).unwrap())
    };
    let mine = scope.try_reserve(1).unwrap();
    let theirs = other.join().unwrap();
    assert_eq!((budget.available(), scope.charged()), (0, 2));
    drop((mine, theirs));
    assert_eq!((budget.available(), scope.charged()), (1, 0));
}

#[test]
fn a_release_is_seen_by_who_begins_to_wait() {
    explore_within(PREEMPTIONS, released_while_one_begins_to_wait);
}

#[test]
fn a_release_is_seen_by_a_smaller_one() {
    explore_within(PREEMPTIONS, released_while_a_smaller_one_begins_to_wait);
}

#[test]
fn a_grant_goes_on_when_its_owner_leaves() {
    explore_within(PREEMPTIONS, left_while_granted);
}

#[test]
fn a_closed_budget_leaves_nobody_behind() {
    explore_within(PREEMPTIONS, closed_meanwhile);
}

#[test]
fn who_waits_is_not_overtaken() {
    explore_within(PREEMPTIONS, nobody_overtakes);
}

#[test]
fn a_release_within_a_guarantee_is_seen() {
    explore_within(PREEMPTIONS, released_within_a_guarantee);
}

#[test]
fn a_scope_ends_with_its_last_reservation() {
    explore_within(PREEMPTIONS, a_scope_ends_once);
}

#[test]
fn charges_of_a_scope_add_up() {
    explore_within(PREEMPTIONS, two_charge_a_scope);
}

#[test]
fn bugs_are_found() {
    finds(
        "budget: marked after the last look",
        released_while_one_begins_to_wait,
    );
    finds(
        "budget: releases look for nobody",
        released_while_one_begins_to_wait,
    );
    finds(
        "budget: who leaves takes its grant along",
        left_while_granted,
    );
    finds(
        "budget: who joins does not see that it is closed",
        closed_meanwhile,
    );
    finds(
        "budget: the least is not forgotten",
        released_while_a_smaller_one_begins_to_wait,
    );
    finds("budget: nobody is asked who waits", nobody_overtakes);
    finds(
        "budget: a guarantee is released silently",
        released_within_a_guarantee,
    );
}
