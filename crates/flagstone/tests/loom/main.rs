//! What threads share is excluded and ordered in every execution that the memory model allows.
//!
//! Loom runs each closure once per interleaving, and per value that a load may return. Its cells
//! fail the test when two accesses are not ordered, so a `Relaxed` where `Acquire` or `Release`
//! must stand is found although x86 would never show it.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p flagstone --test loom
//! ```
#![cfg(loom)]

mod lock;
mod shared_handles;
mod shared_pool;
mod waiting;
mod witness;

use loom::model::Builder;

/// Every execution with at most `preemptions` switches of a thread that could have gone on.
fn explore(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}
