//! Who can free something is asked before anybody waits.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use flagstone::blocks::{Budget, Level, Observation, Pass, Pressure, Reservation};

use super::tasks::Task;

/// Something that holds part of a budget, and what it was asked for.
#[derive(Clone, Default)]
struct Cache {
    held: Arc<Mutex<Vec<Reservation>>>,
    asked: Arc<Mutex<Vec<usize>>>,
}

impl Cache {
    fn of(budget: &Budget, bytes: usize) -> Self {
        let cache = Self::default();
        cache
            .held
            .lock()
            .unwrap()
            .push(budget.try_reserve(bytes).unwrap());
        cache
    }

    fn hook(&self) -> impl Fn(usize) -> usize + Send + Sync + 'static {
        let cache = self.clone();
        move |wanted| {
            cache.asked.lock().unwrap().push(wanted);
            let freed = std::mem::take(&mut *cache.held.lock().unwrap());
            freed.iter().map(Reservation::bytes).sum()
        }
    }

    fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[test]
fn passes_are_run_in_order_until_it_is_enough() {
    let budget = Budget::new(100).unwrap();
    let [benign, idle, destructive] = [(); 3].map(|()| Cache::of(&budget, 20));
    let _hooks = [
        budget.on_relief(Pass::Destructive, destructive.hook()),
        budget.on_relief(Pass::Idle, idle.hook()),
        budget.on_relief(Pass::Benign, benign.hook()),
    ];
    let _held = budget.try_reserve(40).unwrap();
    // Without waiting: the benign one alone.
    let refused = budget.try_reserve(30).unwrap_err();
    assert_eq!(refused.available(), 20);
    assert_eq!((benign.asked(), idle.asked()), (vec![30], vec![]));
    let granted = Task::new(budget.reserve(40)).ready().unwrap();
    assert_eq!(
        (benign.asked(), idle.asked(), destructive.asked()),
        (vec![20], vec![20], vec![])
    );
    let waiting = Task::waiting(budget.reserve(25));
    assert_eq!(destructive.asked(), [25]);
    drop(granted);
    assert!(waiting.ready().is_ok());
}

#[test]
fn a_hook_that_is_dropped_is_not_asked() {
    let budget = Budget::new(100).unwrap();
    let (one, two) = (Cache::of(&budget, 10), Cache::of(&budget, 10));
    drop(budget.on_relief(Pass::Benign, one.hook()));
    budget.on_relief(Pass::Benign, two.hook()).keep();
    assert!(budget.try_reserve(100).is_err());
    assert_eq!((one.asked(), two.asked()), (vec![], vec![20]));
    assert_eq!(
        budget.relieve(Pass::Benign, 1),
        0,
        "it has nothing any more"
    );
}

#[test]
fn a_hook_may_use_the_budget() {
    let budget = Budget::new(100).unwrap();
    let inside = budget.clone();
    let hook = budget.on_relief(Pass::Benign, move |_| {
        // Starts no passes, waits for nobody.
        assert!(inside.try_reserve(101).is_err() && inside.try_reserve(100).is_err());
        drop(inside.try_reserve(1));
        inside.snapshot().waiting
    });
    let held = budget.try_reserve(50).unwrap();
    let waiting = Task::waiting(budget.reserve(60));
    drop(held);
    assert!(waiting.ready().is_ok());
    drop(hook);
}

#[test]
fn a_hook_that_panics_loses_nothing() {
    let budget = Budget::new(100).unwrap();
    let hook = budget.on_relief(Pass::Benign, |_| panic!("a planned panic"));
    let held = budget.try_reserve(60).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| budget.try_reserve(50))).is_err());
    let mut task = Task::new(budget.reserve(50));
    assert!(catch_unwind(AssertUnwindSafe(|| task.poll().is_ready())).is_err());
    assert_eq!(budget.snapshot().waiting, 1, "it may be polled again");
    assert!(task.poll().is_pending());
    drop(held);
    assert_eq!(task.ready().unwrap().bytes(), 50);
    // And one that is dropped instead.
    let held = budget.try_reserve(60).unwrap();
    let mut task = Task::new(budget.reserve(50));
    assert!(catch_unwind(AssertUnwindSafe(|| task.poll().is_ready())).is_err());
    drop(task);
    assert_eq!(budget.snapshot().waiting, 0);
    drop((hook, held));
    assert_eq!(budget.charged(), 0);
}

#[test]
fn levels_are_left_later_than_they_are_entered() {
    let used = |used| Observation {
        used: Some(used),
        ..Observation::default()
    };
    let mut pressure = Pressure::new();
    for (seen, level) in [
        (0.84, Level::Normal),
        (0.86, Level::High),
        (0.80, Level::High),
        (0.96, Level::Critical),
        (0.91, Level::Critical),
        (0.10, Level::High),
        (0.10, Level::Normal),
        (0.80, Level::Normal),
    ] {
        assert_eq!(pressure.observe(used(seen)), level, "{seen}");
    }
    let stalled = Observation {
        some_stalled: Some(50.0),
        ..Observation::default()
    };
    assert_eq!(Pressure::new().observe(stalled), Level::Critical);
    let mut events = Observation {
        throttled: 7,
        hit: 3,
        ..Observation::default()
    };
    let mut pressure = Pressure::new();
    assert_eq!(
        pressure.observe(events),
        Level::Normal,
        "what was before does not count"
    );
    events.throttled += 1;
    assert_eq!(pressure.observe(events), Level::High);
    events.hit += 1;
    assert_eq!(pressure.observe(events), Level::Critical);
    assert_eq!(pressure.observe(events), Level::High);
    assert!(Pressure::new().sample() <= Level::Critical);
}
