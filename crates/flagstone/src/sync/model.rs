//! What models of the library's own parts are made of.
//!
//! Loom runs all threads of a model on one thread of the system, so models do without thread-locals.

extern crate std;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use super::checker::{UnsafeCell, thread};
use super::{checker::Builder, seed};

/// Every execution with at most so many switches of a thread that could have gone on.
const PREEMPTIONS: usize = 3;

/// Runs `body` in every interleaving within the bound.
pub(crate) fn explore(body: impl Fn() + Sync + Send + 'static) {
    explore_within(PREEMPTIONS, body);
}

/// As [`explore`], for models that need fewer switches to show what they are about.
pub(crate) fn explore_within(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body); // USER CODE
}

/// The model fails with the bug `name` planted.
pub(crate) fn finds(name: &'static str, body: impl Fn() + Sync + Send + 'static) {
    let found = catch_unwind(AssertUnwindSafe(|| seed(name, || explore(body))));
    assert!(found.is_err(), "{name}: not found");
}
