//! Slabs that one owner takes slots from and anybody puts slots back into: the remote half.
//!
//! ```text
//!             take                              put, by whoever has the slot
//!   owner ◀──────────── own free slots                     │
//!     │ none left                                          ▼
//!     ├──── collects ◀─────────────────────────────  Word: list of slots that came back
//!     │ nothing there: gives the slab up                   │ the slab has no owner, and this slot
//!     ▼                                                    ▼ makes it worth a look, or empty
//!   Core: the slabs without an owner, on shelves, behind a lock
//! ```
//!
//! A slot comes back with one atomic exchange, and the owner takes all that came back with another.
//! The lists that are only ever taken whole are D. Leijen's, B. Zorn's and L. de Moura's ("Mimalloc:
//! free list sharding in action", MSR-TR-2019-18), slabs found by mask and kept by caches J. Bonwick's
//! ("The slab allocator", USENIX 1994).

#[cfg(all(
    feature = "heap",
    feature = "std",
    unix,
    target_pointer_width = "64",
    any(not(any(loom, shuttle)), all(test, loom))
))]
mod claim;
mod core;
mod link;
#[cfg(all(test, any(loom, shuttle), feature = "std"))]
mod models;
mod owner;
mod shape;
mod shelf;
mod slab;
mod tap;
mod tenants;
mod word;

pub(crate) use self::core::Core;
pub(crate) use link::{is_occupied, set_occupied};
pub(crate) use shape::RemoteShape;
pub(crate) use slab::RemoteSlab;
pub(crate) use tap::Tap;
pub(crate) use tenants::Recycler;
#[cfg(all(
    feature = "heap",
    feature = "std",
    unix,
    target_pointer_width = "64",
    any(not(any(loom, shuttle)), all(test, loom))
))]
pub(super) use word::{Said, Word};
