//! Slots of pools are waited for as bytes of budgets are.

use std::{
    future::{Future, pending, ready},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Context,
    thread,
};

use flagstone::{
    AllocErrorKind, LockFreePool, OwnedHandle, RecyclePool, ThreadSafePool,
    pool::{AllocAsync, FnRecycle, GrowthStrategy, PoolConfig},
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::tasks::{
    Executor, Job, OneThread, PollsAlways, Task, ThreadEach, TwoThreads, panics, yield_now,
};

assert_impl_all!(AllocAsync<'static, u8>: Send, Sync);
assert_not_impl_any!(AllocAsync<'static, std::rc::Rc<u8>>: Send, Sync);
assert_not_impl_any!(AllocAsync<'static, u8>: Unpin);

#[test]
fn slots_are_handed_over_in_order() {
    let pool = ThreadSafePool::new(2);
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

#[test]
fn who_leaves_loses_nothing() {
    let pool = ThreadSafePool::new(1);
    let held = pool.alloc(String::from("held")).unwrap();
    let [first, second, third] =
        ["first", "second", "third"].map(|name| Task::waiting(pool.alloc_async(name.to_owned())));
    drop(second);
    drop(held);
    assert_eq!((first.wakes(), third.wakes()), (1, 0));
    drop(first);
    assert_eq!(*third.ready().unwrap(), "third");
    assert_eq!((pool.in_use(), pool.is_full()), (0, false));
}

#[test]
fn a_closed_pool_gives_values_back() {
    let pool = ThreadSafePool::new(1);
    let held = pool.alloc(0).unwrap();
    let tasks: Vec<_> = (1..40)
        .map(|n| Task::waiting(pool.alloc_async(n)))
        .collect();
    pool.close();
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

#[test]
fn a_timer_gives_the_value_back() {
    let pool = ThreadSafePool::new(1);
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

#[test]
fn a_pool_grows_before_anybody_waits() {
    let config = PoolConfig::builder()
        .capacity(1)
        .max_capacity(Some(2))
        .growth_strategy(GrowthStrategy::Linear { amount: 1 });
    let pool = ThreadSafePool::with_config(config.build().unwrap()).unwrap();
    let first = Task::new(pool.alloc_async(1)).ready().unwrap();
    let second = Task::new(pool.alloc_async(2)).ready().unwrap();
    let third = Task::waiting(pool.alloc_async(3));
    drop((first, second));
    assert_eq!(*third.ready().unwrap(), 3);
}

/// The slot that a forgotten future was given holds no value, and nobody looks for one.
#[test]
#[cfg_attr(flagstone_asan, ignore = "leaks on purpose")]
fn a_forgotten_future_costs_its_slot() {
    let value = Arc::new(());
    let pool = ThreadSafePool::new(2);
    let held = pool.alloc(Arc::clone(&value)).unwrap();
    let kept = pool.alloc(Arc::clone(&value)).unwrap();
    let waiting = Task::waiting(pool.alloc_async(Arc::clone(&value)));
    drop(held);
    mem::forget(waiting);
    drop(kept);
    assert_eq!(pool.in_use(), 1);
    // That of the future.
    assert_eq!(Arc::strong_count(&value), 2);
    if !cfg!(any(miri, flagstone_asan)) {
        // Its memory is leaked, as with a vacant handle that was forgotten.
        drop(pool);
    }
}

/// Who clears a pool has it alone: what comes back is free, and not given to who was forgotten in the line.
#[test]
#[cfg_attr(flagstone_asan, ignore = "leaks on purpose")]
fn a_forgotten_line_is_given_nothing() {
    let value = Arc::new(());
    let mut pool = ThreadSafePool::new(1);
    for _ in 0..2 {
        mem::forget(pool.alloc(Arc::clone(&value)).unwrap());
        mem::forget(Task::waiting(pool.alloc_async(Arc::clone(&value))));
        pool.clear();
        assert_eq!((pool.in_use(), pool.available()), (0, 1));
        mem::forget(pool.alloc(Arc::clone(&value)).unwrap());
        mem::forget(Task::waiting(pool.alloc_async(Arc::clone(&value))));
        assert_eq!(pool.drain().count(), 1);
    }
    mem::forget(pool.alloc(Arc::clone(&value)).unwrap());
    mem::forget(Task::waiting(pool.alloc_async(Arc::clone(&value))));
    drop(pool);
    assert_eq!(
        Arc::strong_count(&value),
        6,
        "those of the futures, and ours"
    );
}

/// The value whose slot is given to somebody is not lost if that one's waker panics.
#[test]
fn a_value_that_is_taken_out_outlives_no_waker() {
    let value = Arc::new(());
    fn check<R>(waits: impl Future, take_out: impl FnOnce() -> R) {
        let waker = panics();
        let mut waits = pin!(waits);
        let mut context = Context::from_waker(&waker);
        assert!(waits.as_mut().poll(&mut context).is_pending());
        assert!(catch_unwind(AssertUnwindSafe(take_out)).is_err());
    }
    let pool = ThreadSafePool::new(1);
    let held = pool.alloc(Arc::clone(&value)).unwrap();
    check(pool.alloc_async(Arc::clone(&value)), || {
        OwnedHandle::into_inner(held)
    });
    assert_eq!(Arc::strong_count(&value), 1);
    for pool in [LockFreePool::new(1), LockFreePool::exact(1)] {
        let held = pool.alloc(Arc::clone(&value)).unwrap();
        check(pool.alloc_async(Arc::clone(&value)), || {
            OwnedHandle::into_inner(held)
        });
        assert_eq!(Arc::strong_count(&value), 1);
    }
    let pool = RecyclePool::new(1, FnRecycle::new(|| Arc::clone(&value), |_| ()));
    let held = pool.acquire().unwrap();
    check(pool.acquire_async(), || OwnedHandle::into_inner(held));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn any_executor_will_do() {
    fn run<E: Executor>() {
        let pool = Arc::new(ThreadSafePool::new(3));
        let rounds = if cfg!(miri) { 3 } else { 100 };
        let jobs = (0..10).map(|number| {
            let pool = Arc::clone(&pool);
            let job: Job = Box::pin(async move {
                for round in 0..rounds {
                    let handle = pool.alloc_async(vec![number, round]).await.unwrap();
                    yield_now().await;
                    assert_eq!(*handle, [number, round]);
                }
            });
            job
        });
        E::run(jobs.collect());
        assert_eq!(pool.available(), 3);
    }
    run::<OneThread>();
    run::<TwoThreads>();
    run::<ThreadEach>();
    run::<PollsAlways>();
}

#[test]
fn threads_wait_and_take_at_once() {
    let pool = ThreadSafePool::new(2);
    let rounds = if cfg!(miri) { 10 } else { 2000 };
    thread::scope(|scope| {
        for number in 0..4 {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..rounds {
                    let value = [number, round];
                    let handle = match (round + number) % 3 {
                        0 => pool.alloc(value).map_err(drop),
                        _ => pool.alloc_blocking(value).map_err(drop),
                    };
                    if let Ok(handle) = handle {
                        assert_eq!(*handle, value);
                    }
                }
            });
        }
    });
    assert_eq!((pool.in_use(), pool.available()), (0, 2));
}
