//! Allocation traces: what a program allocated, resized and freed, by which thread and when.
//!
//! A trace is a stream of [`Event`]s in **one global order** in which the [`EventKind::Alloc`] of
//! an object precedes every other event of that object. Two orders follow from it and nothing
//! more is stored: the order of each thread's own events, and the edges between threads. A reader
//! that remembers which thread allocated an object knows that a [`EventKind::Free`] of it by
//! another thread must wait for that allocation.
//!
//! ```
//! use flagstone_trace::{Event, EventKind, Header, ObjectId, Reader, Summary, ThreadNumber, Writer};
//!
//! # fn main() -> Result<(), flagstone_trace::TraceError> {
//! let header = Header { program: "demo".into(), ..Header::default() };
//! let mut writer = Writer::new(Vec::new(), header)?;
//! let (thread, object) = (ThreadNumber(0), ObjectId(0));
//! let kind = EventKind::Alloc { object, size: 100, align: 16, zeroed: false };
//! writer.push(&Event { thread, time_ns: 10, kind })?;
//! writer.push(&Event { thread, time_ns: 25, kind: EventKind::Free { object } })?;
//! let bytes = writer.finish(Summary { duration_ns: 25, ..Summary::default() })?;
//!
//! let mut reader = Reader::new(bytes.as_slice())?;
//! assert_eq!(reader.header().program, "demo");
//! assert_eq!(reader.events().count(), 2);
//! assert_eq!(reader.summary().map(|s| s.events), Some(2));
//! # Ok(())
//! # }
//! ```
//!
//! # What a reader may rely on
//!
//! [`Reader`] checks, at no cost worth naming, that objects are numbered densely in the order of
//! their allocation, that threads are numbered densely in the order of their first event, that no
//! event names an object that was not allocated before it, and that every size and alignment is
//! one a 64-bit [`Layout`](std::alloc::Layout) could have. It does not remember which objects are
//! alive: [`Validator`] does, and refuses a second free. [`LiveStats`] computes the numbers that
//! people ask a trace for. All three work on a stream; memory is bounded by the objects alive.
//!
//! # The file
//!
//! ```text
//! magic (8 bytes) · version (u16) · section 'H' · sections 'S' and 'B' in turn · section 'F'
//!
//! section = tag u8 · events u32 · raw length u32 · stored length u32 · crc32 u32 · stored bytes
//! ```
//!
//! All numbers are little-endian. The checksum covers the rest of the section's head and the
//! stored bytes. `H` is the [`Header`], `F` the [`Summary`] (uncompressed and of constant size, so
//! that it is found from the end of a file), and each `B` a block of at most 65,536 events,
//! deflated. A block is stored by columns, because sizes resemble sizes and times resemble times:
//!
//! ```text
//! first object · threads so far · 6 column lengths      (variable-length integers)
//! operations   one byte each: kind, zeroed, "another thread", alignment
//! threads      the number, only where the thread changes
//! times        difference to the previous event
//! sizes        of allocations and reallocations
//! objects      of reallocations and frees: distance from the newest object
//! stacks       of allocations and reallocations: the call site; empty when none is known
//! ```
//!
//! Differences start anew in every block, so each block decodes without the ones before it, and a
//! trace that was cut off still gives all its whole blocks before the error.
//!
//! An `S` is deflated too and tells of call sites that no block before it has used: modules (first
//! address, length, bias, path), names (address; function, file, line of each inlined call) and
//! stacks, each of which is one address and the older stack that called it. A list of call sites
//! stands before the block that needs it, so a trace that is cut off explains all it has.
//!
//! # Versions
//!
//! Version 1 had no `S`, no column of stacks, no origin, sampling and depth at the end of the
//! header, and a summary that ended with the completeness. It is read for ever; what it lacks is
//! taken as recorded, whole and without call sites.
//!
//! Considered and left out: rows instead of columns (larger after deflate), a general
//! serialisation format (events are the only bulk and none comes near four bytes for one), a stack
//! per event instead of a number (a program has a few thousand of them), and call sites at the end
//! of the file (a trace that is cut off would lose them all).
#![forbid(unsafe_code)]

mod block;
mod error;
mod event;
#[cfg(feature = "convert")]
pub mod export;
mod header;
mod histogram;
#[cfg(feature = "convert")]
pub mod import;
mod numbering;
mod origin;
mod reader;
mod sampling;
mod section;
mod site_stats;
mod sites;
mod stats;
mod summary;
mod validator;
mod varint;
mod writer;

pub use error::TraceError;
pub use event::{Event, EventKind, ObjectId, ThreadNumber};
pub use header::Header;
pub use histogram::{Bucket, Histogram};
pub use origin::{Ending, Origin, StopReason};
pub use reader::{Events, Reader};
pub use sampling::Sampling;
pub use section::FORMAT_VERSION;
pub use site_stats::{SiteRow, SiteStats};
pub use sites::{Location, Module, Sites, StackId};
pub use stats::{LiveStats, ThreadStats};
pub use summary::Summary;
pub use validator::Validator;
pub use writer::Writer;
