//! Bugs that tests plant, to see that they would be found.

/// Whether a test has planted the bug `name` in this thread.
///
/// Always `false`, and gone after inlining, unless a model checker explores the code:
///
/// ```ignore
/// // Acquire: pairs with the Release in `push`.
/// let order = if seeded("pop is relaxed") { Ordering::Relaxed } else { Ordering::Acquire };
/// ```
#[cfg(not(any(loom, shuttle)))]
#[inline(always)]
pub(crate) const fn seeded(_name: &'static str) -> bool {
    false
}

#[cfg(any(loom, shuttle))]
pub use planted::seed;
#[cfg(any(loom, shuttle))]
pub(crate) use planted::seeded;

#[cfg(any(loom, shuttle))]
mod planted {
    extern crate std;

    use core::cell::Cell;

    std::thread_local! {
        /// Checkers run all threads of a model on the thread that explores it, so this is one model's.
        static PLANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    pub(crate) fn seeded(name: &'static str) -> bool {
        PLANTED.get() == Some(name)
    }

    /// Runs `explore` with the bug `name` planted in the models that it explores.
    #[doc(hidden)]
    pub fn seed<R>(name: &'static str, explore: impl FnOnce() -> R) -> R {
        struct Removed;
        impl Drop for Removed {
            fn drop(&mut self) {
                PLANTED.set(None);
            }
        }
        PLANTED.set(Some(name));
        let _removed = Removed;
        explore() // USER CODE
    }
}
