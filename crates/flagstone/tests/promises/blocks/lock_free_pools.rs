//! Slots that threads share without a lock are waited for as others are, whichever thread has them at hand.

use std::{
    future::{Future, pending, ready},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Wake, Waker},
    thread,
};

use flagstone::{
    AllocErrorKind, LockFreePool,
    pool::{GrowthStrategy, LockFreeAllocAsync, PoolConfig},
};
use flagstone_testkit::{heap_watch, threads::scope};
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::tasks::{
    Executor, Job, OneThread, PollsAlways, Task, ThreadEach, TwoThreads, panics, yield_now,
};

assert_impl_all!(LockFreeAllocAsync<'static, u8>: Send, Sync);
assert_not_impl_any!(LockFreeAllocAsync<'static, std::rc::Rc<u8>>: Send, Sync);
assert_not_impl_any!(LockFreeAllocAsync<'static, u8>: Unpin);

/// A pool of each mode.
fn pools<T>(capacity: usize) -> [LockFreePool<T>; 2] {
    [LockFreePool::new(capacity), LockFreePool::exact(capacity)]
}

#[test]
fn slots_are_handed_over_in_order() {
    for pool in pools(2) {
        let first = Task::new(pool.alloc_async(1)).ready().unwrap();
        let second = pool.alloc(2).unwrap();
        let tasks: Vec<_> = (3..20)
            .map(|n| Task::waiting(pool.alloc_async(n)))
            .collect();
        drop(first);
        assert!(pool.alloc(0).is_err(), "it was handed over");
        assert_eq!(tasks.iter().map(Task::wakes).sum::<usize>(), 1);
        drop(second);
        for (task, n) in tasks.into_iter().zip(3..) {
            assert_eq!(task.wakes(), 1);
            assert_eq!(*task.ready().unwrap(), n);
        }
        assert_eq!(pool.available(), 2);
        assert!(pool.alloc(0).is_ok());
    }
}

/// Calls `f` with something that runs jobs on a thread of its own, which stays until `f` has returned.
fn with_other(f: impl FnOnce(&dyn Fn(Box<dyn FnOnce() + Send>))) {
    let (jobs, todo) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let (done, ended) = mpsc::channel();
    let other = thread::spawn(move || {
        for job in todo {
            job();
            done.send(()).unwrap();
        }
    });
    f(&move |job| {
        jobs.send(job).unwrap();
        ended.recv().unwrap();
    });
    other.join().unwrap();
}

#[test]
fn what_another_thread_has_at_hand_is_not_waited_for() {
    let pool = Arc::new(LockFreePool::new(64));
    let handles: Vec<_> = (0..64).map(|n| pool.alloc(n).unwrap()).collect();
    with_other(|other| {
        let mut handles = handles.into_iter();
        let one = handles.next();
        other(Box::new(move || drop(one)));
        let found = Task::new(pool.alloc_async(1)).ready().unwrap();
        // And what comes to that thread while somebody waits.
        let waiting = Task::waiting(pool.alloc_async(2));
        let two = handles.next();
        other(Box::new(move || drop(two)));
        assert_eq!(waiting.wakes(), 1);
        let given = waiting.ready().unwrap();
        // Then it keeps its slots again, which the next one finds.
        let three = handles.next();
        other(Box::new(move || drop(three)));
        let four = Task::new(pool.alloc_async(4)).ready().unwrap();
        assert_eq!((*four, pool.available()), (4, 0));
        drop((found, given, four, handles));
    });
    assert_eq!(pool.available(), 64);
}

/// A thread comes to the pool for the first time, and one ends, while somebody waits.
#[test]
fn threads_that_come_and_go_hand_over_too() {
    for pool in pools(2) {
        let [first, second] = [1, 2].map(|n| pool.alloc(n).unwrap());
        let waiting = [3, 4].map(|n| Task::waiting(pool.alloc_async(n)));
        thread::scope(|scope| {
            scope.spawn(|| drop(first)).join().unwrap();
            assert_eq!(waiting.each_ref().map(Task::wakes), [1, 0]);
            scope
                .spawn(|| {
                    assert!(pool.alloc(0).is_err());
                    drop(second);
                })
                .join()
                .unwrap();
        });
        assert_eq!(waiting.map(|task| *task.ready().unwrap()), [3, 4]);
    }
}

#[test]
fn dropped_at_every_poll() {
    for dropped_at in 0..6 {
        for victim in 0..3 {
            for pool in pools(2) {
                let pool = Arc::new(pool);
                let mut held: Vec<_> = (0..2).map(|n| pool.alloc(n).unwrap()).collect();
                let mut tasks: Vec<_> = (0..3)
                    .map(|number| {
                        let pool = Arc::clone(&pool);
                        let job: Job = Box::pin(async move {
                            for round in 0..2 {
                                let handle = pool.alloc_async(number).await.unwrap();
                                yield_now().await;
                                assert_eq!(*handle, number, "{round}");
                            }
                        });
                        Some(Task::new(job))
                    })
                    .collect();
                for step in 0..30 {
                    if step == dropped_at {
                        tasks[victim] = None;
                    }
                    if step >= 2 {
                        held.pop();
                    }
                    for task in &mut tasks {
                        if task.as_mut().is_some_and(|task| task.poll().is_ready()) {
                            *task = None;
                        }
                    }
                }
                assert!(tasks.iter().all(Option::is_none), "nobody waits for ever");
                assert_eq!(pool.available(), 2, "{dropped_at}, {victim}");
                let both = [7, 8].map(|n| pool.alloc(n));
                assert!(both.iter().all(Result::is_ok));
            }
        }
    }
}

#[test]
fn a_closed_pool_gives_values_back() {
    for pool in pools(1) {
        let held = pool.alloc(0).unwrap();
        let tasks: Vec<_> = (1..40)
            .map(|n| Task::waiting(pool.alloc_async(n)))
            .collect();
        thread::scope(|scope| {
            let blocked = scope.spawn(|| pool.alloc_blocking(40).unwrap_err().into_inner());
            pool.close();
            assert_eq!(blocked.join().unwrap(), 40);
        });
        for (task, n) in tasks.into_iter().zip(1..) {
            let refused = task.ready().unwrap_err();
            assert_eq!(refused.kind(), AllocErrorKind::Closed);
            assert_eq!(refused.into_inner(), n);
        }
        let late = Task::new(pool.alloc_async(7)).ready().unwrap_err();
        assert_eq!(
            (late.kind(), late.into_inner()),
            (AllocErrorKind::Closed, 7)
        );
        drop(held);
        assert!(pool.alloc_blocking(8).is_ok(), "what is free is there");
    }
}

#[test]
fn a_timer_gives_the_value_back() {
    for pool in pools(1) {
        let held = Task::new(pool.alloc_timeout(1, pending::<()>()))
            .ready()
            .unwrap();
        let late = Task::new(pool.alloc_timeout(2, ready(())))
            .ready()
            .unwrap_err();
        assert_eq!(
            (late.kind(), late.into_inner()),
            (AllocErrorKind::TimedOut, 2)
        );
        drop(held);
        assert_eq!(pool.available(), 1);
    }
}

#[test]
fn a_pool_grows_before_anybody_waits() {
    for exact in [false, true] {
        let config = PoolConfig::builder()
            .capacity(1)
            .max_capacity(Some(2))
            .growth_strategy(GrowthStrategy::Linear { amount: 1 })
            .build()
            .unwrap();
        let pool = match exact {
            false => LockFreePool::with_config(config),
            true => LockFreePool::exact_with_config(config),
        }
        .unwrap();
        let first = Task::new(pool.alloc_async(1)).ready().unwrap();
        let second = Task::new(pool.alloc_async(2)).ready().unwrap();
        let third = Task::waiting(pool.alloc_async(3));
        drop((first, second));
        assert_eq!(*third.ready().unwrap(), 3);
    }
}

/// The slot that a forgotten future was given is lost, but nothing else; one that still waited when the
/// pool ended is passed by.
#[test]
#[cfg_attr(flagstone_asan, ignore = "leaks on purpose")]
fn a_forgotten_future_costs_its_slot() {
    for pool in pools(2) {
        let held = [1, 2].map(|n| pool.alloc(n).unwrap());
        let waiting = [3, 4, 5].map(|n| Task::waiting(pool.alloc_async(n)));
        let [first, second] = held;
        drop(first);
        mem::forget(waiting);
        assert_eq!(pool.in_use(), 2);
        if !cfg!(any(miri, flagstone_asan)) {
            drop(pool);
        }
        drop(second);
    }
}

/// Whoever frees goes on when the waker of the one who is given the slot panics; and nothing is lost.
#[test]
fn a_waker_may_panic() {
    for pool in pools(1) {
        let held = pool.alloc(1).unwrap();
        let waker = panics();
        let mut future = Box::pin(pool.alloc_async(2));
        let mut context = Context::from_waker(&waker);
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(held))).is_err());
        let mut context = Context::from_waker(Waker::noop());
        let polled = future.as_mut().poll(&mut context);
        assert!(polled.is_ready());
        drop((polled, future));
        assert_eq!(pool.available(), 1);
    }
}

