//! The two locks exclude: each other's threads, or the same thread twice.

use std::sync::Arc;

use flagstone::sync::{NoLock, SpinLock};
use flagstone_testkit::fuse::{blow, blows, panics};
use lock_api::Mutex;

#[test]
fn a_spin_lock_lets_one_thread_in() {
    let rounds = if cfg!(miri) { 50 } else { 5_000 };
    let total = Arc::new(Mutex::<SpinLock, (u64, u64)>::new((0, 0)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let total = Arc::clone(&total);
            std::thread::spawn(move || {
                for _ in 0..rounds {
                    let mut total = total.lock();
                    assert_eq!(total.0, total.1, "somebody else was in between");
                    total.0 += 1;
                    total.1 += 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!(*total.lock(), (4 * rounds, 4 * rounds));
}

#[test]
fn a_spin_lock_is_held_while_its_guard_lives() {
    let lock = Mutex::<SpinLock, ()>::new(());
    let held = lock.lock();
    assert!(lock.is_locked() && lock.try_lock().is_none());
    drop(held);
    assert!(!lock.is_locked() && lock.try_lock().is_some());
}

#[test]
fn a_panic_under_a_lock_releases_it() {
    let spin = Mutex::<SpinLock, u8>::new(1);
    let none = Mutex::<NoLock, u8>::new(1);
    for _ in 0..2 {
        assert!(blows(|| {
            let (_spin, _none) = (spin.lock(), none.lock());
            blow();
        }));
    }
    assert_eq!((*spin.lock(), *none.lock()), (1, 1));
}

#[test]
fn re_entry_on_one_thread_is_a_panic() {
    let lock = Mutex::<NoLock, u8>::new(1);
    let held = lock.lock();
    assert!(panics(|| drop(lock.lock())));
    assert!(lock.try_lock().is_none(), "the first guard still holds it");
    drop(held);
    assert_eq!(*lock.lock(), 1);
}
