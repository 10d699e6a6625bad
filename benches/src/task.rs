//! What the contenders of an event do, and how it is described.

use crate::{arena::ArenaTask, heap::HeapTask};

/// What the contenders of an event do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// [`Hot`](crate::workload::Hot).
    Hot,
    /// [`Replace`](crate::workload::Replace) among this many values.
    Replace(u64),
    /// [`Batch`](crate::workload::Batch).
    Batch,
    /// [`Sum`](crate::workload::Sum) over this many values.
    Sum(u64),
    /// [`Hot`](crate::workload::Hot) with this many slabs held by two values each.
    HotSpread(usize),
    /// [`Replace`](crate::workload::Replace) among as many values as there are slabs, each slab held by one value more.
    ReplaceSpread(usize),
    /// [`Construct`](crate::workload::Construct) with this capacity.
    Construct(usize),
    /// [`Find`](crate::workload::Find) in this many numbers.
    Find(usize),
    /// [`Threads`](crate::threads::Threads), this many.
    Threads(u64),
    /// [`HandOff`](crate::hand_off::HandOff).
    HandOff,
    /// [`Scatter`](crate::caches::Scatter).
    Caches,
    /// What arenas do.
    Arena(ArenaTask),
    /// What general allocators do.
    Heap(HeapTask),
}

impl Task {
    /// The capacity a pool needs before it starts.
    pub(crate) fn capacity(self) -> usize {
        match self {
            // One more: the new value is stored before the old one goes.
            Self::Replace(count) => count as usize + 1,
            Self::Batch => 64,
            Self::Sum(count) => count as usize,
            _ => 1,
        }
    }

    /// How many times the usual window it needs: threads start at the same time by so much and no more,
    /// and those that take turns on a core take long ones.
    pub(crate) fn windows(self) -> u32 {
        match self {
            Self::Threads(threads) => 6 * threads.div_ceil(2) as u32,
            Self::HandOff => 6,
            Self::Heap(task) => task.windows(),
            _ => 1,
        }
    }

    /// On how many threads it is done.
    pub(crate) fn threads(self) -> usize {
        match self {
            Self::Threads(threads)
            | Self::Arena(ArenaTask::Locals(threads) | ArenaTask::Shared(threads)) => {
                threads as usize
            }
            Self::HandOff => 2,
            Self::Heap(task) => task.threads(),
            _ => 1,
        }
    }

    /// A task as the command line names it.
    pub(crate) fn slug(self, size: usize) -> String {
        match self {
            Self::Hot => format!("hot/{size}"),
            Self::Replace(count) => format!("replace-{count}/{size}"),
            Self::Batch => format!("batch/{size}"),
            Self::Sum(_) => format!("deref/{size}"),
            Self::HotSpread(_) => format!("hot-many-slabs/{size}"),
            Self::ReplaceSpread(_) => format!("replace-many-slabs/{size}"),
            Self::Construct(capacity) => format!("construct-{capacity}/{size}"),
            Self::Find(capacity) => format!("find-{capacity}"),
            Self::Threads(threads) => format!("{threads}-threads/{size}"),
            Self::HandOff => format!("hand-off/{size}"),
            Self::Caches => format!("64-caches/{size}"),
            Self::Arena(task) => task.slug(),
            Self::Heap(task) => task.slug(),
        }
    }

    /// A task as a heading.
    pub(crate) fn title(self, size: usize) -> String {
        match self {
            Self::Hot => format!("store and drop one value of {size} bytes"),
            Self::Replace(count) => {
                format!(
                    "replace one of {} values of {size} bytes",
                    grouped(count as usize)
                )
            }
            Self::Batch => format!("64 values of {size} bytes out, 64 back"),
            Self::Sum(count) => {
                format!(
                    "read {} values of {size} bytes through handles",
                    grouped(count as usize)
                )
            }
            Self::HotSpread(slabs) => {
                format!(
                    "store and drop one value of {size} bytes, {} slabs in use",
                    grouped(slabs)
                )
            }
            Self::ReplaceSpread(slabs) => {
                let slabs = grouped(slabs);
                format!("replace one of {slabs} values of {size} bytes, {slabs} slabs in use")
            }
            Self::Construct(capacity) => {
                format!(
                    "make and drop a pool for {} values of {size} bytes",
                    grouped(capacity)
                )
            }
            Self::Find(capacity) => {
                format!("free one of {} numbers and find it", grouped(capacity))
            }
            Self::Threads(threads) => {
                format!("store and drop a value of {size} bytes, {}", every(threads))
            }
            Self::HandOff => format!("hand a value of {size} bytes to another thread"),
            Self::Caches => {
                format!("replace one of 1,984 values of {size} bytes in 64 pools, or in one")
            }
            Self::Arena(task) => task.title(),
            Self::Heap(task) => task.title(),
        }
    }