/// A waker that uses the pool, and a destructor that waits for the slot it is about to free.
#[test]
fn user_code_may_use_the_pool() {
    struct Meddler(Arc<LockFreePool<u32>>);
    impl Wake for Meddler {
        fn wake(self: Arc<Self>) {
            assert!(self.0.alloc(9).is_err(), "it is handed over already");
            assert!(Task::new(self.0.alloc_async(9)).poll().is_pending());
            assert_eq!(self.0.available(), 0);
        }
    }
    for pool in pools(1) {
        let pool = Arc::new(pool);
        let held = pool.alloc(1).unwrap();
        let waker = Waker::from(Arc::new(Meddler(Arc::clone(&pool))));
        let mut future = pin!(pool.alloc_async(2));
        let mut context = Context::from_waker(&waker);
        assert!(future.as_mut().poll(&mut context).is_pending());
        drop(held);
        assert!(future.as_mut().poll(&mut context).is_ready());
        assert_eq!(pool.available(), 1);
    }
}

#[test]
#[cfg(not(any(miri, flagstone_asan, flagstone_tsan)))]
fn waiting_allocates_nothing() {
    assert!(heap_watch::is_installed());
    for pool in pools(2) {
        let rounds = |count: usize| {
            for _ in 0..count {
                let held = [1, 2].map(|n| pool.alloc(n).unwrap());
                let mut context = Context::from_waker(Waker::noop());
                let mut one = pin!(pool.alloc_async(3));
                let mut two = pin!(pool.alloc_async(4));
                assert!(one.as_mut().poll(&mut context).is_pending());
                assert!(two.as_mut().poll(&mut context).is_pending());
                drop(held);
                assert!(one.as_mut().poll(&mut context).is_ready());
                assert!(two.as_mut().poll(&mut context).is_ready());
            }
        };
        rounds(2);
        assert_eq!(heap_watch::calls_during(|| rounds(10)), 0);
    }
}

