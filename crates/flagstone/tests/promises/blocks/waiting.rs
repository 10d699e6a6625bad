//! A future may be dropped at any time, waiting allocates nothing, and any executor will do.

use std::{
    cell::Cell,
    future::{Future, pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use flagstone::blocks::{
    Budget, BudgetConfig, BudgetErrorKind, Capacity, Order, Reservation, Reserve, ReserveMany,
    Scope,
};
use flagstone_testkit::heap_watch;
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::tasks::{
    Executor, Job, OneThread, PollsAlways, Task, ThreadEach, TwoThreads, yield_now,
};

assert_impl_all!(Budget: Send, Sync, Clone, Unpin);
assert_impl_all!(Reservation: Send, Sync, Unpin);
assert_impl_all!(Scope: Send, Sync, Clone);
assert_impl_all!(Reserve: Send, Sync);
assert_impl_all!(ReserveMany<2>: Send, Sync);
// It is linked into a queue where it lies.
assert_not_impl_any!(Reserve: Unpin);

/// Several futures on a budget that is short, with and without scopes; each is dropped after every
/// number of polls that it may have had.
#[test]
fn dropped_at_every_poll() {
    for dropped_at in 0..8 {
        for victim in 0..4 {
            let budget = Budget::new(100).unwrap();
            let scope = budget
                .scope("scope")
                .guarantee(10)
                .limit(60)
                .build()
                .unwrap();
            let mut held = budget.try_reserve(80).unwrap();
            let mut tasks: Vec<_> = (0..4)
                .map(|number| {
                    let (budget, scope) = (budget.clone(), scope.clone());
                    let job: Job = Box::pin(async move {
                        let first = if number % 2 == 0 {
                            budget.reserve(40).await.unwrap()
                        } else {
                            scope.reserve(40).await.unwrap()
                        };
                        yield_now().await;
                        let both = budget
                            .reserve_many([(&scope, 10), (&scope, 5)])
                            .await
                            .unwrap();
                        yield_now().await;
                        drop((first, both));
                    });
                    Some(Task::new(job))
                })
                .collect();
            for step in 0..40 {
                if step == dropped_at {
                    tasks[victim] = None;
                }
                if step == 2 {
                    assert!(held.shrink(80));
                }
                for task in &mut tasks {
                    if task.as_mut().is_some_and(|task| task.poll().is_ready()) {
                        *task = None;
                    }
                }
            }
            assert!(
                tasks.iter().all(Option::is_none),
                "{dropped_at}, {victim}: nobody waits for ever"
            );
            let seen = budget.snapshot();
            assert_eq!(
                (seen.charged, seen.waiting, seen.unclaimed, seen.beside),
                (0, 0, 0, 0)
            );
            assert_eq!((seen.wanted, seen.available), (0, 90));
        }
    }
}

#[test]
fn a_grant_that_nobody_takes_goes_on() {
    let budget = Budget::new(100).unwrap();
    let held = budget.try_reserve(100).unwrap();
    let first = Task::waiting(budget.reserve(60));
    let second = Task::waiting(budget.reserve(60));
    drop(held);
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    drop(first);
    assert_eq!(second.wakes(), 1);
    drop(second.ready());
    // And who leaves before it was granted anything is not in the way.
    let fifo = BudgetConfig::new(Capacity::Bytes(100)).order(Order::Fifo);
    let budget = fifo.build().unwrap();
    let held = budget.try_reserve(50).unwrap();
    let first = Task::waiting(budget.reserve(100));
    let second = Task::waiting(budget.reserve(30));
    let third = Task::waiting(budget.reserve(20));
    drop(first);
    assert_eq!((second.wakes(), third.wakes()), (1, 1));
    drop((held, second, third));
    assert_eq!((budget.charged(), budget.snapshot().waiting), (0, 0));
}

#[test]
fn an_executor_that_stops_is_seen() {
    let budget = Budget::new(100).unwrap();
    let held = budget.try_reserve(100).unwrap();
    let stuck = Task::waiting(budget.reserve(60));
    let other = Task::waiting(budget.reserve(40));
    drop(held);
    // It has what it asked for and is never polled; the others go on.
    drop(other.ready().unwrap());
    for _ in 0..10 {
        drop(budget.try_reserve(40).unwrap());
    }
    let seen = budget.snapshot();
    assert_eq!((seen.unclaimed, seen.charged, seen.waiting), (1, 60, 0));
    drop(stuck);
    assert_eq!((budget.snapshot().unclaimed, budget.charged()), (0, 0));
}

#[test]
fn waiting_allocates_nothing() {
    assert!(heap_watch::is_installed());
    let budget = Budget::new(100).unwrap();
    let scope = budget.scope("scope").limit(50).build().unwrap();
    // A thread allocates its name once, a lock its place to park.
    let rounds = |count: usize| {
        for _ in 0..count {
            let held = budget.try_reserve(90).unwrap();
            let mut context = Context::from_waker(Waker::noop());
            let mut one = pin!(budget.reserve(50));
            let mut two = pin!(scope.reserve(40));
            let mut many = pin!(budget.reserve_many([(&scope, 10)]));
            assert!(one.as_mut().poll(&mut context).is_pending());
            assert!(two.as_mut().poll(&mut context).is_pending());
            let _many = many.as_mut().poll(&mut context);
            drop(held);
            assert!(one.as_mut().poll(&mut context).is_ready());
            assert!(two.as_mut().poll(&mut context).is_ready());
        }
    };
    rounds(2);
    assert_eq!(heap_watch::calls_during(|| rounds(10)), 0);
    assert_eq!(budget.charged(), 0);
}

/// A waker that does what it likes with the budget, while it is called.
#[test]
fn a_waker_may_use_the_budget() {
    struct Meddler(Budget, Mutex<Option<Reservation>>);
    impl Wake for Meddler {
        fn wake(self: Arc<Self>) {
            let mut kept = self.1.lock().unwrap();
            assert_eq!(self.0.snapshot().waiting, 0);
            *kept = self.0.try_reserve(10).ok();
            self.0.set_capacity(200).unwrap();
            let inner = Task::waiting(self.0.reserve(190));
            drop(inner);
        }
    }
    let budget = Budget::new(100).unwrap();
    let held = budget.try_reserve(100).unwrap();
    let meddler = Arc::new(Meddler(budget.clone(), Mutex::new(None)));
    let waker = Waker::from(Arc::clone(&meddler));
    let mut future = pin!(budget.reserve(50));
    assert!(
        future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(held);
    let Poll::Ready(Ok(granted)) = future.poll(&mut Context::from_waker(&waker)) else {
        panic!("it was granted");
    };
    drop(granted);
    *meddler.1.lock().unwrap() = None;
    assert_eq!((budget.charged(), budget.capacity()), (0, 200));
}

#[test]
fn a_waker_that_panics_loses_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a planned panic");
        }
    }
    let budget = Budget::new(100).unwrap();
    let held = budget.try_reserve(100).unwrap();
    let waker = Waker::from(Arc::new(Panics));
    let mut first = pin!(budget.reserve(10));
    assert!(
        first
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let rest: Vec<_> = (0..40).map(|_| Task::waiting(budget.reserve(2))).collect();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(held))).is_err());
    let Poll::Ready(Ok(_first)) = first.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it was granted");
    };
    for task in rest {
        assert_eq!(task.wakes(), 1);
        assert_eq!(task.ready().unwrap().bytes(), 2);
    }
}

