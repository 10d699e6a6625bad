//! Objects of a recycling pool are waited for among the tasks of one thread.

use std::{
    cell::Cell,
    future::{Future, pending, ready},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    rc::Rc,
    task::{Context, Waker},
};

use flagstone::{
    AllocErrorKind, OwnedHandle, RecyclePool,
    pool::{AcquireAsync, Recycle},
};
use flagstone_testkit::heap_watch;
use static_assertions::assert_not_impl_any;

use super::tasks::{Task, panics, yield_now};

assert_not_impl_any!(AcquireAsync<'static, Object, Hooks>: Send, Sync, Unpin);

#[derive(Debug)]
struct Object {
    number: u32,
    valid: bool,
    used: bool,
}

/// Counts, and panics when it is told to.
#[derive(Default)]
struct Hooks {
    made: Cell<u32>,
    discarded: Cell<u32>,
    panics: Cell<Option<&'static str>>,
}

impl Hooks {
    fn may_panic(&self, at: &'static str) {
        if self.panics.get() == Some(at) {
            self.panics.set(None);
            panic!("{at}");
        }
    }
}

impl Recycle<Object> for Hooks {
    fn create(&self) -> Object {
        self.may_panic("create");
        self.made.set(self.made.get() + 1);
        Object {
            number: self.made.get(),
            valid: true,
            used: false,
        }
    }

    fn reset(&self, object: &mut Object) {
        self.may_panic("reset");
        object.used = false;
    }

    fn is_valid(&self, object: &Object) -> bool {
        self.may_panic("is_valid");
        object.valid
    }

    fn discard(&self, _: Object) {
        self.may_panic("discard");
        self.discarded.set(self.discarded.get() + 1);
    }
}

fn pool(capacity: usize) -> RecyclePool<Object, Hooks> {
    RecyclePool::new(capacity, Hooks::default())
}

#[test]
fn objects_are_handed_over_in_order() {
    let pool = pool(2);
    let mut first = Task::new(pool.acquire_async()).ready().unwrap();
    first.used = true;
    let second = pool.acquire().unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| Task::waiting(pool.acquire_async()))
        .collect();
    drop(first);
    assert!(pool.acquire().is_err(), "it was handed over");
    assert_eq!((pool.idle(), pool.in_use()), (0, 2));
    assert_eq!(tasks.iter().map(Task::wakes).sum::<usize>(), 1);
    drop(second);
    for (task, number) in tasks.into_iter().zip([1, 2].into_iter().cycle()) {
        assert_eq!(task.wakes(), 1);
        let object = task.ready().unwrap();
        assert_eq!((object.number, object.used), (number, false));
    }
    assert_eq!((pool.idle(), pool.available()), (2, 2));
    assert_eq!(pool.recycle().made.get(), 2);
}

/// An object that is not valid any more is replaced for who was given it, who keeps the turn.
#[test]
fn what_is_handed_over_is_as_good_as_new() {
    let pool = pool(1);
    let mut held = pool.acquire().unwrap();
    let tasks = [(); 2].map(|()| Task::waiting(pool.acquire_async()));
    held.valid = false;
    drop(held);
    let [first, second] = tasks;
    let object = first.ready().unwrap();
    assert_eq!((object.number, second.wakes()), (2, 0));
    assert_eq!(pool.recycle().discarded.get(), 1);
    // A slot whose object is taken out is handed over empty.
    assert_eq!(OwnedHandle::into_inner(object).number, 2);
    let object = second.ready().unwrap();
    assert_eq!(object.number, 3);
    let (_, vacant) = RecyclePool::detach(object);
    let third = Task::waiting(pool.acquire_async());
    drop(vacant);
    assert_eq!(third.ready().unwrap().number, 4);
    assert_eq!((pool.idle(), pool.in_use()), (1, 0));
}

#[test]
fn dropped_at_every_poll() {
    for dropped_at in 0..6 {
        for victim in 0..3 {
            let pool = Rc::new(pool(2));
            let mut held: Vec<_> = (0..2).map(|_| pool.acquire().unwrap()).collect();
            let mut tasks: Vec<_> = (0..3)
                .map(|_| {
                    let pool = Rc::clone(&pool);
                    Some(Task::new(async move {
                        for _ in 0..2 {
                            let object = pool.acquire_async().await.unwrap();
                            yield_now().await;
                            assert!(object.valid);
                        }
                    }))
                })
                .collect();
            for step in 0..30 {
                if step == dropped_at {
                    tasks[victim] = None;
                }
                if step == 2 {
                    held.pop();
                }
                if step == 3 {
                    let object = held.pop().map(OwnedHandle::into_inner);
                    assert!(object.unwrap().valid);
                }
                for task in &mut tasks {
                    if task.as_mut().is_some_and(|task| task.poll().is_ready()) {
                        *task = None;
                    }
                }
            }
            assert!(tasks.iter().all(Option::is_none), "nobody waits for ever");
            assert_eq!(pool.available(), 2, "{dropped_at}, {victim}");
            let both = [(); 2].map(|()| pool.acquire());
            assert!(both.iter().all(Result::is_ok));
        }
    }
}

