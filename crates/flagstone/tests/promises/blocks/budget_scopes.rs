//! A tenant has its guarantee, keeps to its limit, and takes no more than its share.

use std::collections::VecDeque;

use flagstone::blocks::{Budget, BudgetErrorKind};

use super::tasks::{
    Executor, Job, OneThread, PollsAlways, Task, ThreadEach, TwoThreads, yield_now,
};

#[test]
fn a_guarantee_is_there_whoever_has_what() {
    let budget = Budget::new(100).unwrap();
    let tenant = budget
        .scope("tenant")
        .guarantee(30)
        .limit(50)
        .build()
        .unwrap();
    assert_eq!((budget.available(), budget.charged()), (70, 0));
    let others = budget.try_reserve(70).unwrap();
    let waiting = Task::waiting(budget.reserve(1));
    let mine = tenant.try_reserve(30).unwrap();
    assert_eq!(
        tenant.try_reserve(1).unwrap_err().kind(),
        BudgetErrorKind::Exhausted
    );
    assert_eq!((budget.charged(), tenant.charged()), (100, 30));
    drop(others);
    let waited = waiting.ready().unwrap();
    let borrowed = tenant.try_reserve(20).unwrap();
    assert_eq!(
        tenant.try_reserve(1).unwrap_err().kind(),
        BudgetErrorKind::ScopeLimit
    );
    assert_eq!(budget.available(), 49);
    // What was borrowed is given back first.
    drop(mine);
    assert_eq!(budget.available(), 69, "20 are left, and guaranteed");
    drop((borrowed, waited));
    assert_eq!(budget.available(), 70);
}

#[test]
fn guarantees_are_there_or_refused() {
    let budget = Budget::new(100).unwrap();
    let _one = budget.scope("one").guarantee(60).build().unwrap();
    let refused = budget.scope("two").guarantee(41).build().unwrap_err();
    assert_eq!(refused.knob(), Some("guarantee"));
    let refused = budget
        .scope("three")
        .guarantee(10)
        .limit(9)
        .build()
        .unwrap_err();
    assert_eq!(refused.knob(), Some("limit"));
    assert_eq!(
        budget.scope("four").weight(0).build().unwrap_err().knob(),
        Some("weight")
    );
    assert_eq!(
        (budget.available(), budget.snapshot().scopes.len()),
        (40, 1)
    );
}

#[test]
fn a_scope_that_ends_gives_its_guarantee_back() {
    let budget = Budget::new(100).unwrap();
    let tenant = budget.scope("tenant").guarantee(60).build().unwrap();
    let held = tenant.clone().try_reserve(10).unwrap();
    drop(tenant);
    assert_eq!(
        (budget.available(), budget.snapshot().scopes.len()),
        (40, 1),
        "charged still"
    );
    assert!(budget.try_reserve(41).is_err());
    drop(held);
    assert_eq!(
        (budget.available(), budget.snapshot().scopes.len()),
        (100, 0)
    );
    // Its number serves the next one, without what was counted before.
    let next = budget.scope("next").build().unwrap();
    let _held = next.try_reserve(1).unwrap();
    let seen = budget.snapshot();
    assert_eq!(seen.scopes.len(), 1);
    assert_eq!((&*seen.scopes[0].name, seen.scopes[0].hits), ("next", 1));
}

#[test]
fn a_limit_blocks_its_scope_alone() {
    let budget = Budget::new(100).unwrap();
    let tenant = budget.scope("tenant").limit(10).build().unwrap();
    let held = tenant.try_reserve(10).unwrap();
    let waiting = Task::waiting(tenant.reserve(5));
    for _ in 0..100 {
        drop(budget.try_reserve(90).unwrap());
        drop(Task::new(budget.reserve(90)).ready().unwrap());
    }
    assert_eq!(waiting.wakes(), 0);
    drop(held);
    assert_eq!(waiting.wakes(), 1);
    drop(waiting.ready().unwrap());
    let seen = budget.snapshot();
    let scope = &seen.scopes[0];
    assert_eq!((scope.hits, scope.waits, scope.rejects), (1, 1, 0));
    assert!(tenant.try_reserve(11).is_err());
    assert_eq!(budget.snapshot().scopes[0].rejects, 1);
}

