//! A slot that comes back while somebody begins to wait is handed over, or found.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use flagstone::{
    ThreadSafePool,
    pool::{NoHooks, PoolConfig},
    provider::Global,
    sync::SpinLock,
};
use loom::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::explore;

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn given_back_while_one_begins_to_wait() {
    let config = PoolConfig::with_capacity(1);
    let pool = ThreadSafePool::<u32, _>::with_parts(config, SpinLock::new(), NoHooks, Global);
    let pool = Arc::new(pool.unwrap());
    let held = pool.alloc_static(1).unwrap();
    let other = thread::spawn(move || drop(held));
    let woken = Arc::new(Woken(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    {
        let mut future = pin!(pool.alloc_async(2));
        let polled = future.as_mut().poll(&mut context);
        other.join().unwrap();
        let handle = match polled {
            Poll::Ready(handle) => handle,
            Poll::Pending => {
                assert_eq!(woken.0.load(Ordering::Relaxed), 1, "woken once");
                match future.as_mut().poll(&mut context) {
                    Poll::Ready(handle) => handle,
                    Poll::Pending => panic!("woken for nothing"),
                }
            }
        };
        assert_eq!(*handle.unwrap(), 2);
    }
    assert_eq!(pool.available(), 1);
}

#[test]
fn a_slot_is_handed_over_or_found() {
    explore(2, given_back_while_one_begins_to_wait);
}

#[test]
fn a_desk_that_says_nothing_is_found() {
    let found = std::panic::catch_unwind(|| {
        flagstone::sync::seed("desk: says nothing", || {
            explore(2, given_back_while_one_begins_to_wait);
        });
    });
    assert!(found.is_err());
}