#[test]
fn who_waits_in_vain_is_told() {
    let pool = pool(1);
    let held = pool.acquire().unwrap();
    let late = Task::new(pool.acquire_timeout(ready(()))).ready();
    assert_eq!(late.unwrap_err().kind(), AllocErrorKind::TimedOut);
    let tasks: Vec<_> = (0..40)
        .map(|_| Task::waiting(pool.acquire_async()))
        .collect();
    pool.close();
    for task in tasks {
        assert_eq!(task.wakes(), 1);
        assert_eq!(task.ready().unwrap_err().kind(), AllocErrorKind::Closed);
    }
    let late = Task::new(pool.acquire_async()).ready();
    assert_eq!(late.unwrap_err().kind(), AllocErrorKind::Closed);
    drop(held);
    let timed = Task::new(pool.acquire_timeout(pending::<()>())).ready();
    assert!(timed.is_ok(), "what is free is there");
}

/// Whichever hook panics while somebody waits, the slot goes to the next.
#[test]
fn a_hook_may_panic() {
    for (at, invalid) in [
        ("reset", false),
        ("is_valid", false),
        ("discard", true),
        ("create", true),
    ] {
        let pool = pool(1);
        let mut held = Some(pool.acquire().unwrap());
        let mut tasks = [(); 2].map(|()| Task::waiting(pool.acquire_async()));
        held.as_mut().unwrap().valid = !invalid;
        pool.recycle().panics.set(Some(at));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            held = None;
            tasks[0].poll().map(drop)
        }));
        assert!(panicked.is_err(), "{at}");
        let [first, second] = tasks;
        let given = match at {
            "reset" => {
                drop(second);
                first.ready().unwrap()
            }
            _ => {
                drop(first);
                second.ready().unwrap()
            }
        };
        assert!(given.valid, "{at}");
        drop(given);
        assert_eq!((pool.in_use(), pool.available()), (0, 1), "{at}");
    }
}

#[test]
fn a_waker_may_panic_and_use_the_pool() {
    let pool = pool(1);
    let mut held = pool.acquire().unwrap();
    let waker = panics();
    let mut context = Context::from_waker(&waker);
    for round in 0..3 {
        let mut future = Box::pin(pool.acquire_async());
        assert!(future.as_mut().poll(&mut context).is_pending());
        let released = catch_unwind(AssertUnwindSafe(|| match round {
            0 => drop(held),
            _ => assert!(OwnedHandle::into_inner(held).valid),
        }));
        assert!(released.is_err());
        let task = Task::new(future);
        held = task.ready().unwrap();
    }
    drop(held);
    assert_eq!((pool.idle(), pool.available()), (1, 1));
}

/// A forgotten future keeps what it was given, and is in nobody's way when the pool is cleared.
#[test]
#[cfg_attr(flagstone_asan, ignore = "leaks on purpose")]
fn a_forgotten_future_costs_its_object() {
    let mut pool = pool(3);
    let [first, second, third] = [(); 3].map(|()| pool.acquire().unwrap());
    let waiting = [(); 4].map(|()| Task::waiting(pool.acquire_async()));
    drop(first);
    mem::forget(waiting);
    assert_eq!((pool.in_use(), pool.idle()), (3, 0));
    drop((second, third));
    assert_eq!(pool.in_use(), 3, "given to those that were forgotten");
    pool.clear();
    assert_eq!((pool.in_use(), pool.available()), (0, 3));
    drop(pool.acquire());
    assert_eq!(pool.idle(), 1, "nobody waits");
    let [first, second, third] = [(); 3].map(|()| pool.acquire().unwrap());
    mem::forget(Task::waiting(pool.acquire_async()));
    // An empty slot.
    assert!(OwnedHandle::into_inner(first).valid);
    drop((second, third));
    if !cfg!(any(miri, flagstone_asan)) {
        // Its memory is leaked, as with a vacant handle that was forgotten.
        drop(pool);
    }
}

#[test]
#[cfg(not(any(miri, flagstone_asan, flagstone_tsan)))]
fn waiting_allocates_nothing() {
    assert!(heap_watch::is_installed());
    let pool = pool(1);
    let rounds = |count: usize| {
        for _ in 0..count {
            let held = pool.acquire().unwrap();
            let mut context = Context::from_waker(Waker::noop());
            let mut one = pin!(pool.acquire_async());
            let mut two = pin!(pool.acquire_async());
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
