//! Whatever waits may be dropped at any poll, whatever happens meanwhile, and leaves nothing.

use std::{
    future::{Future, pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
};

use flagstone::{
    blocks::{BlockAllocator, Budget, Pass, Priority, Scope, TaskScope},
    provider::OsPages,
};

use super::{bytes, knobs};
use crate::blocks::tasks::{Task, yield_now};

const ALL: usize = 64 << 10;
/// What is asked for: more than half, so that two do not fit.
const PART: usize = 40 << 10;

struct Bench {
    budget: Budget,
    blocks: BlockAllocator,
    scopes: [Scope; 2],
    task: TaskScope,
}

type Call<'b> = Pin<Box<dyn Future<Output = bool> + 'b>>;

/// Ready at the poll after so many.
fn timer(mut polls: usize) -> impl Future<Output = ()> {
    poll_fn(move |context| {
        context.waker().wake_by_ref();
        polls -= 1;
        if polls == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}

const CALLS: usize = 12;

impl Bench {
    fn new() -> Self {
        let budget = Budget::new(ALL).unwrap();
        let config = knobs(ALL).min_block_size(64).max_block_size(ALL);
        let config = config.build().unwrap();
        let blocks = BlockAllocator::with_parts(config, budget.clone(), OsPages).unwrap();
        let scopes = ["one", "two"].map(|name| budget.scope(name).limit(PART).build().unwrap());
        let task = scopes[0].task();
        Self {
            budget,
            blocks,
            scopes,
            task,
        }
    }

    /// Each of the calls that can be awaited; whether it was granted. What it gets is gone at once.
    fn call(&self, number: usize) -> Call<'_> {
        let Self {
            budget,
            blocks,
            scopes: [one, two],
            task,
        } = self;
        let part = bytes(PART);
        match number {
            0 => Box::pin(async move { budget.reserve(PART).await.is_ok() }),
            1 => {
                Box::pin(async move { budget.reserve(PART).priority(Priority::High).await.is_ok() })
            }
            2 => {
                Box::pin(async move { budget.reserve_timeout(PART, pending::<()>()).await.is_ok() })
            }
            3 => Box::pin(async move { budget.reserve_timeout(PART, timer(3)).await.is_ok() }),
            4 => Box::pin(async move {
                budget
                    .reserve_many([(one, PART - 1), (two, 1)])
                    .await
                    .is_ok()
            }),
            5 => Box::pin(async move { one.reserve(PART).await.is_ok() }),
            6 => Box::pin(async move { one.reserve_timeout(PART, timer(2)).await.is_ok() }),
            7 => {
                Box::pin(async move { task.charge(PART).await.map(|()| task.refund(PART)).is_ok() })
            }
            8 => Box::pin(async move { blocks.alloc(part).await.is_ok() }),
            9 => Box::pin(async move { blocks.alloc_timeout(part, timer(3)).await.is_ok() }),
            10 => Box::pin(async move { blocks.alloc_in(one, part).await.is_ok() }),
            _ => Box::pin(async move {
                // Held over a poll, and with another.
                let block = blocks.alloc(part).await;
                yield_now().await;
                let more = blocks.alloc_timeout(bytes(100), timer(1)).await;
                drop((block, more));
                true
            }),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Release,
    Close,
    Shrink,
    HookPanics,
}

/// The call is polled again and again, and dropped at one of these polls; the event comes between two others.
/// Another waits behind.
fn run(number: usize, event: Event, dropped_at: usize, happens_at: usize) {
    let bench = Bench::new();
    let budget = &bench.budget;
    let hook = (event == Event::HookPanics)
        .then(|| budget.on_relief(Pass::Idle, |_| panic!("a planned panic")));
    let mut held = Some(budget.try_reserve(ALL - 100).unwrap());
    let mut call = Some(Task::new(bench.call(number)));
    let mut behind = None;
    for step in 0..6 {
        if step == dropped_at {
            call = None;
        }
        if step == 1 && event != Event::HookPanics {
            behind = Some(Task::new(budget.reserve(PART)));
        }
        if step == happens_at {
            match event {
                Event::Release | Event::HookPanics => held = None,
                Event::Close => budget.close(),
                Event::Shrink => budget.set_capacity(PART - 1).unwrap(),
            }
        }
        let polled = call.as_mut().map(|call| {
            let poll = AssertUnwindSafe(|| call.poll().is_ready());
            catch_unwind(poll)
        });
        // The state of an `async` block that panicked is of no use; what it had is gone with it.
        if polled.is_some_and(|polled| polled.unwrap_or(true)) {
            call = None;
        }
        if behind
            .as_mut()
            .is_some_and(|behind| behind.poll().is_ready())
        {
            behind = None;
        }
    }
    let had_time = event == Event::Release && happens_at < 4;
    assert!(call.is_none() || !had_time, "{number} waits for ever");
    drop((call, held));
    // Nobody is in the way of who waits behind.
    if let Some(behind) = behind {
        assert!(
            behind.ready().is_ok(),
            "{number} {event:?} {dropped_at} {happens_at}"
        );
    }
    drop(hook);
    bench.blocks.trim();
    bench.blocks.audit().unwrap();
    let seen = budget.snapshot();
    assert_eq!(
        (seen.charged, seen.waiting, seen.unclaimed, seen.beside),
        (0, 0, 0, 0),
        "{number} {event:?} {dropped_at} {happens_at}"
    );
    assert_eq!((seen.wanted, seen.held_waiting, seen.debt), (0, 0, 0));
}

#[test]
fn every_call_is_dropped_at_every_poll() {
    for number in 0..CALLS {
        for event in [Event::Release, Event::Close, Event::Shrink] {
            for dropped_at in 0..7 {
                for happens_at in 0..6 {
                    run(number, event, dropped_at, happens_at);
                }
            }
        }
    }
}

#[test]
fn a_panic_of_a_hook_leaves_nothing_of_any_call() {
    for number in 0..CALLS {
        for dropped_at in 0..3 {
            run(number, Event::HookPanics, dropped_at, 2);
        }
    }
}
