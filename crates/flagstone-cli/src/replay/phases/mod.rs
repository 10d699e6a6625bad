//! Which objects die together, so that a program could put them into an arena.
//!
//! A trace shows single calls; an arena needs to know what is freed at once. So the survey looks
//! for *phases*: stretches of one thread's events in which many objects are allocated and at whose
//! end all of them are gone.
//!
//! ```text
//! live   request 1        request 2          request 3
//!  ▲      ╭──╮              ╭─╮               ╭────╮
//!  │   ╭──╯  ╰──╮       ╭───╯ ╰─╮         ╭───╯    ╰──╮
//!  │ ──╯        ╰───────╯       ╰─────────╯           ╰──  a cache, which outlives all of them
//!  ╰────────────┴───────────────┴─────────────────────┴──▶ events
//!               boundary        boundary              boundary
//! ```
//!
//! # Where a phase ends
//!
//! At a point that no object of the phase's kind spans. "All objects are dead" would almost never
//! be true, because of what outlives everything around it: a cache, a result. So objects are
//! looked at by the length of their lives, from [`span_of`] the first level (64 events) to that of
//! the last (2²⁰), four times as long at each. At a level only those count that live less than its
//! span and have no phase yet. Where none of them is live, a phase may end; whatever lives longer
//! is of a higher level or of no phase. Each level has an arena of its own in every thread, so
//! phases nest: an object of an outer phase may be allocated while an inner one goes on.
//!
//! A program knows such a boundary and can say which objects are temporary. It does not know which
//! of the objects in a queue will happen to be dead at a certain time, and a queue that is never
//! empty has no boundary here: at levels above its objects' lives one of them spans every point,
//! at levels below they do not count.
//!
//! # What is allowed
//!
//! 1. An object joins only if its own thread resizes and frees it.
//! 2. A phase has [`MIN_OBJECTS`] objects at least. Shorter stretches count as one
//!    until they have that many, unless what lies between two is longer than both 64 events and
//!    those before it: a temporary object now and then is no phase.
//! 3. A phase may hold twice as many bytes as its objects have live at once at most, or
//!    [`SLACK`] bytes more than that: an arena frees nothing before the end. Bytes left behind by
//!    growing objects count, as if each had to move unless it was the newest of its thread.
//!
//! # What is missed
//!
//! The trace is looked at in batches of [`BATCH`] events, so that memory is bounded (50 MB at
//! most); an object that lives across the end of a batch joins no phase. Phases whose end a few
//! short-lived objects happen to span are not seen either: nothing tells which of the objects a
//! programmer would have kept out.
//!
//! Considered and left out: stretches after which all that was allocated is dead (one cached object
//! in each hides all requests); cutting time into equal pieces (it finds phases in a queue, where
//! no program could use them); a share of survivors that is allowed (the same).

mod batch;
mod finder;
mod levels;
mod record;
mod sums;

pub(super) use finder::Finder;
pub(super) use levels::{LEVELS, Levels, LevelsReader, MIN_OBJECTS};
pub use sums::Phases;

#[cfg(doc)]
use {batch::SLACK, finder::BATCH, levels::span_of};