    /// What an operation is, and what to know about it.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Hot => {
                "One operation stores a value and drops it: always the same slot, always in the \
                 first-level cache. What is left is the mechanism."
            }
            Self::Replace(_) => {
                "One operation is `live[i] = pool.alloc(value)` with a random `i`: a store, then the \
                 drop of the value that was there. The order of the slots is random by the time the \
                 clock starts."
            }
            Self::Batch => {
                "One operation is one value stored and, after 63 others, dropped. Where the allocator \
                 happens to put slots and handles moves a contender by up to a factor of two here \
                 from build to build, the code being the same, so the order of this table is not \
                 for quoting."
            }
            Self::Sum(_) => {
                "One operation reads one word of one value. The values lie in the order in which they \
                 are read, and do not fit the second-level cache of most machines."
            }
            Self::HotSpread(_) => {
                "As the hot event, but the pool has that many slabs, each kept by two values. Who \
                 lets its user choose the slab size has 64 slots per slab; the floors, flagstone and \
                 infinity_pool have their own size. Boxes and keyed containers, which have no slabs, \
                 hold as many values as a pool with 64 slots per slab."
            }
            Self::ReplaceSpread(_) => {
                "The slabs were filled and emptied again but for two values each: one that stays and \
                 one that is replaced. The slots that are free lie all over the slabs at the start; by \
                 the time the clock starts, each contender has put its values where its own policy \
                 puts them. The floors have flagstone's footprint; slabs of who lets its user choose \
                 have 64 slots, so those rivals work on a sixteenth of the memory."
            }
            Self::Construct(_) => {
                "One operation makes a pool with that capacity (before it has to grow, if it can) and \
                 drops it. Plurality cannot be given room in advance."
            }
            Self::Find(_) => {
                "One operation frees a random number of a full index and takes the one that is free. \
                 The floor's depth is known to the compiler. At 16 million numbers the bits exceed the \
                 second-level cache of some machines."
            }
            Self::Threads(_) => {
                "One operation is one value stored on every thread, and dropped there before the \
                 eighth after it, by the clock on the wall from the first thread's start to the last \
                 one's end; with more threads than cores that is their work divided by the cores. All \
                 threads share one pool, with 256 slots for each. The floor keeps the values in the \
                 thread's own slots; the control is a loop of arithmetic, which shares nothing. \
                 Pools of objects that are made already get the value by assignment; `opool` and \
                 `object_pool` move the object into its guard and back."
            }
            Self::HandOff => {
                "One operation is one value that one thread stores and another drops unread; its \
                 handle goes through a ring of 256 (`rtrb`), whose ends wait awake. The pools have \
                 512 slots. The floor sends numbers through the same ring. Pools whose handles stay \
                 on their thread take no part. The control is arithmetic on two threads, which says \
                 whether there were two cores."
            }
            Self::Caches => {
                "One operation replaces one value by another in the same pool. There are 64 pools \
                 with 31 values each, or one with all of them. Slabs that start with their header at \
                 an address aligned to their size compete for the same lines of the first-level cache."
            }
            Self::Arena(task) => task.about(),
            Self::Heap(task) => task.about(),
        }
    }
}

/// A number with a comma at every thousand.
pub(crate) fn grouped(number: usize) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{},{rest:03}", grouped(thousands)),
    }
}

/// How many threads there are.
pub(crate) fn every(threads: u64) -> String {
    match threads {
        1 => "one thread".into(),
        threads => format!("each of {threads} threads"),
    }
}
