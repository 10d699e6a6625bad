//! Nobody waits longer than the order says, and nobody is woken for nothing.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::Poll,
};

use flagstone::blocks::{
    Budget, BudgetConfig, BudgetErrorKind, Capacity, Order, Priority, Reserve,
};

use super::tasks::Task;

fn with_order(capacity: usize, order: Order) -> Budget {
    let config = BudgetConfig::new(Capacity::Bytes(capacity));
    config.order(order).build().unwrap()
}

#[test]
fn nobody_overtakes_in_the_order_of_arrival() {
    let budget = with_order(100, Order::Fifo);
    let held = budget.try_reserve(60).unwrap();
    let large = Task::waiting(budget.reserve(50));
    let small = Task::waiting(budget.reserve(1));
    assert_eq!(
        budget.try_reserve(1).unwrap_err().kind(),
        BudgetErrorKind::Queued
    );
    assert_eq!((large.wakes(), small.wakes()), (0, 0));
    drop(held);
    assert_eq!((large.wakes(), small.wakes()), (1, 1));
    drop((large.ready().unwrap(), small.ready().unwrap()));
    assert!(budget.try_reserve(100).is_ok(), "nobody waits any more");
}

#[test]
fn as_many_are_woken_as_fit() {
    let budget = Budget::new(100).unwrap();
    let mut held = budget.try_reserve(100).unwrap();
    let tasks: Vec<_> = (0..50).map(|_| Task::waiting(budget.reserve(10))).collect();
    for released in 1..=10 {
        assert!(held.shrink(10));
        let wakes: usize = tasks.iter().map(Task::wakes).sum();
        assert_eq!(wakes, released, "one for each release");
    }
    let first: Vec<_> = tasks.iter().map(Task::wakes).take(10).collect();
    assert_eq!(first, [1; 10], "in order");
    // What they had goes on to the next, as they do not take it.
    let later = tasks.into_iter().skip(10).collect::<Vec<_>>();
    assert_eq!(
        later.iter().map(Task::wakes).collect::<Vec<_>>(),
        [vec![1; 10], vec![0; 30]].concat()
    );
    // More at once than are woken in one go.
    budget.set_capacity(1000).unwrap();
    assert!(later.iter().all(|task| task.wakes() == 1));
    drop(later);
    assert_eq!((budget.charged(), budget.snapshot().waiting), (0, 0));
}

/// One that does not fit is passed as often as the order says, and then nothing is granted that could
/// delay it.
#[test]
fn who_waits_is_passed_a_number_of_times() {
    for most_passed in [0, 1, 5] {
        let budget = with_order(100, Order::Fair { most_passed });
        let held = budget.try_reserve(40).unwrap();
        // All of it: nothing fits beside.
        let large = Task::waiting(budget.reserve(100));
        let mut passed = 0;
        while let Ok(small) = budget.try_reserve(1) {
            drop(small);
            passed += 1;
        }
        assert_eq!(passed, most_passed);
        let behind = Task::waiting(budget.reserve(1));
        drop(held);
        assert_eq!((large.wakes(), behind.wakes()), (1, 0));
        drop(large.ready());
        assert!(behind.ready().is_ok());
    }
}

/// What fits beside the largest request may come and go for as long as it waits; what does not may not.
#[test]
fn what_fits_beside_is_in_nobodys_way() {
    let budget = with_order(100, Order::Fair { most_passed: 0 });
    let held = budget.try_reserve(50).unwrap();
    let large = Task::waiting(budget.reserve(90));
    let mut out = VecDeque::new();
    for _ in 0..100 {
        out.push_back(budget.try_reserve(5).unwrap());
        if out.len() == 2 {
            assert!(budget.try_reserve(1).is_err(), "10 of 100 are beside 90");
            assert!(Task::new(budget.reserve(1)).poll().is_pending());
            out.pop_front();
        }
    }
    assert_eq!((large.wakes(), budget.snapshot().beside), (0, 5));
    drop(held);
    assert_eq!(large.wakes(), 1, "although the small ones are still there");
    assert_eq!(large.ready().unwrap().bytes(), 90);
    drop(out);
    assert_eq!(budget.snapshot().beside, 0);
}

/// As many are granted at once as are woken in one go, and one stays: it is not forgotten.
#[test]
fn who_stays_is_found_later() {
    for small in 1..=20 {
        let budget = Budget::new(400).unwrap();
        let mut held = budget.try_reserve(400).unwrap();
        let large = Task::waiting(budget.reserve(380));
        let tasks: Vec<_> = (0..small)
            .map(|_| Task::waiting(budget.reserve(1)))
            .collect();
        assert!(held.shrink(small));
        assert!(tasks.iter().all(|task| task.wakes() == 1) && large.wakes() == 0);
        drop(held);
        assert_eq!(large.wakes(), 1, "{small} were woken before");
    }
}