/// Everybody waits for what all share: it is divided by weight.
#[test]
fn what_is_shared_is_divided_by_weight() {
    let budget = Budget::new(90).unwrap();
    let heavy = budget.scope("heavy").weight(2).build().unwrap();
    let light = budget.scope("light").weight(1).build().unwrap();
    let mut all = budget.try_reserve(90).unwrap();
    let mut tasks = Vec::new();
    // The light one comes first, and wants as much.
    for scope in [&light, &heavy] {
        tasks.extend((0..9).map(|_| Task::waiting(scope.reserve(10))));
    }
    for _ in 0..9 {
        assert!(all.shrink(10));
    }
    assert_eq!((heavy.charged(), light.charged()), (60, 30));
    tasks.clear();
    assert_eq!(budget.charged(), 0);
}

/// The share decides who is next, but not for ever.
#[test]
fn a_scope_with_more_than_its_share_is_passed_a_number_of_times() {
    let budget = Budget::new(100).unwrap();
    let large = budget.scope("large").build().unwrap();
    let _held = large.try_reserve(60).unwrap();
    let mut held = budget.try_reserve(40).unwrap();
    let more = Task::waiting(large.reserve(40));
    let mut others = VecDeque::new();
    for passed in 0.. {
        assert!(passed <= 16, "it is passed 16 times");
        // Others, who have less than their share at any time, always want all of the rest.
        others.push_back(Task::waiting(budget.reserve(40)));
        drop(held);
        if more.wakes() == 1 {
            break;
        }
        held = others.pop_front().unwrap().ready().unwrap();
    }
    drop(more.ready().unwrap());
    others.clear();
    assert_eq!(budget.charged(), 60);
}

#[test]
fn a_task_is_refunded_as_a_whole() {
    let budget = Budget::new(100).unwrap();
    let tenant = budget.scope("tenant").limit(50).build().unwrap();
    let task = tenant.task();
    let mut job = Task::new(async {
        task.charge(30).await.unwrap();
        task.charge(20).await.unwrap();
        task.charge(1).await.unwrap();
        unreachable!("the scope has its limit");
    });
    assert!(job.poll().is_pending());
    assert_eq!((tenant.charged(), task.charged()), (50, 50));
    drop(job);
    let other = budget.try_reserve(5).unwrap();
    let other = task.adopt(other).unwrap_err();
    assert!(task.refund(10) && !task.refund(41));
    task.adopt(tenant.try_reserve(3).unwrap()).unwrap();
    assert_eq!(tenant.charged(), 43);
    drop(task);
    assert_eq!((tenant.charged(), budget.charged()), (0, 5));
    drop(other);
}

/// Two roles that need both of two scopes, and more of them than fit at once.
#[test]
fn two_roles_do_not_wait_for_each_other() {
    fn run<E: Executor>() {
        let budget = Budget::new(1000).unwrap();
        let receive = budget.scope("receive").limit(10).build().unwrap();
        let send = budget.scope("send").limit(10).build().unwrap();
        let jobs = (0..8).map(|number| {
            let (budget, receive, send) = (budget.clone(), receive.clone(), send.clone());
            let job: Job = Box::pin(async move {
                for _ in 0..10 {
                    let parts = if number % 2 == 0 {
                        [(&receive, 6), (&send, 5)]
                    } else {
                        [(&send, 6), (&receive, 5)]
                    };
                    let both = budget.reserve_many(parts).await.unwrap();
                    assert_eq!(both.each_ref().map(|part| part.bytes()), [6, 5]);
                    yield_now().await;
                }
            });
            job
        });
        E::run(jobs.collect());
        assert_eq!((budget.charged(), budget.snapshot().waiting), (0, 0));
    }
    run::<OneThread>();
    run::<TwoThreads>();
    run::<ThreadEach>();
    run::<PollsAlways>();
}
