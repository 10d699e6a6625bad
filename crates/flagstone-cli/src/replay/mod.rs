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
//! *Memory over time* is looked at in the pauses between windows; a short trace has a round of its
//! own for that, in which it is cut finer.
//!
//! *Latency* is wall time of single operations, from when their turn has come, in rounds of their
//! own, because reading a clock takes as long as a fast allocator. What reading it takes is measured
//! and subtracted. Whatever interrupts the thread is in it, so with more threads than processors
//! the longest latencies are the scheduler's.
//!
//! A contender may be told which objects die together ([`LifetimeAlloc`]). That is found out by the
//! survey ([`Phases`]) and belongs to no time and no memory: a program would have to know it by itself.
//! It is read block by block from where the survey left it, a byte for each allocation.
//!
//! The C library's allocator changes its thresholds by what is freed, for the whole process. A
//! contender that uses it for its own chunks can change the time of objects it does not serve; compare
//! with the environment variable `MALLOC_TRIM_THRESHOLD_` set before believing a large difference.
//!
//! Each contender plays each round in a process of its own, in alternating order
//! ([`Contest`]).
//!
//! ```text
//! trace ─ Survey ─┬─ child process: Stage ─ Windows ─ Planner ─ ops ─ workers ─ Measured ─┐
//!                 └─ child process: ...                                                    ┴─ Contest
//! ```

mod board;
mod child;
mod clock;
mod contender;
mod contest;
mod crew;
mod edge;
mod fault;
mod gauge;
mod groups;
mod latency;
mod ledger;
mod lifetime;
mod measured;
mod memory;
mod op;
mod phases;
mod planner;
mod player;
mod probe;
mod purpose;
mod seats;
mod slots;
pub(crate) mod spread;
mod stage;
mod stamp;
pub(crate) mod survey;
mod ticks;
mod windows;

pub use child::{SUBCOMMAND, answer, replay_once};
pub(crate) use contender::not_built;
pub use contender::{Contender, contender_named, contenders, perform};
pub(crate) use contest::Entry;
pub use contest::{Contest, Rounds};
pub use fault::Fault;
pub use latency::{Counts, Latencies, Sort};
pub use lifetime::{Lifetime, LifetimeAlloc};
pub use measured::{Growth, Look, Measured, Moment};
pub use phases::Phases;
pub use purpose::Purpose;
pub use stage::{Alone, Shared, Stage, Stopped};
pub use survey::Survey;
