//! What is granted is what was asked for, all of the capacity can be, and every byte comes back.

use std::{mem, thread};

use flagstone::blocks::{Budget, BudgetConfig, BudgetErrorKind, Capacity, Order};

use super::tasks::Task;

#[test]
fn all_of_it_can_be_charged() {
    for capacity in [0, 1, 7, 4096, 1 << 40] {
        let budget = Budget::new(capacity).unwrap();
        let all = budget.try_reserve(capacity).unwrap();
        assert_eq!((all.bytes(), budget.charged()), (capacity, capacity));
        assert_eq!(budget.available(), 0);
        assert!(budget.try_reserve(1).is_err());
        let nothing = budget.try_reserve(0).unwrap();
        drop(all);
        assert_eq!((budget.charged(), nothing.bytes()), (0, 0));
    }
}

#[test]
fn what_can_never_be_had_is_refused_at_once() {
    let budget = Budget::new(1000).unwrap();
    let scope = budget.scope("small").limit(10).build().unwrap();
    let guaranteed = budget.scope("set aside").guarantee(100).build().unwrap();
    for (refused, most) in [
        (Task::new(budget.reserve(901)).ready().unwrap_err(), 900),
        (budget.try_reserve(usize::MAX).unwrap_err(), 900),
        (budget.reserve_blocking(1001).unwrap_err(), 900),
        (Task::new(scope.reserve(11)).ready().unwrap_err(), 10),
        (
            Task::new(guaranteed.reserve(1001)).ready().unwrap_err(),
            1000,
        ),
    ] {
        assert_eq!(refused.kind(), BudgetErrorKind::TooLarge);
        assert_eq!(refused.most(), most);
    }
    let two = budget.reserve_many([(&scope, 10), (&scope, 1)]);
    let refused = Task::new(two).ready().unwrap_err();
    assert_eq!(refused.kind(), BudgetErrorKind::TooLarge);
    assert_eq!(budget.charged(), 0);
    // What is exactly there is granted.
    drop(Task::new(budget.reserve(900)).ready().unwrap());
    assert!(Task::new(guaranteed.reserve(1000)).ready().is_ok());
}

