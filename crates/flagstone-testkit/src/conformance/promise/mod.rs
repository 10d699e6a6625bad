//! The checks, by promise.

pub mod arena;
pub mod exhaustion;
pub mod forgotten;
pub mod initial;
pub mod model;
pub mod order;
pub mod panics;
pub mod reentrancy;
pub mod shape;
pub mod steady;

/// How many slots the pools under test have: more than one small slab, not a multiple of one.
const SLOTS: usize = 13;
