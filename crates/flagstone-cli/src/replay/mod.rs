//! Replaying a trace with different allocators and measuring them.
//!
//! # What is replayed
//!
//! Every allocation, reallocation and free of the trace, in the recorded order on each thread. An
//! operation on an object waits for the previous operation on the same object, whichever thread
//! made it; nothing else orders the threads, except that all of them pause between windows (a
//! window is one block of the trace, at most 65,536 events). What the program did between its
//! calls, the creation of threads and the recorded times are not replayed.
//!
//! # What is measured
//!
//! *Time* is processor time of the threads while they carry out operations, without decoding the
//! trace and without waiting for each other. Every object's first and last eight bytes are
//! written and one byte in each of its pages, because memory that is never touched costs nothing;
//! the same bytes are compared before the object is freed or resized, so an allocator that hands
//! out overlapping memory is found out. Both belong to the time, for all contenders alike.
//!
//! *Memory* is the growth of the process's anonymous resident memory. The replay's own buffers
//! are resident before the baseline is taken and do not grow afterwards: they are bounded by the
//! most live objects plus one window, not by the length of the trace.
//!
//! Each contender plays each round in a process of its own, in alternating order.
//!
//! ```text
//! trace ─ Survey ─┬─ child process: Stage ─ Windows ─ Planner ─ ops ─ workers ─ Measured ─┐
//!                 └─ child process: ...                                                    ┴─ Contest
//! ```

mod child;
mod clock;
mod contender;
mod contest;
mod crew;
mod fault;
mod gauge;
mod groups;
mod ledger;
mod lifetime;
mod measured;
mod memory;
mod op;
mod phases;
mod planner;
mod player;
mod report;
mod seats;
mod slots;
mod spread;
mod stage;
mod stamp;
pub(crate) mod survey;
mod windows;

pub use child::{SUBCOMMAND, answer, replay_once};
pub use contender::{CONTENDERS, Contender, contender_named, perform};
pub use contest::Contest;
pub use fault::Fault;
pub use lifetime::{Lifetime, LifetimeAlloc};
pub use measured::{Growth, Measured};
pub use phases::Phases;
pub use stage::{Alone, Shared, Stage, Stopped};
pub use survey::Survey;
