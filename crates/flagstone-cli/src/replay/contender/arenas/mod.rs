//! Arenas behind the interface of an allocator.

mod chunks;
mod contender;

pub(super) use contender::Arenas;
