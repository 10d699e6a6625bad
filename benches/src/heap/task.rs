//! What general allocators do, and how it is described.

use crate::task::{every, grouped};

/// What the contenders of an event do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeapTask {
    /// [`Pair`](super::churn::Pair).
    Pair,
    /// [`Batch`](super::churn::Batch), the newest first.
    NewestFirst,
    /// [`Batch`](super::churn::Batch), the oldest first.
    OldestFirst,
    /// [`Replace`](super::churn::Replace) among this many blocks of sizes between two.
    Churn(u64, (usize, usize)),
    /// [`Replace`](super::churn::Replace) among this many blocks of sizes by
    /// [`Pareto`](super::churn::Pareto).
    Pareto(u64),
    /// [`Classes`](super::churn::Classes).
    Classes,
    /// [`Aligned`](super::churn::Aligned), this many.
    Aligned(u64),
    /// [`Window`](crate::store::Window), this many threads.
    Threads(u64),
    /// [`HandOff`](crate::hand_off::HandOff).
    HandOff,
    /// [`Larson`](super::crowd::Larson), this many threads.
    Larson(u64),
    /// [`Xmalloc`](super::crowd::Xmalloc), this many threads.
    Xmalloc(u64),
    /// [`Mstress`](super::crowd::Mstress), this many threads.
    Mstress(u64),
    /// [`Doubling`](super::growth::Doubling).
    Doubling,
    /// [`Creeping`](super::growth::Creeping) by an element.
    PlusOne,
    /// [`Creeping`](super::growth::Creeping) by eight elements.
    PlusEight,
    /// [`Large`](super::large::Large).
    Large,
    /// [`Zeroed`](super::large::Zeroed), this many bytes.
    Zeroed(usize),
    /// [`First`](super::spawn::First).
    FirstOfThread,
}

impl HeapTask {
    /// How many times the usual window it needs.
    pub(crate) fn windows(self) -> u32 {
        match self {
            Self::Threads(_) | Self::HandOff | Self::Larson(_) | Self::Xmalloc(_) => 20,
            // Threads that end with a thousand blocks each: what they do at the end is a part of it.
            Self::Mstress(_) => 20,
            Self::FirstOfThread => 6,
            _ => 1,
        }
    }

    /// On how many threads it is done.
    pub(crate) fn threads(self) -> usize {
        match self {
            Self::Threads(threads)
            | Self::Larson(threads)
            | Self::Xmalloc(threads)
            | Self::Mstress(threads) => threads as usize,
            Self::HandOff => 2,
            _ => 1,
        }
    }

    /// A task as the command line names it.
    pub(crate) fn slug(self) -> String {
        match self {
            Self::Pair => "pair".into(),
            Self::NewestFirst => "newest-first".into(),
            Self::OldestFirst => "oldest-first".into(),
            Self::Churn(count, (least, most)) => format!("churn-{count}/{least}-{most}"),
            Self::Pareto(count) => format!("pareto-{count}"),
            Self::Classes => "64-sizes".into(),
            Self::Aligned(_) => "aligned".into(),
            Self::Threads(threads) => format!("{threads}-threads"),
            Self::HandOff => "hand-off".into(),
            Self::Larson(threads) => format!("larson-{threads}"),
            Self::Xmalloc(threads) => format!("xmalloc-{threads}"),
            Self::Mstress(threads) => format!("mstress-{threads}"),
            Self::Doubling => "realloc-double".into(),
            Self::PlusOne => "realloc-1".into(),
            Self::PlusEight => "realloc-8".into(),
            Self::Large => "large".into(),
            Self::Zeroed(size) => format!("zeroed-{size}"),
            Self::FirstOfThread => "first-of-thread".into(),
        }
    }

