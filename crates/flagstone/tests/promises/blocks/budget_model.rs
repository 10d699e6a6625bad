//! A budget agrees with a naive one, whatever is asked and dropped in whatever order.

use flagstone::blocks::{
    BudgetConfig, BudgetErrorKind, Capacity, Order, Reservation, Reserve, Scope,
};
use proptest::prelude::*;

use super::tasks::Task;

#[derive(Clone, Debug)]
enum Step {
    Try(u8, usize),
    Reserve(u8, usize),
    Force(u8, usize),
    Poll(usize),
    Drop(usize),
    Cancel(usize),
    Split(usize, usize),
    Merge(usize, usize),
    Capacity(usize),
    Shrink(usize, usize),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..8_usize;
    prop_oneof![
        3 => (0..3_u8, 0..130_usize).prop_map(|(who, bytes)| Step::Try(who, bytes)),
        4 => (0..3_u8, 0..130_usize).prop_map(|(who, bytes)| Step::Reserve(who, bytes)),
        1 => (0..3_u8, 0..60_usize).prop_map(|(who, bytes)| Step::Force(who, bytes)),
        3 => at.clone().prop_map(Step::Poll),
        4 => at.clone().prop_map(Step::Drop),
        2 => at.clone().prop_map(Step::Cancel),
        1 => (at.clone(), 0..50_usize).prop_map(|(at, bytes)| Step::Split(at, bytes)),
        1 => (at.clone(), at).prop_map(|(one, two)| Step::Merge(one, two)),
        1 => (40..140_usize).prop_map(Step::Capacity),
        1 => (0..8_usize, 0..50_usize).prop_map(|(at, bytes)| Step::Shrink(at, bytes)),
        1 => (0..8_u8).prop_map(|rare| match rare {
            0 => Step::Close,
            _ => Step::Poll(0),
        }),
    ]
}

/// What a tenant may have; 0 is outside of scopes.
const GUARANTEE: [usize; 3] = [0, 20, 10];
const LIMIT: [usize; 3] = [usize::MAX, 70, 10];

/// What everybody has, as lists of numbers.
struct Naive {
    capacity: usize,
    closed: bool,
    /// How many were granted something and never took it.
    untaken: u64,
    held: Vec<(usize, Reservation)>,
    waiting: Vec<(usize, usize, Task<Reserve>)>,
}

impl Naive {
    /// Bytes of `who`, those included that were granted and not taken yet.
    fn of(&self, who: usize) -> usize {
        let held = self.held.iter().filter(|(of, _)| *of == who);
        let granted = self
            .waiting
            .iter()
            .filter(|(of, _, task)| *of == who && task.wakes() > 0);
        held.map(|(_, held)| held.bytes()).sum::<usize>()
            + granted.map(|(_, bytes, _)| bytes).sum::<usize>()
    }

    /// What is not set aside and not taken.
    fn left(&self) -> isize {
        let taken = [0, 1, 2].map(|who| self.of(who).max(GUARANTEE[who]));
        self.capacity as isize - taken.into_iter().sum::<usize>() as isize
    }

    fn fits(&self, who: usize, bytes: usize) -> bool {
        let used = self.of(who);
        let over = |used: usize| used.saturating_sub(GUARANTEE[who]) as isize;
        bytes == 0
            || used.saturating_add(bytes) <= LIMIT[who]
                && (over(used + bytes) == over(used)
                    || over(used + bytes) - over(used) <= self.left())
    }

    fn impossible(&self, who: usize, bytes: usize) -> bool {
        let shared = self.capacity - GUARANTEE.iter().sum::<usize>();
        bytes > LIMIT[who] || bytes.saturating_sub(GUARANTEE[who]) > shared
    }
}