#[test]
fn a_future_moves_from_task_to_task() {
    let budget = Budget::new(10).unwrap();
    let held = budget.try_reserve(10).unwrap();
    let mut task = Task::waiting(budget.reserve(10));
    // Another waker each time: the last one counts.
    struct Loud(mpsc::Sender<usize>, usize);
    impl Wake for Loud {
        fn wake(self: Arc<Self>) {
            self.0.send(self.1).unwrap();
        }
    }
    let (sender, woken) = mpsc::channel();
    let mut future = pin!(budget.reserve(10));
    for number in 0..3 {
        let waker = Waker::from(Arc::new(Loud(sender.clone(), number)));
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    assert!(task.poll().is_pending());
    drop(held);
    assert_eq!(task.wakes(), 1);
    drop(task.ready());
    assert_eq!(woken.try_iter().collect::<Vec<_>>(), [2]);
}

#[test]
fn a_timer_ends_the_wait() {
    let budget = Budget::new(10).unwrap();
    let at_once = Task::new(budget.reserve_timeout(10, pending::<()>())).ready();
    let held = at_once.unwrap();
    let late = Task::new(budget.reserve_timeout(10, ready(7))).ready();
    assert_eq!(late.unwrap_err().kind(), BudgetErrorKind::TimedOut);
    assert_eq!(budget.snapshot().waiting, 0);
    // Granted before the timer, polled after it: not lost.
    let over = Cell::new(false);
    let timer = std::future::poll_fn(|_| {
        if over.get() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    let task = Task::waiting(budget.reserve_timeout(10, timer));
    drop(held);
    over.set(true);
    assert_eq!(task.ready().unwrap().bytes(), 10);
    assert_eq!(budget.charged(), 0);
}

#[test]
fn threads_wait_without_an_executor() {
    let budget = Budget::new(10).unwrap();
    let held = budget.try_reserve(10).unwrap();
    let late = budget.reserve_blocking_for(1, Duration::ZERO);
    assert_eq!(late.unwrap_err().kind(), BudgetErrorKind::TimedOut);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| budget.reserve_blocking(10).map(drop));
        let closed = scope.spawn(|| {
            while budget.snapshot().waiting == 0 {
                thread::yield_now();
            }
            drop(held);
        });
        closed.join().unwrap();
        assert!(waiting.join().unwrap().is_ok());
        let held = budget.try_reserve(10).unwrap();
        let waiting = scope.spawn(|| budget.reserve_blocking(10));
        while budget.snapshot().waiting == 0 {
            thread::yield_now();
        }
        budget.close();
        assert_eq!(
            waiting.join().unwrap().unwrap_err().kind(),
            BudgetErrorKind::Closed
        );
        drop(held);
    });
    assert_eq!(budget.charged(), 0);
}

