//! Typed pools behind the interface of an allocator.

mod access;
mod cell;
mod classes;
mod contender;

pub(super) use contender::Pools;
