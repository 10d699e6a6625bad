//! The general heap: size-classed slots for every thread without atomics, and back from any thread.
//!
//! ```text
//!   Local, one a thread ── bin of a class ── current span ── free slots
//!        │ none left                                            ▲ put back by its own thread
//!        ▼                                                      │ by others: Word, collected later
//!   HeapCore ── spans without owner ── Pool: slices of chunks, free ones given back with age
//!        ╰── Large: mappings of their own, some kept for the next
//! ```
//!
//! A chunk is aligned to its size and has its descriptors in front, so a slot's span is found from its
//! address: one tag says at once whose it is and which span it is in. Spans go from thread to thread when
//! threads end. The idea of many short lists that are taken whole is D. Leijen's, B. Zorn's and L. de Moura's
//! ("Mimalloc: free list sharding in action", MSR-TR-2019-18), that of a table of descriptors in front of a
//! chunk, too.

mod chunk;
mod clock;
mod core;
mod large;
mod list;
mod local;
mod orphans;
mod pool;
mod registry;
mod span;
mod store;

pub(crate) use self::core::{Census, HeapCore, Wish, size_for};
pub(crate) use local::Local;
pub(crate) use store::Limits;
