//! What models of the library's own parts are made of.
//!
//! Loom and shuttle run all threads of a model on one thread of the system, so models do without
//! thread-locals. Loom goes through every interleaving within a bound and knows the memory model; shuttle
//! draws schedules by chance, with any number of switches, in one order that all threads see. So what only
//! loom can find is left to it, and what takes many steps to go wrong is for shuttle (`schedules`).

extern crate std;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use super::checker::{UnsafeCell, thread};
use super::{checker, seed};

/// Every execution with at most so many switches of a thread that could have gone on.
const PREEMPTIONS: usize = 3;

/// Runs `body` in every interleaving within the bound, or in many schedules.
pub(crate) fn explore(body: impl Fn() + Sync + Send + 'static) {
    explore_within(PREEMPTIONS, body);
}

/// As [`explore`], for models that need fewer switches to show what they are about.
pub(crate) fn explore_within(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    checker::check(preemptions, body); // USER CODE
}

/// The model fails with the bug `name` planted. A bug that is an order of memory, which its name says, is
/// none where there is only one.
pub(crate) fn finds(name: &'static str, body: impl Fn() + Sync + Send + 'static) {
    if cfg!(shuttle) && (name.contains("relaxed") || name.contains("barrier")) {
        return;
    }
    let found = catch_unwind(AssertUnwindSafe(|| seed(name, || explore(body))));
    assert!(found.is_err(), "{name}: not found");
}
