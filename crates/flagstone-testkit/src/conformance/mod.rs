//! The promises of the library, one generic function each.
//!
//! A [`PoolKind`] says how a kind of pool is built; the checks in [`promise`] are generic over it,
//! and [`conformance!`](crate::conformance!) makes a named test of each. What a check calls is in
//! small traits ([`Door`], [`InPlace`], [`Walk`] …), so that a door with fewer abilities than a pool
//! (an arena, a slab cache, a shared pool) can implement those it has and be run through the
//! checks that need no more.
//!
//! A kind is a type, because strategies and slab sizes are; where the memory comes from and how a
//! pool grows are values, in a [`Setting`], and every check runs in every setting. So each strategy
//! meets each provider while only the strategies are compiled one by one.
//!
//! Arenas have a suite of their own in [`promise::arena`]: an [`ArenaKind`] says how a kind of arena
//! is built, [`ArenaDoors`], [`Blocks`] and [`WholeArena`] what it does, and
//! [`arena_conformance!`](crate::arena_conformance!) names a test of each promise.

mod arena_doors;
mod arena_kind;
mod arenas;
mod buffered;
mod cached;
mod door;
mod kind;
mod macros;
mod policies;
mod pools;
pub mod promise;
mod recycling;
mod rooted;
mod spec;

pub use arena_doors::{ArenaDoors, Blocks, WholeArena};
pub use arena_kind::{ArenaKind, TestProvider, each_arena};
pub use arenas::{Local, LocalWithShared, Locked, Shared, Single};
pub use buffered::{Buffered, BufferedPool, First};
pub use cached::{Cached, CachedPool, Tallied};
pub use door::{Counted, Door, InPlace, Initializes, Pool, Unwrap, Walk};
pub use kind::{PoolKind, each, fill};
pub use policies::Zeroing;
pub use pools::{
    Fixed, Growing, LockFree, LockFreeExact, LockFreeMode, TestedStrategy, ThreadSafe,
};
pub use recycling::{Emptied, Filled, Recycling, RecyclingPool};
pub use rooted::{Kept, KeptFixed, KeptGrowing, KeptThreadSafe, KeptVacant};
pub use spec::{Growth, Setting, Spec};