    /// A task as a heading.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Pair => "allocate and free 64 bytes".into(),
            Self::NewestFirst => "1,000 blocks of 64 bytes, freed newest first".into(),
            Self::OldestFirst => "1,000 blocks of 64 bytes, freed oldest first".into(),
            Self::Churn(count, (least, most)) => {
                let count = grouped(count as usize);
                format!("replace one of {count} blocks of {least} to {most} bytes")
            }
            Self::Pareto(count) => {
                let count = grouped(count as usize);
                format!("replace one of {count} blocks of Pareto sizes to 1 KiB")
            }
            Self::Classes => "replace one of 31 blocks of each of 64 sizes".into(),
            Self::Aligned(count) => {
                let count = grouped(count as usize);
                format!("replace one of {count} blocks of 40 bytes on cache lines of their own")
            }
            Self::Threads(threads) => format!("a window of blocks, {}", every(threads)),
            Self::HandOff => "hand a block of 64 bytes to another thread".into(),
            Self::Larson(threads) => format!("larson, {}", every(threads)),
            Self::Xmalloc(threads) => format!("xmalloc, {}", every(threads)),
            Self::Mstress(threads) => format!("mstress, {}", every(threads)),
            Self::Doubling => "double a block from 16 bytes to 1 MiB".into(),
            Self::PlusOne => "grow a block by 8 bytes, to 256 KiB".into(),
            Self::PlusEight => "grow a block by 64 bytes, to 64 KiB".into(),
            Self::Large => "replace one of 8 blocks of 5 to 25 MiB".into(),
            Self::Zeroed(size) if size < 1 << 20 => format!("{} KiB of zeros", size >> 10),
            Self::Zeroed(size) => format!("{} MiB of zeros", size >> 20),
            Self::FirstOfThread => "a thread's first block".into(),
        }
    }

    /// What an operation is, and what to know about it.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Pair => {
                "One operation allocates a block, writes its first word and frees it: always the same \
                 block. What is left is the mechanism."
            }
            Self::NewestFirst | Self::OldestFirst => {
                "One operation is one block allocated and, with its batch, freed."
            }
            Self::Churn(..) => {
                "One operation is `live[i] = block` with a random `i` and a random size, all sizes \
                 equally often. Only the first word of a block is written."
            }
            Self::Pareto(_) => {
                "As above, with small blocks often and large ones rarely (from 16 bytes, shape 1.16), as \
                 programs have them."
            }
            Self::Classes => {
                "One operation replaces a block by one of the same size; the sizes, from 16 bytes to 1 \
                 KiB, take turns. Slabs that begin with their header at an aligned address compete for \
                 the same lines of the first-level cache."
            }
            Self::Aligned(_) => "One operation is `live[i] = block` with a random `i`.",
            Self::Threads(_) => {
                "One operation is one block of 64 bytes on every thread, freed there before the eighth \
                 after it, by the clock on the wall from the first thread's start to the last one's end. \
                 The threads are new in every window. The control is a loop of arithmetic."
            }
            Self::HandOff => {
                "One operation is one block that one thread allocates and another frees; it goes through \
                 a ring of 256 (`rtrb`), whose ends wait awake. The floor sends numbers through the same \
                 ring; the control says whether there were two cores."
            }
            Self::Larson(_) => {
                "One operation is one block of 8 to 1,000 bytes replaced on every thread. A thread takes \
                 a basket of 1,000 blocks, replaces 2,000, and leaves it to whoever comes next: half of \
                 what it frees first was allocated by others, some of which have ended."
            }
            Self::Xmalloc(_) => {
                "One operation is one block of 16 to 128 bytes allocated on every thread and freed, as a \
                 rule, on another: batches of 256 are swapped through letter boxes."
            }
            Self::Mstress(_) => {
                "One operation of every thread allocates (half), frees (a quarter) or swaps a block for \
                 one that another thread left (a quarter); one block of 64 has up to 32 KiB, the others \
                 up to 256 bytes. The threads are new in every window and leave blocks behind."
            }
            Self::Doubling => {
                "One operation is 16 reallocations, each to twice the size, and the free. Only the last \
                 word of each size is written."
            }
            Self::PlusOne => {
                "One operation is one reallocation to one element more, which is written: a vector that \
                 never reserves more than it needs."
            }
            Self::PlusEight => {
                "One operation is one reallocation to eight elements more, which are written: \
                 `reserve_exact(8)` in a loop."
            }
            Self::Large => {
                "One operation is `live[i] = block` with a random `i` and a random size; four pages of \
                 the block are touched. It shows who asks the system each time."
            }
            Self::Zeroed(_) => {
                "One operation allocates a block of zeros, writes its first word and one in its middle, \
                 and frees it. It shows who knows that memory is zero, and who keeps pages that were \
                 touched."
            }
            Self::FirstOfThread => {
                "One operation starts a thread that allocates 64 bytes, frees them and ends, and waits \
                 for it. The control is a thread that allocates nothing itself; starting it allocates \
                 with the system's allocator, whose first block of that thread is therefore not new."
            }
        }
    }
}