/// Whoever merges what is granted beside others is not granted more of it for that.
#[test]
fn merged_reservations_delay_nobody() {
    let budget = Budget::new(100).unwrap();
    let mut held = budget.try_reserve(100).unwrap();
    let large = Task::waiting(budget.reserve(60));
    let mut behind = Vec::new();
    for step in 0.. {
        assert!(
            step < 16 + 6 + 2,
            "it is passed 16 times, and 6 steps free 60"
        );
        assert!(held.shrink(10));
        if large.wakes() > 0 {
            break;
        }
        let mut small = Task::new(budget.reserve(10));
        match small.poll() {
            Poll::Ready(more) => held.merge(more.unwrap()).unwrap(),
            Poll::Pending => behind.push(small),
        }
    }
    drop((large.ready().unwrap(), held, behind));
    let seen = budget.snapshot();
    assert_eq!((seen.charged, seen.beside, seen.waiting), (0, 0, 0));
}

#[test]
fn priorities_age() {
    let budget = with_order(100, Order::Fifo);
    let mut held = budget.try_reserve(100).unwrap();
    let low = Task::waiting(budget.reserve(100).priority(Priority::Low));
    let first = Task::waiting(budget.reserve(100));
    let high = Task::waiting(budget.reserve(100).priority(Priority::High));
    let mut next = |expected: Task<Reserve>| {
        assert!(held.shrink(100));
        held = expected.ready().unwrap();
    };
    next(high);
    next(first);
    next(low);
    // 63 later ones go before one of low priority, and no more.
    let low = Task::waiting(budget.reserve(100).priority(Priority::Low));
    let mut later: VecDeque<_> = (0..70)
        .map(|_| Task::waiting(budget.reserve(100)))
        .collect();
    for _ in 0..63 {
        let one = later.pop_front().unwrap();
        next(one);
    }
    next(low);
    later.clear();
}

/// 64 loops of small requests, and one that wants 95 of 100 again and again: time is counted in polls.
#[test]
fn a_giant_among_small_ones() {
    const LOOPS: usize = 64;
    const ROUNDS: usize = 4000;
    const CAPACITY: usize = 6400;
    const GIANT: usize = CAPACITY / 100 * 95;
    const SMALL: usize = CAPACITY / 100 * 5 / LOOPS;

    /// How much the loops did, and how long the giant waited at most.
    fn run(with_giant: bool) -> (usize, usize) {
        let budget = Budget::new(CAPACITY).unwrap();
        // A third has part of what the giant needs, and comes and goes slowly.
        let mut slow = Some(budget.try_reserve(GIANT / 2).unwrap());
        let done = Rc::new(Cell::new(0));
        let waited = Rc::new(RefCell::new(Vec::new()));
        let clock = Rc::new(Cell::new(0));
        let small = |budget: Budget, done: Rc<Cell<usize>>| async move {
            loop {
                let held = budget.reserve(SMALL).await.unwrap();
                super::tasks::yield_now().await;
                drop(held);
                done.set(done.get() + 1);
            }
        };
        let mut loops: Vec<_> = (0..LOOPS)
            .map(|_| Task::<_>::new(small(budget.clone(), Rc::clone(&done))))
            .collect();
        let mut giant = {
            let (budget, waited, clock) = (budget.clone(), Rc::clone(&waited), Rc::clone(&clock));
            Task::new(async move {
                loop {
                    let start = clock.get();
                    let held = budget.reserve(GIANT).await.unwrap();
                    waited.borrow_mut().push(clock.get() - start);
                    (0..10).for_each(drop);
                    super::tasks::yield_now().await;
                    drop(held);
                    super::tasks::yield_now().await;
                }
            })
        };
        for round in 0..ROUNDS {
            clock.set(round);
            if round % 100 == 0 {
                slow = None;
            }
            if with_giant {
                let _waiting = giant.poll();
            }
            loops
                .iter_mut()
                .for_each(|task| assert!(task.poll().is_pending()));
            if round % 100 == 50 {
                slow = budget.try_reserve(GIANT / 2).ok();
            }
        }
        drop(slow);
        let longest = waited.borrow().iter().copied().max().unwrap_or(0);
        assert!(
            !with_giant || waited.borrow().len() > ROUNDS / 10,
            "it is granted again and again"
        );
        (done.get(), longest)
    }

    let (alone, _) = run(false);
    let (beside, longest) = run(true);
    assert!(beside * 10 >= alone * 8, "{beside} of {alone}");
    // What was out when it asked is back after 50 rounds.
    assert!(longest <= 51, "{longest} rounds");
}