fn run(order: Order, steps: Vec<Step>) {
    let budget = BudgetConfig::new(Capacity::Bytes(100))
        .order(order)
        .build()
        .unwrap();
    let scope = |who: usize| {
        let builder = budget.scope("tenant").guarantee(GUARANTEE[who]);
        builder
            .limit(LIMIT[who])
            .weight(who as u32)
            .build()
            .unwrap()
    };
    let scopes = [scope(1), scope(2)];
    let door = |who: u8| -> Option<&Scope> { scopes.get(usize::from(who).wrapping_sub(1)) };
    let mut naive = Naive {
        capacity: 100,
        closed: false,
        untaken: 0,
        held: Vec::new(),
        waiting: Vec::new(),
    };
    for step in steps {
        match step {
            Step::Try(who, bytes) => {
                let fits = naive.fits(who.into(), bytes);
                let queued = !naive.waiting.iter().all(|(_, _, task)| task.wakes() > 0);
                match door(who)
                    .map_or_else(|| budget.try_reserve(bytes), |it| it.try_reserve(bytes))
                {
                    Ok(held) => {
                        assert!(fits && !naive.closed, "{bytes} of {who} do not fit");
                        assert_eq!(held.bytes(), bytes);
                        naive.held.push((who.into(), held));
                    }
                    Err(error) if naive.closed => {
                        assert_eq!(error.kind(), BudgetErrorKind::Closed);
                    }
                    Err(error) => {
                        assert!(
                            !fits || queued,
                            "{bytes} of {who} fit, and nobody waits: {error}"
                        );
                        let impossible = naive.impossible(who.into(), bytes);
                        assert_eq!(error.kind() == BudgetErrorKind::TooLarge, impossible);
                    }
                }
            }
            Step::Reserve(who, bytes) => {
                let future =
                    door(who).map_or_else(|| budget.reserve(bytes), |it| it.reserve(bytes));
                let mut task = Task::new(future.holding(bytes / 2));
                match task.poll() {
                    std::task::Poll::Ready(Ok(held)) => {
                        assert!(naive.fits(who.into(), bytes) && !naive.closed);
                        naive.held.push((who.into(), held));
                    }
                    std::task::Poll::Ready(Err(error)) if naive.closed => {
                        assert_eq!(error.kind(), BudgetErrorKind::Closed);
                    }
                    std::task::Poll::Ready(Err(error)) => {
                        assert_eq!(error.kind(), BudgetErrorKind::TooLarge);
                        assert!(naive.impossible(who.into(), bytes));
                    }
                    std::task::Poll::Pending => naive.waiting.push((who.into(), bytes, task)),
                }
            }
            Step::Force(who, bytes) => {
                let held = door(who).map_or_else(|| budget.force(bytes), |it| it.force(bytes));
                naive.held.push((who.into(), held.unwrap()));
            }
            Step::Poll(at) if at < naive.waiting.len() => {
                let (who, bytes, mut task) = naive.waiting.remove(at);
                let woken = task.wakes();
                match task.poll() {
                    std::task::Poll::Ready(Ok(held)) => {
                        assert_eq!((woken, held.bytes()), (1, bytes), "woken once");
                        naive.held.push((who, held));
                    }
                    std::task::Poll::Ready(Err(error)) => {
                        assert_eq!(error.kind(), BudgetErrorKind::TooLarge);
                    }
                    std::task::Poll::Pending => {
                        assert_eq!(woken, 0, "woken for nothing");
                        naive.waiting.insert(at, (who, bytes, task));
                    }
                }
            }
            Step::Drop(at) if at < naive.held.len() => drop(naive.held.swap_remove(at)),
            Step::Cancel(at) if at < naive.waiting.len() => {
                let (_, _, task) = naive.waiting.remove(at);
                naive.untaken += u64::from(task.wakes() > 0);
                drop(task);
            }
            Step::Shrink(at, bytes) if at < naive.held.len() => {
                let held = &mut naive.held[at].1;
                let enough = held.bytes() >= bytes;
                assert_eq!(held.shrink(bytes), enough);
            }
            Step::Close => {
                budget.close();
                naive.closed = true;
                // All who were not granted something are told so.
                for (who, _, task) in std::mem::take(&mut naive.waiting) {
                    assert_eq!(task.wakes(), 1);
                    match task.ready() {
                        Ok(held) => naive.held.push((who, held)),
                        Err(error) => assert_ne!(error.kind(), BudgetErrorKind::TimedOut),
                    }
                }
            }
            Step::Split(at, bytes) if at < naive.held.len() => {
                let who = naive.held[at].0;
                if let Some(part) = naive.held[at].1.split(bytes) {
                    naive.held.push((who, part));
                }
            }
            Step::Merge(one, two)
                if one < naive.held.len() && two < naive.held.len() && one != two =>
            {
                let (who, held) = naive.held.swap_remove(two);
                let one = if one == naive.held.len() { two } else { one };
                let same =
                    naive.held[one].0 == who || held.bytes() == 0 || naive.held[one].1.bytes() == 0;
                match naive.held[one].1.merge(held) {
                    Ok(()) => {
                        assert!(same);
                        if naive.held[one].1.bytes() > 0 && naive.held[one].0 != who {
                            // One of the two was empty; whose it is now cannot be seen from outside.
                            let mine = naive.held.swap_remove(one).1;
                            drop(mine);
                        }
                    }
                    Err(held) => {
                        assert!(!same);
                        naive.held.push((who, held));
                    }
                }
            }
            Step::Capacity(capacity) => {
                budget.set_capacity(capacity).unwrap();
                naive.capacity = capacity;
                // Those who waited for more than that are told so.
                let (sent, stay): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut naive.waiting).into_iter().partition(
                        |(who, bytes, task)| task.wakes() > 0 && naive.impossible(*who, *bytes),
                    );
                naive.waiting = stay;
                for (who, _, task) in sent {
                    if let Ok(held) = task.ready() {
                        naive.held.push((who, held));
                    }
                }
            }
            _ => {}
        }
        let seen = budget.snapshot();
        let sum = [0, 1, 2].map(|who| naive.of(who));
        assert_eq!(seen.charged, sum.iter().sum::<usize>(), "charged");
        assert_eq!(seen.scopes[0].charged, sum[1]);
        assert_eq!(seen.scopes[1].charged, sum[2]);
        assert_eq!(
            seen.available as isize - seen.debt as isize,
            naive.left(),
            "left"
        );
        // Nobody is forgotten.
        let waiting: Vec<_> = naive
            .waiting
            .iter()
            .filter(|(_, _, task)| task.wakes() == 0)
            .collect();
        assert_eq!(seen.waiting, waiting.len());
        assert_eq!(
            (seen.wanted, seen.held_waiting),
            (
                waiting.iter().map(|(_, bytes, _)| bytes).sum(),
                waiting.iter().map(|(_, bytes, _)| bytes / 2).sum()
            )
        );
        // Each that waited has ended in one way, or has not.
        let scopes = seen.scopes.iter().map(|scope| scope.waits);
        let ended = seen.wait_times.count() + seen.abandoned + naive.untaken;
        assert_eq!(
            seen.waits + scopes.sum::<u64>(),
            ended + (seen.waiting + seen.unclaimed) as u64
        );
        let fits = |(who, bytes, _): &&(usize, usize, Task<Reserve>)| naive.fits(*who, *bytes);
        assert!(
            waiting.is_empty() || !waiting.iter().all(&fits),
            "all who wait fit"
        );
        if order == Order::Fifo {
            assert!(!waiting.first().is_some_and(fits), "the first fits");
        }
    }
    drop(naive);
    let seen = budget.snapshot();
    assert_eq!((seen.charged, seen.waiting, seen.unclaimed), (0, 0, 0));
    assert_eq!((seen.beside, seen.wanted, seen.debt), (0, 0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 300 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_a_naive_budget(
        fair in 0..4_u32,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        run(Order::Fair { most_passed: fair * 2 }, steps.clone());
        run(Order::Fifo, steps);
    }
}