#[test]
fn any_executor_will_do() {
    fn run<E: Executor>(pool: LockFreePool<[u32; 2]>) {
        let pool = Arc::new(pool);
        let rounds = if cfg!(miri) { 3 } else { 50 };
        let jobs = (0..10).map(|number| {
            let pool = Arc::clone(&pool);
            let job: Job = Box::pin(async move {
                for round in 0..rounds {
                    let handle = pool.alloc_async([number, round]).await.unwrap();
                    yield_now().await;
                    assert_eq!(*handle, [number, round]);
                }
            });
            job
        });
        E::run(jobs.collect());
        assert_eq!(pool.available(), 3);
    }
    pools(3).into_iter().for_each(run::<OneThread>);
    pools(3).into_iter().for_each(run::<TwoThreads>);
    pools(3).into_iter().for_each(run::<ThreadEach>);
    pools(3).into_iter().for_each(run::<PollsAlways>);
}

#[test]
fn threads_wait_and_take_at_once() {
    for (mode, pool) in pools(34).into_iter().enumerate() {
        // All but two are out, and magazines are of two slots.
        let held: Vec<_> = (0..32).map(|n| pool.alloc([n, n]).unwrap()).collect();
        let rounds = match cfg!(miri) {
            true => 10,
            false => 1000,
        };
        scope(|scope| {
            for number in 0..4 {
                let pool = &pool;
                scope.spawn(move || {
                    for round in 0..rounds {
                        let value = [number, round];
                        let handle = match (round + number) % 3 {
                            0 => pool.alloc(value).map_err(drop),
                            1 if round % 64 == 1 => {
                                assert!(pool.available() <= 2);
                                continue;
                            }
                            _ => pool.alloc_blocking(value).map_err(drop),
                        };
                        if let Ok(handle) = handle {
                            assert_eq!(*handle, value);
                        }
                    }
                });
            }
        });
        assert_eq!((pool.in_use(), pool.available()), (32, 2), "{mode}");
        drop(held);
        assert_eq!(pool.available(), 34);
    }
}
