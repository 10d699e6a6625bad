//! What the contenders of an arena's event do, and how it is described.

use crate::task::{every, grouped};

/// What the contenders of an arena's event do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArenaTask {
    /// [`NumbersBody`](super::workload::NumbersBody).
    Numbers,
    /// [`ValuesBody`](super::workload::ValuesBody).
    Values,
    /// [`TextsBody`](super::workload::TextsBody).
    Texts,
    /// [`Requests`](super::workload::Requests), each with a new arena.
    RequestsNew,
    /// [`Requests`](super::workload::Requests) in one arena.
    RequestsReset,
    /// [`Push`](super::workload::Push) of this many.
    Push(u64),
    /// [`ReserveOne`](super::workload::ReserveOne), this many times.
    ReserveOne(u64),
    /// [`Oversize`](super::workload::Oversize).
    Oversize,
    /// [`Allocate`](super::workload::Allocate).
    Allocate,
    /// [`Resets`](super::workload::Resets) after this many allocations.
    Reset(u64),
    /// [`Threads`](crate::threads::Threads), this many, each for itself.
    Locals(u64),
    /// [`Threads`](crate::threads::Threads), this many, all in one.
    Shared(u64),
}

impl ArenaTask {
    /// How many times, or on how many threads; 1 where there is no number.
    pub(crate) fn count(self) -> u64 {
        match self {
            Self::Push(count)
            | Self::ReserveOne(count)
            | Self::Reset(count)
            | Self::Locals(count)
            | Self::Shared(count) => count,
            _ => 1,
        }
    }

    /// A task as the command line names it.
    pub(crate) fn slug(self) -> String {
        match self {
            Self::Numbers => "u64".into(),
            Self::Values => "mixed".into(),
            Self::Texts => "str".into(),
            Self::RequestsNew => "request-new".into(),
            Self::RequestsReset => "request-reset".into(),
            Self::Push(count) => format!("push-{count}"),
            Self::ReserveOne(_) => "reserve-1".into(),
            Self::Oversize => "oversize".into(),
            Self::Allocate => "allocate".into(),
            Self::Reset(count) => format!("reset-{count}"),
            Self::Locals(threads) => format!("local-{threads}"),
            Self::Shared(threads) => format!("shared-{threads}"),
        }
    }

    /// A task as a heading.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Numbers => "place a u64".into(),
            Self::Values => "place a value of 1 to 40 bytes".into(),
            Self::Texts => "place a string of 5 to 60 bytes".into(),
            Self::RequestsNew => "200 allocations in a new arena, and its drop".into(),
            Self::RequestsReset => "200 allocations and a reset".into(),
            Self::Push(count) => format!("push {} u64s to a Vec", grouped(count as usize)),
            Self::ReserveOne(count) => {
                let count = grouped(count as usize);
                format!("reserve_exact(1) and push, {count} times")
            }
            Self::Oversize => "400 small values and 8 blocks up to 100 kB in a new arena".into(),
            Self::Allocate => "place a value of 64 bytes, without taking it back".into(),
            Self::Reset(1) => "reset after 1 allocation".into(),
            Self::Reset(count) => format!("reset after {} allocations", grouped(count as usize)),
            Self::Locals(threads) => format!("place a u64, {} for itself", every(threads)),
            Self::Shared(threads) => format!("place a u64, {} in the same arena", every(threads)),
        }
    }

    /// What an operation is, and what to know about it.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Numbers => {
                "One operation places one number; after 1,024 the arena is reset. What is left is the \
                 mechanism."
            }
            Self::Values => {
                "One operation places one value: ten types of 1, 4, 8, 10, 13, 16, 20, 27, 32 and 40 \
                 bytes in turn; after 1,000 the arena is reset. A minimum alignment of 1 packs the \
                 small ones, so who has it writes to an eighth less memory."
            }
            Self::Texts => {
                "One operation copies one string of random length; after 256 the arena is reset. \
                 aegis-memory has no call for it: it hands out room, and the copy is the caller's."
            }
            Self::RequestsNew => {
                "One operation is a request: 40 times a u64, a structure of 24 bytes, a string of 5 to \
                 60 bytes, a u32 and a structure of 48 bytes, in an arena that is made for it and \
                 dropped. It shows what the first chunks cost; aegis-memory's are 64 KiB."
            }
            Self::RequestsReset => {
                "The same request in one arena that is reset after each. Boxes are dropped one by one."
            }
            Self::Push(_) => {
                "One operation is one push to a vector that starts empty (`allocator_api2::vec::Vec`, \
                 or `std::vec::Vec` where it says so); at the end the vector is dropped and the \
                 arena reset. Growing where it is costs no copy."
            }
            Self::ReserveOne(_) => {
                "One operation makes room for one more element and pushes it: whoever copies the \
                 vector to grow it does so every time."
            }
            Self::Oversize => {
                "One operation is a new arena, eight times 50 values of 24 bytes and a block of 10 bytes \
                 to 100 kB (of which nothing is written), and the drop."
            }
            Self::Allocate => {
                "One operation places one value; 1,000 are placed in a row, and taken back while the \
                 clock stands still."
            }
            Self::Reset(_) => {
                "One operation is one reset; filling the arena is not timed. Eight arenas are reset \
                 under one reading of the clock, an eighth of which (about 3 ns) is in every number. \
                 Boxes are dropped one by one. `typed-arena` cannot be reset; it is made again."
            }
            Self::Locals(_) => {
                "One operation is one number on every thread, by the clock on the wall from the first \
                 thread's start to the last one's end; everything is taken back between windows of 65,536 \
                 numbers, outside of the clock. Each thread has its own part of what is shared. \
                 `flagstone::Arena` is an arena per thread, whose values go with the thread; it is what \
                 the others are compared with."
            }
            Self::Shared(_) => {
                "The same, but nobody keeps anything between two numbers: all threads change one \
                 position, or take an arena of a herd and give it back each time."
            }
        }
    }
}
