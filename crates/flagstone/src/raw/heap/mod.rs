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
#![cfg_attr(
    loom,
    expect(dead_code, reason = "only what threads share is modelled")
)]

mod away;
mod bits;
#[cfg(not(any(loom, shuttle)))]
mod by_thread;
#[cfg(not(any(loom, shuttle)))]
mod census;
#[cfg(not(any(loom, shuttle)))]
mod chunk;
#[cfg(not(any(loom, shuttle)))]
mod clock;
#[cfg(not(any(loom, shuttle)))]
mod core;
#[cfg(not(any(loom, shuttle)))]
mod fence;
#[cfg(not(any(loom, shuttle)))]
mod guard;
#[cfg(not(any(loom, shuttle)))]
mod large;
mod list;
#[cfg(not(any(loom, shuttle)))]
mod local;
#[cfg(not(any(loom, shuttle)))]
mod mappings;
#[cfg(loom)]
mod models;
mod orphans;
#[cfg(not(any(loom, shuttle)))]
mod pool;
#[cfg(not(any(loom, shuttle)))]
mod quarantine;
#[cfg(not(any(loom, shuttle)))]
mod registry;
#[cfg(not(any(loom, shuttle)))]
mod sampling;
mod secret;
#[cfg(not(any(loom, shuttle)))]
mod site;
mod span;
#[cfg(not(any(loom, shuttle)))]
mod store;
#[cfg(not(any(loom, shuttle)))]
mod undo;
#[cfg(not(any(loom, shuttle)))]
mod unused;
#[cfg(not(any(loom, shuttle)))]
mod walk;
#[cfg(not(any(loom, shuttle)))]
mod watch;

#[cfg(not(any(loom, shuttle)))]
pub(crate) use self::core::{HeapCore, Wish, size_for};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use by_thread::ByThread;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use census::{Census, ClassCensus};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use guard::Guarded;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use local::Local;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use sampling::Step;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use store::Limits;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use walk::Area;
