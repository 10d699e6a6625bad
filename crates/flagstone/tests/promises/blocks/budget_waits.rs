//! Who waits is counted, for how long, and those are found who wait for each other.

use std::{future::ready, time::Duration};

use flagstone::blocks::{Budget, BudgetErrorKind};

use super::tasks::Task;

#[test]
fn every_wait_is_counted_once() {
    let budget = Budget::new(100).unwrap();
    let scope = budget.scope("scope").build().unwrap();
    let held = budget.try_reserve(100).unwrap();
    assert_eq!(budget.snapshot().wait_times.count(), 0);
    let granted = Task::waiting(budget.reserve(10));
    let scoped = Task::waiting(scope.reserve(10));
    let late = Task::new(budget.reserve_timeout(10, ready(())));
    let dropped = Task::waiting(budget.reserve(10));
    assert_eq!(late.ready().unwrap_err().kind(), BudgetErrorKind::TimedOut);
    drop(dropped);
    let seen = budget.snapshot();
    assert_eq!((seen.waits, seen.rejects, seen.abandoned), (3, 1, 1));
    assert_eq!(seen.wait_times.count(), 1, "the one whose time was over");
    drop(held);
    drop((granted.ready().unwrap(), scoped.ready().unwrap()));
    drop(Task::new(budget.reserve(10)).ready().unwrap());
    let seen = budget.snapshot();
    assert_eq!((seen.waits, seen.scopes[0].waits), (3, 1));
    assert_eq!(seen.wait_times.count(), 3);
    let hits = if cfg!(feature = "stats") { 2 } else { 0 };
    assert_eq!((seen.hits, seen.scopes[0].hits), (hits, 0));
    drop(budget.reserve_blocking_for(101, Duration::ZERO));
    assert_eq!(
        budget.snapshot().wait_times,
        seen.wait_times,
        "it did not wait"
    );
}

#[test]
fn tasks_that_wait_for_each_other_are_found() {
    let budget = Budget::new(100).unwrap();
    let tasks = [40, 60].map(|bytes| {
        let task = budget.task();
        task.try_charge(bytes).unwrap();
        task
    });
    let [small, large] = &tasks;
    let first = Task::waiting(small.charge(10));
    let seen = budget.snapshot();
    assert_eq!(
        (seen.held_waiting, seen.is_stuck()),
        (40, false),
        "the other one may release"
    );
    // A second charge of the same task does not count what it holds again.
    let again = Task::waiting(small.charge(10));
    let second = Task::waiting(large.charge(10));
    let seen = budget.snapshot();
    assert_eq!((seen.held_waiting, seen.is_stuck()), (100, true));
    let refused = budget.try_reserve(1).unwrap_err();
    assert_eq!(refused.held_waiting(), 100);
    assert!(refused.to_string().contains("100 are with those who wait"));
    // One gives up what it has: the others go on.
    drop(second);
    assert!(!budget.snapshot().is_stuck());
    assert!(large.refund(60));
    for task in [first, again] {
        task.ready().unwrap();
    }
    assert_eq!((budget.snapshot().held_waiting, small.charged()), (0, 60));
    drop(tasks);
    assert_eq!(budget.charged(), 0);
}

#[test]
fn a_holder_that_does_not_wait_is_no_deadlock() {
    let budget = Budget::new(100).unwrap();
    let [mine, other] = [50, 50].map(|bytes| budget.try_reserve(bytes).unwrap());
    let waiting = Task::waiting(budget.reserve(20).holding(mine.bytes()));
    assert!(!budget.snapshot().is_stuck());
    drop(other);
    // It has its answer, and the executor has not come to it.
    assert_eq!(
        (budget.snapshot().held_waiting, budget.snapshot().unclaimed),
        (0, 1)
    );
    drop(waiting.ready().unwrap());
    // In scopes it can be seen without a word who has something and waits.
    let [one, two] = ["one", "two"].map(|name| budget.scope(name).build().unwrap());
    let _held = [one.try_reserve(20).unwrap(), two.try_reserve(30).unwrap()];
    let _waiting = [Task::waiting(one.reserve(1)), Task::waiting(two.reserve(1))];
    let seen = budget.snapshot();
    let names: Vec<_> = seen
        .holding_and_waiting()
        .iter()
        .map(|it| &*it.name)
        .collect();
    assert_eq!(names, ["two", "one"]);
    drop(mine);
}