#[test]
fn refusals_say_why() {
    let budget = Budget::new(1000).unwrap();
    let tenant = budget.scope("tenant").limit(500).build().unwrap();
    let _tenants = tenant.try_reserve(500).unwrap();
    let _others = budget.try_reserve(450).unwrap();
    let refused = budget.try_reserve(100).unwrap_err();
    assert_eq!(refused.kind(), BudgetErrorKind::Exhausted);
    assert_eq!((refused.requested(), refused.available()), (100, 50));
    assert_eq!((refused.most(), refused.queued()), (1000, 0));
    let holders: Vec<_> = refused
        .holders()
        .map(|it| (it.scope(), it.bytes()))
        .collect();
    assert_eq!(holders, [(Some("tenant"), 500), (None, 450)]);
    let refused = tenant.try_reserve(1).unwrap_err();
    assert_eq!(refused.kind(), BudgetErrorKind::ScopeLimit);
    let text = budget.try_reserve(60).unwrap_err().to_string();
    for word in ["60", "50", "tenant", "500", "450"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn parts_and_sums_of_reservations() {
    let budget = Budget::new(100).unwrap();
    let mut one = budget.try_reserve(60).unwrap();
    assert!(one.split(61).is_none());
    let two = one.split(20).unwrap();
    assert_eq!((one.bytes(), two.bytes(), budget.charged()), (40, 20, 60));
    one.merge(two).unwrap();
    assert!(one.shrink(10) && !one.shrink(51));
    assert_eq!((one.bytes(), budget.charged()), (50, 50));
    let other = Budget::new(100).unwrap();
    let foreign = other.try_reserve(5).unwrap();
    let foreign = one.merge(foreign).unwrap_err();
    let scope = budget.scope("scope").build().unwrap();
    let scoped = one.merge(scope.try_reserve(5).unwrap()).unwrap_err();
    drop((one, scoped, foreign));
    assert_eq!((budget.charged(), other.charged()), (0, 0));
}

#[test]
fn a_reservation_outlives_its_budget() {
    let reservation = {
        let budget = Budget::new(100).unwrap();
        budget
            .scope("gone")
            .build()
            .unwrap()
            .try_reserve(10)
            .unwrap()
    };
    thread::spawn(move || drop(reservation)).join().unwrap();
}

#[test]
#[cfg_attr(flagstone_asan, ignore = "leaks on purpose")]
fn what_is_forgotten_stays_charged() {
    let budget = Budget::new(100).unwrap();
    mem::forget(budget.try_reserve(10).unwrap());
    assert_eq!(budget.snapshot().charged, 10);
}

#[test]
fn force_goes_into_debt_and_is_counted() {
    let budget = Budget::new(100).unwrap();
    let there = budget.force(100).unwrap();
    assert_eq!(budget.snapshot().forced, 0, "it was there");
    let more = budget.force(50).unwrap();
    let seen = budget.snapshot();
    assert_eq!((seen.charged, seen.debt, seen.forced), (150, 50, 1));
    assert_eq!((seen.available, budget.try_reserve(1).is_err()), (0, true));
    drop(there);
    assert_eq!(budget.available(), 50);
    budget.close();
    assert!(budget.force(10).is_ok(), "what must go on goes on");
    drop(more);
    assert_eq!(budget.charged(), 0);
}

#[test]
fn sums_do_not_wrap() {
    let most = 1 << 60;
    assert_eq!(Budget::new(most + 1).unwrap_err().knob(), Some("capacity"));
    let budget = Budget::new(most).unwrap();
    let all = budget.try_reserve(most).unwrap();
    let debt = budget.force(most).unwrap();
    assert_eq!(budget.charged(), 2 * most);
    assert_eq!(
        budget.force(1).unwrap_err().kind(),
        BudgetErrorKind::TooLarge
    );
    assert_eq!(
        budget.force(usize::MAX).unwrap_err().kind(),
        BudgetErrorKind::TooLarge
    );
    drop((all, debt));
    assert_eq!((budget.charged(), budget.available()), (0, most));
    let one = budget.scope("one").build().unwrap();
    let two = budget.scope("two").build().unwrap();
    let sum = budget.reserve_many([(&one, usize::MAX), (&two, usize::MAX)]);
    assert_eq!(
        Task::new(sum).ready().unwrap_err().kind(),
        BudgetErrorKind::TooLarge
    );
}

#[test]
fn a_capacity_that_changes() {
    let budget = Budget::new(100).unwrap();
    let held = budget.try_reserve(80).unwrap();
    budget.set_capacity(50).unwrap();
    assert_eq!((budget.snapshot().debt, budget.available()), (30, 0));
    let waiting = Task::waiting(budget.reserve(20));
    budget.set_capacity(100).unwrap();
    assert_eq!(waiting.wakes(), 1, "there is room now");
    let granted = waiting.ready().unwrap();
    budget.set_capacity(0).unwrap();
    drop((held, granted));
    assert_eq!((budget.charged(), budget.snapshot().debt), (0, 0));
    assert!(budget.set_capacity((1 << 60) + 1).is_err());
    let _set_aside = {
        budget.set_capacity(10).unwrap();
        budget.scope("scope").guarantee(10).build().unwrap()
    };
    assert_eq!(budget.set_capacity(9).unwrap_err().knob(), Some("capacity"));
}

#[test]
fn a_budget_that_shrinks_sends_away_who_waits_in_vain() {
    let budget = Budget::new(100).unwrap();
    let held = budget.try_reserve(100).unwrap();
    let large = Task::waiting(budget.reserve(60));
    let small = Task::waiting(budget.reserve(50));
    budget.set_capacity(50).unwrap();
    assert_eq!((large.wakes(), small.wakes()), (1, 0));
    assert_eq!(large.ready().unwrap_err().kind(), BudgetErrorKind::TooLarge);
    drop(held);
    assert!(small.ready().is_ok());
    // The same when a scope sets aside what others wait for.
    let held = budget.try_reserve(30).unwrap();
    let large = Task::waiting(budget.reserve(50));
    let _scope = budget.scope("scope").guarantee(20).build().unwrap();
    assert_eq!(large.ready().unwrap_err().kind(), BudgetErrorKind::TooLarge);
    drop(held);
}

#[test]
fn a_closed_budget_says_so() {
    let budget = Budget::new(100).unwrap();
    let held = budget.try_reserve(60).unwrap();
    let waiting: Vec<_> = (0..40).map(|_| Task::waiting(budget.reserve(50))).collect();
    budget.close();
    for task in waiting {
        assert_eq!(task.wakes(), 1);
        assert_eq!(task.ready().unwrap_err().kind(), BudgetErrorKind::Closed);
    }
    assert_eq!(
        budget.try_reserve(1).unwrap_err().kind(),
        BudgetErrorKind::Closed
    );
    assert_eq!(
        budget.try_reserve(0).unwrap_err().kind(),
        BudgetErrorKind::Closed
    );
    let late = Task::new(budget.reserve(1)).ready();
    assert_eq!(late.unwrap_err().kind(), BudgetErrorKind::Closed);
    drop(held);
    assert!(budget.is_closed() && budget.charged() == 0);
}

#[test]
fn capacities_of_the_machine() {
    let automatic = |fraction| BudgetConfig::new(Capacity::auto(fraction)).build();
    for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(
            automatic(wrong).unwrap_err().knob(),
            Some("capacity fraction")
        );
    }
    if cfg!(all(target_os = "linux", not(miri))) {
        let (all, half) = (automatic(1.0).unwrap(), automatic(0.5).unwrap());
        assert!(all.capacity() > 1 << 20 && half.capacity() <= all.capacity() / 2 + 1);
    }
    let fifo = BudgetConfig::new(Capacity::Bytes(10)).order(Order::Fifo);
    assert_eq!(fifo.build().unwrap().capacity(), 10);
}

#[test]
fn threads_charge_and_release_at_once() {
    let budget = Budget::new(64).unwrap();
    let scope = budget
        .scope("scope")
        .guarantee(8)
        .limit(40)
        .build()
        .unwrap();
    let rounds = if cfg!(miri) { 20 } else { 2000 };
    thread::scope(|threads| {
        for number in 0..4 {
            let (budget, scope) = (&budget, &scope);
            threads.spawn(move || {
                for round in 0..rounds {
                    let bytes = 1 + (round * 7 + number * 13) % 30;
                    let taken = match (round + number) % 4 {
                        0 => budget.try_reserve(bytes),
                        1 => scope.try_reserve(bytes),
                        2 => budget.reserve_blocking(bytes),
                        _ => scope.reserve_blocking(bytes),
                    };
                    let Ok(mut taken) = taken else {
                        continue;
                    };
                    assert_eq!(taken.bytes(), bytes, "what was asked for");
                    let half = taken.split(bytes / 2);
                    drop(taken);
                    drop(half);
                }
            });
        }
    });
    let seen = budget.snapshot();
    assert_eq!((seen.charged, seen.waiting, seen.beside), (0, 0, 0));
    assert_eq!((seen.available, seen.unclaimed), (56, 0));
}
