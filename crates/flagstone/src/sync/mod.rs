//! The one door to atomics, cells and threads, and two small locks.
//!
//! Everything concurrent in the library names `crate::sync`, never `core::sync::atomic`: with
//! `--cfg loom` or `--cfg shuttle` the same code runs under a model checker.
//!
//! | lock | for | cost uncontended |
//! |---|---|---|
//! | [`SpinLock`] | short critical sections, `no_std` | one atomic exchange, one store |
//! | [`NoLock`] | one thread; refuses re-entry | one load, two stores, no atomics |
//!
//! Both are [`lock_api::RawMutex`]es, so any lock of that family can stand in their place.

#[cfg(not(target_has_atomic = "ptr"))]
compile_error!(
    "flagstone needs a target with compare-and-swap for words (target_has_atomic = \"ptr\"), \
     which this one does not have"
);

mod backoff;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub(crate) mod barrier;
mod default_lock;
#[cfg(all(test, any(loom, shuttle)))]
pub(crate) mod model;
mod no_lock;
#[cfg(feature = "std")]
mod numbers;
mod seeded;
mod spin_lock;

pub(crate) use backoff::Backoff;
pub use default_lock::DefaultLock;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub(crate) use default_lock::default_lock;
pub use no_lock::NoLock;
#[cfg(feature = "std")]
pub(crate) use numbers::Numbers;
#[cfg(any(loom, shuttle))]
#[doc(hidden)]
pub use seeded::seed;
pub(crate) use seeded::seeded;
pub use spin_lock::SpinLock;

/// The model checker, for `model`.
#[cfg(all(test, loom))]
mod checker {
    pub(crate) use loom::{cell::UnsafeCell, thread};

    /// Runs `body` in every interleaving with at most so many preemptions.
    pub(crate) fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(body); // USER CODE
    }
}

/// The one that draws schedules, for `model`.
#[cfg(all(test, shuttle, not(loom)))]
mod checker {
    use alloc::sync::Arc;

    pub(crate) use shuttle::thread;
    use shuttle::{
        Config, Runner,
        scheduler::{PctScheduler, RandomScheduler},
    };

    /// Schedules of each kind.
    const SCHEDULES: usize = 300;
    /// Always the same ones.
    const SEED: u64 = 0x5eed;

    /// Runs `body` in schedules that switch at any step, and in such that switch at few (S. Burckhardt and
    /// others, "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010).
    pub(crate) fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
        let body = Arc::new(body);
        let again = Arc::clone(&body);
        let random = RandomScheduler::new_from_seed(SEED, SCHEDULES);
        Runner::new(random, Config::new()).run(move || body()); // USER CODE
        let few = PctScheduler::new_from_seed(SEED, preemptions, SCHEDULES);
        Runner::new(few, Config::new()).run(move || again()); // USER CODE
    }

    /// A cell with loom's interface, and nothing that watches it.
    pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// Atomics of the platform, or of the model checker.
pub(crate) mod atomic {
    #[cfg(all(target_has_atomic = "64", not(any(loom, shuttle))))]
    pub(crate) use core::sync::atomic::AtomicU64;
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
    // Where words have 32 bits, for want of larger ones; and for the parts that need `std`.
    #[cfg(all(
        any(feature = "std", not(target_has_atomic = "64")),
        not(any(loom, shuttle))
    ))]
    pub(crate) use core::sync::atomic::AtomicU32;
    #[cfg(all(feature = "std", target_has_atomic = "64", not(any(loom, shuttle))))]
    pub(crate) use core::sync::atomic::{AtomicIsize, compiler_fence, fence};
    #[cfg(loom)]
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
    #[cfg(all(loom, feature = "std"))]
    pub(crate) use loom::sync::atomic::{AtomicIsize, AtomicU32, fence};
    #[cfg(all(shuttle, not(loom)))]
    pub(crate) use shuttle::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering,
    };
    #[cfg(all(shuttle, not(loom), feature = "std"))]
    pub(crate) use shuttle::sync::atomic::{AtomicIsize, AtomicU32, fence};
}

/// Atomics for `static`s, which model checkers cannot make: settings of the whole process, no
/// protocol between threads.
pub(crate) mod process {
    #[cfg(feature = "std")]
    pub(crate) use core::sync::atomic::AtomicU64;
    #[cfg(any(feature = "std", all(feature = "heap", unix)))]
    pub(crate) use core::sync::atomic::AtomicUsize;
    pub(crate) use core::sync::atomic::{AtomicPtr, Ordering};
}

/// An unlocked lock. Apart, and generic, so that the constant is only evaluated where it is used:
/// model checkers have no such constants.
pub(crate) fn unlocked<R: lock_api::RawMutex>() -> R {
    R::INIT
}

/// Tells the processor, or the model checker, that this thread waits for another.
#[inline]
pub(crate) fn spin_loop() {
    #[cfg(not(any(loom, shuttle)))]
    core::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(all(shuttle, not(loom)))]
    shuttle::thread::yield_now();
}
