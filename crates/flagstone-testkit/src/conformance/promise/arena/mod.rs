//! What all arenas promise.

pub mod agreement;
pub mod blocks;
pub mod boxes;
pub mod drops;
pub mod faults;
pub mod limits;
pub mod places;
pub mod reentrancy;
pub mod steady;
pub mod surprises;

use crate::conformance::WholeArena;

/// Fails unless `usage` adds up.
fn adds_up<A: WholeArena>(arena: &A) {
    let usage = arena.usage();
    assert_eq!(
        usage.reserved,
        usage.allocated + usage.available + usage.wasted,
        "{usage:?}"
    );
}
