//! Nobody is asked, passed over or charged by mistake, whoever panics.
#![expect(unsafe_code, reason = "a waker that panics when it is dropped")]

use std::{
    cell::Cell,
    future::{Future, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::null,
    sync::{Arc, Mutex},
    task::{Context, RawWaker, RawWakerVTable, Wake, Waker},
};

use flagstone::blocks::{Budget, BudgetConfig, BudgetErrorKind, Capacity, Order, Pass};

use super::tasks::Task;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |_| RawWaker::new(null(), &TABLE),
    |_| {},
    |_| {},
    |_| assert!(!ARMED.replace(false), "a planned panic"),
);

/// One whose next drop panics when [`ARMED`] is set.
fn fragile() -> Waker {
    // SAFETY: the functions of the table use no data.
    unsafe { Waker::new(null(), &TABLE) }
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a planned panic");
    }
}

#[test]
fn a_scope_may_be_opened_in_debt() {
    let budget = Budget::new(100).unwrap();
    let _debt = budget.force(150).unwrap();
    assert!(budget.scope("late").build().is_ok());
    assert!(budget.scope("later").guarantee(1).build().is_err());
}

#[test]
fn a_scope_at_its_limit_asks_nobody() {
    let budget = Budget::new(1000).unwrap();
    let scope = budget.scope("full").limit(100).build().unwrap();
    let asked = Arc::new(Mutex::new(0));
    let _hooks = [Pass::Benign, Pass::Idle, Pass::Destructive].map(|pass| {
        let asked = Arc::clone(&asked);
        budget.on_relief(pass, move |_| {
            *asked.lock().unwrap() += 1;
            0
        })
    });
    let held = scope.try_reserve(100).unwrap();
    let refused = scope.try_reserve(10).unwrap_err();
    assert_eq!(refused.kind(), BudgetErrorKind::ScopeLimit);
    let waiting = Task::waiting(scope.reserve(10));
    assert_eq!(*asked.lock().unwrap(), 0);
    drop(held);
    assert!(waiting.ready().is_ok());
}

fn in_line(capacity: usize) -> Budget {
    let config = BudgetConfig::new(Capacity::Bytes(capacity));
    config.order(Order::Fifo).build().unwrap()
}

#[test]
fn a_scope_that_opens_serves_who_is_next() {
    let budget = Budget::new(1000).unwrap();
    let mut held = budget.try_reserve(900).unwrap();
    let large = Task::waiting(budget.reserve(900));
    // As many as are looked at behind the first one, and one more.
    let _others: Vec<_> = (0..32)
        .map(|_| Task::waiting(budget.reserve(700)))
        .collect();
    let small = Task::waiting(budget.reserve(200));
    assert!(held.shrink(400));
    let _scope = budget.scope("new").guarantee(200).build().unwrap();
    assert_eq!(large.ready().unwrap_err().kind(), BudgetErrorKind::TooLarge);
    assert!(small.ready().is_ok());
}

#[test]
fn guarantees_do_not_starve_who_waits() {
    let order = Order::Fair { most_passed: 2 };
    let budget = BudgetConfig::new(Capacity::Bytes(100))
        .order(order)
        .build()
        .unwrap();
    let held = budget.try_reserve(60).unwrap();
    let waiting = Task::waiting(budget.reserve(70));
    let scope = |bytes| budget.scope("new").guarantee(bytes).build();
    let some = [scope(5).unwrap(), scope(5).unwrap()];
    assert_eq!(scope(5).unwrap_err().knob(), Some("guarantee"));
    assert!(scope(0).is_ok(), "it takes nothing");
    drop(held);
    drop(waiting.ready().unwrap());
    assert!(scope(5).is_ok());
    drop(some);
    let budget = in_line(100);
    let _held = budget.try_reserve(60).unwrap();
    let _waiting = Task::waiting(budget.reserve(70));
    assert!(budget.scope("new").guarantee(5).build().is_err());
}

#[test]
fn a_waker_that_panics_is_in_nobodys_way() {
    let budget = in_line(1000);
    let _held = budget.try_reserve(500).unwrap();
    let mut large = Box::pin(budget.reserve(900));
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        large
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let small = Task::waiting(budget.reserve(200));
    assert!(catch_unwind(AssertUnwindSafe(|| budget.set_capacity(800))).is_err());
    assert!(small.ready().is_ok());
}

#[test]
fn all_parts_of_a_dropped_grant_come_back() {
    let budget = Budget::new(100).unwrap();
    let [one, two] = ["one", "two"].map(|name| budget.scope(name).build().unwrap());
    let mut held = budget.try_reserve(100).unwrap();
    let both = Task::waiting(budget.reserve_many([(&one, 30), (&two, 30)]));
    assert!(held.shrink(60));
    let mut next = Box::pin(budget.reserve(30));
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        next.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert!(catch_unwind(AssertUnwindSafe(|| drop(both))).is_err());
    assert_eq!((one.charged(), two.charged(), budget.charged()), (0, 0, 70));
}

#[test]
fn a_waker_that_panics_when_it_goes_takes_nothing_along() {
    let budget = Budget::new(100).unwrap();
    let waker = fragile();
    let mut context = Context::from_waker(&waker);
    for again in [true, false] {
        let held = budget.try_reserve(100).unwrap();
        let mut waiting = Box::pin(budget.reserve(50));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(held);
        ARMED.set(true);
        let polled = catch_unwind(AssertUnwindSafe(|| waiting.as_mut().poll(&mut context)));
        assert!(polled.is_err() && budget.snapshot().unclaimed == 1);
        if again {
            assert!(waiting.as_mut().poll(&mut context).is_ready());
        }
        drop(waiting);
        assert_eq!(budget.charged(), 0);
    }
    // One that waits, and is dropped; and one whose time is over.
    let held = budget.try_reserve(100).unwrap();
    let mut waiting = Box::pin(budget.reserve(50));
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    ARMED.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(waiting))).is_err());
    let mut waiting = Box::pin(budget.reserve_timeout(50, ready(())));
    for _ in 0..2 {
        ARMED.set(true);
        let polled = catch_unwind(AssertUnwindSafe(|| waiting.as_mut().poll(&mut context)));
        assert!(polled.is_err(), "the second time because it was ready");
    }
    ARMED.set(false);
    assert_eq!(
        (budget.snapshot().waiting, budget.snapshot().wanted),
        (0, 0)
    );
    drop(held);
    assert!(budget.try_reserve(100).is_ok());
}
