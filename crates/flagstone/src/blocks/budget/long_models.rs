//! What threads do to a budget for long, in schedules drawn by chance; and the same with a bug planted.
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test -p flagstone --lib budget::long_models
//! ```

extern crate std;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::{sync::Mutex, task::Wake};

use super::{Budget, BudgetConfig, Capacity, Order, Reservation, Scope};
use crate::sync::{
    atomic::{AtomicUsize, Ordering},
    model::{explore, finds, thread},
};

/// Numbers that look as if drawn by chance, and are the same every time.
pub(in crate::blocks) struct Dice(u64);

impl Dice {
    /// Others for each thread of each schedule.
    pub(in crate::blocks) fn new(thread: u64) -> Self {
        static SCHEDULES: Mutex<u64> = Mutex::new(0);
        let mut schedules = SCHEDULES.lock().unwrap();
        *schedules += 1;
        Self((*schedules << 8 | thread).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(in crate::blocks) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }
}

pub(in crate::blocks) struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Waits<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One that waits; `T` is what it has then, or nothing if it was refused.
pub(in crate::blocks) struct Task<T> {
    future: Waits<Option<T>>,
    woken: Arc<Woken>,
}

impl<T> Task<T> {
    /// What there is at once, or a task.
    pub(in crate::blocks) fn ask(
        future: impl Future<Output = Option<T>> + Send + 'static,
    ) -> Result<Option<T>, Self> {
        let mut task = Self {
            future: Box::pin(future),
            woken: Arc::new(Woken(AtomicUsize::new(0))),
        };
        match task.poll() {
            Poll::Ready(done) => Ok(done),
            Poll::Pending => Err(task),
        }
    }

    pub(in crate::blocks) fn poll(&mut self) -> Poll<Option<T>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// When nobody has anything any more, all who wait get their answers, one after the other, and were woken
/// for that.
pub(in crate::blocks) fn all_get_their_answers<T>(mut waiting: Vec<Task<T>>) {
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain_mut(|task| {
            let woken = task.woken.0.load(Ordering::Relaxed);
            let pending = task.poll().is_pending();
            assert!(pending || woken == 1, "woken {woken} times");
            pending
        });
        assert!(waiting.len() < before, "somebody waits for ever");
    }
}

const CAPACITY: usize = 10;
const THREADS: u64 = 3;
const STEPS: u64 = 9;

struct User {
    budget: Budget,
    scopes: [Scope; 2],
    held: Vec<Reservation>,
    waiting: Vec<Task<Reservation>>,
}

impl User {
    fn step(&mut self, dice: &mut Dice) {
        let bytes = 1 + dice.below(7) as usize;
        let scope = self.scopes[dice.below(2) as usize].clone();
        match dice.below(15) {
            0..=2 => self.ask(self.budget.reserve(bytes)),
            3..=4 => self.ask(scope.reserve(bytes)),
            5 => {
                let [one, two] = &self.scopes;
                let both = self.budget.reserve_many([(one, bytes), (two, 1)]);
                match Task::ask(async move { both.await.ok().map(|[one, _two]| one) }) {
                    Ok(done) => self.held.extend(done),
                    Err(task) => self.waiting.push(task),
                }
            }
            6 => self.held.extend(self.budget.try_reserve(bytes).ok()),
            7 => self.held.extend(scope.try_reserve(bytes).ok()),
            8 => self.held.extend(scope.force(1).ok()),
            9 => {
                let _refused = self.budget.set_capacity(CAPACITY - bytes % 4);
            }
            10 => {
                let new = self.budget.scope("new").guarantee(1).build();
                self.held
                    .extend(new.ok().and_then(|it| it.try_reserve(2).ok()));
            }
            11 => {
                if let Some(mut task) = self.waiting.pop()
                    && task.poll().is_pending()
                {
                    self.waiting.insert(0, task);
                }
            }
            12 => drop(self.waiting.pop()),
            _ => {
                if let Some(mut held) = self.held.pop() {
                    let part = held.split(1);
                    drop(held);
                    self.held.extend(part.filter(|_| bytes > 5));
                }
            }
        }
    }

    fn ask(&mut self, reserve: super::Reserve) {
        match Task::ask(async move { reserve.await.ok() }) {
            Ok(done) => self.held.extend(done),
            Err(task) => self.waiting.push(task),
        }
    }
}

fn long_use() {
    let mut dice = Dice::new(0);
    let order = match dice.below(2) {
        0 => Order::Fifo,
        _ => Order::Fair { most_passed: 2 },
    };
    let config = BudgetConfig::new(Capacity::Bytes(CAPACITY)).order(order);
    let budget = config.build().unwrap();
    let closes = dice.below(4) == 0;
    let first = budget.scope("first").guarantee(2).build().unwrap();
    let second = budget.scope("second").limit(5).build().unwrap();
    let users: Vec<_> = (1..=THREADS)
        .map(|number| {
            let mut user = User {
                budget: budget.clone(),
                scopes: [first.clone(), second.clone()],
                held: Vec::new(),
                waiting: Vec::new(),
            };
            thread::spawn(move || {
                let mut dice = Dice::new(number);
                for step in 0..STEPS {
                    user.step(&mut dice);
                    if closes && step + number == STEPS {
                        user.budget.close();
                    }
                }
                user.held.clear();
                user.waiting
            })
        })
        .collect();
    let mut waiting = Vec::new();
    for user in users {
        waiting.append(&mut user.join().unwrap());
    }
    all_get_their_answers(waiting);
    drop((first, second));
    let seen = budget.snapshot();
    assert_eq!(
        (seen.charged, seen.waiting, seen.unclaimed, seen.beside),
        (0, 0, 0, 0)
    );
    assert_eq!((seen.wanted, seen.guaranteed, seen.debt), (0, 0, 0));
    assert_eq!((seen.available, seen.scopes.len()), (seen.capacity, 0));
}

#[test]
fn a_budget_in_long_use() {
    explore(long_use);
}

#[test]
fn bugs_are_found() {
    finds("budget: releases look for nobody", long_use);
    finds("budget: who leaves takes its grant along", long_use);
}