#[test]
#[should_panic(expected = "after it was ready")]
fn a_future_is_ready_once() {
    let budget = Budget::new(10).unwrap();
    let mut task = Task::new(budget.reserve(1));
    let _first = task.poll();
    let _second = task.poll();
}

/// More is wanted than there is, on every kind of executor: all jobs end.
#[test]
fn any_executor_will_do() {
    fn run<E: Executor>() {
        let budget = Budget::new(100).unwrap();
        let scope = budget
            .scope("scope")
            .guarantee(10)
            .limit(60)
            .weight(3)
            .build()
            .unwrap();
        let rounds = if cfg!(miri) { 3 } else { 50 };
        let jobs = (0..12).map(|number| {
            let (budget, scope) = (budget.clone(), scope.clone());
            let job: Job = Box::pin(async move {
                for round in 0..rounds {
                    let bytes = 1 + (number * 17 + round * 5) % 59;
                    let held = match number % 3 {
                        0 => budget.reserve(bytes).await,
                        1 => scope.reserve(bytes).await,
                        _ => budget.reserve_timeout(bytes, pending::<()>()).await,
                    };
                    assert_eq!(held.unwrap().bytes(), bytes);
                    yield_now().await;
                }
            });
            job
        });
        E::run(jobs.collect());
        let seen = budget.snapshot();
        assert_eq!((seen.charged, seen.waiting, seen.unclaimed), (0, 0, 0));
    }
    run::<OneThread>();
    run::<TwoThreads>();
    run::<ThreadEach>();
    run::<PollsAlways>();
}
