//! The numbers that people ask a trace for.

use hashbrown::HashMap;

use crate::error::Fault;
use crate::numbering::Numbering;
use crate::{Event, EventKind, Histogram, ObjectId, Summary, ThreadNumber, TraceError};

/// Computes a trace's statistics from its stream of events. Its memory is the table of live
/// objects and one row per thread.
///
/// ```
/// # use flagstone_trace::{Event, EventKind, LiveStats, ObjectId, ThreadNumber};
/// let object = ObjectId(0);
/// let mut stats = LiveStats::default();
/// let alloc = EventKind::Alloc { object, size: 100, align: 16, zeroed: false };
/// stats.push(&Event { thread: ThreadNumber(0), time_ns: 5, kind: alloc })?;
/// stats.push(&Event { thread: ThreadNumber(1), time_ns: 9, kind: EventKind::Free { object } })?;
/// assert_eq!(stats.peak_live_bytes(), 100);
/// assert_eq!(stats.cross_thread_frees(), 1);
/// assert_eq!(stats.lifetimes_ns().total(), 4);
/// # Ok::<(), flagstone_trace::TraceError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LiveStats {
    numbering: Numbering,
    live: HashMap<ObjectId, Live>,
    live_bytes: u64,
    peak_live_bytes: u64,
    peak_live_objects: u64,
    sizes: Histogram,
    lifetimes_ns: Histogram,
    alignments: Vec<u64>,
    zeroed: u64,
    threads: Vec<ThreadStats>,
    duration_ns: u64,
}

/// What one thread did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadStats {
    /// Objects it allocated.
    pub allocs: u64,
    /// Reallocations it asked for.
    pub reallocs: u64,
    /// Objects it freed.
    pub frees: u64,
    /// Those among them that another thread had allocated.
    pub foreign_frees: u64,
}

/// What is remembered of a live object.
#[derive(Clone, Copy, Debug)]
struct Live {
    size: u64,
    since_ns: u64,
    thread: ThreadNumber,
}

impl LiveStats {
    /// Takes the next event into account. Some 50 ns.
    ///
    /// # Errors
    ///
    /// The errors of [`Validator::check`](crate::Validator::check): statistics of an impossible
    /// trace would mean nothing.
    pub fn push(&mut self, event: &Event) -> Result<(), TraceError> {
        self.numbering.admit(event).map_err(TraceError::event)?;
        self.duration_ns = self.duration_ns.max(event.time_ns);
        match event.kind {
            EventKind::Alloc {
                object,
                size,
                align,
                zeroed,
            } => {
                let live = Live {
                    size,
                    since_ns: event.time_ns,
                    thread: event.thread,
                };
                self.live.insert(object, live);
                self.count_request(size, align, zeroed);
                self.thread(event.thread).allocs += 1;
                self.grow(size);
            }
            EventKind::Realloc { object, size } => {
                let live = self.live.get_mut(&object).ok_or_else(|| dead(object))?;
                let before = std::mem::replace(&mut live.size, size);
                self.thread(event.thread).reallocs += 1;
                self.live_bytes = self.live_bytes.saturating_sub(before);
                self.grow(size);
            }
            EventKind::Free { object } => {
                let live = self.live.remove(&object).ok_or_else(|| dead(object))?;
                self.live_bytes = self.live_bytes.saturating_sub(live.size);
                self.lifetimes_ns
                    .add(event.time_ns.saturating_sub(live.since_ns));
                let thread = self.thread(event.thread);
                thread.frees += 1;
                thread.foreign_frees += u64::from(live.thread != event.thread);
            }
        }
        Ok(())
    }

    fn count_request(&mut self, size: u64, align: u64, zeroed: bool) {
        self.sizes.add(size);
        let exponent = align.trailing_zeros() as usize;
        if self.alignments.len() <= exponent {
            self.alignments.resize(exponent + 1, 0);
        }
        self.alignments[exponent] += 1;
        self.zeroed += u64::from(zeroed);
    }

    /// Sums of a hostile trace may exceed 64 bits; they stay at the top then.
    fn grow(&mut self, size: u64) {
        self.live_bytes = self.live_bytes.saturating_add(size);
        self.peak_live_bytes = self.peak_live_bytes.max(self.live_bytes);
        self.peak_live_objects = self.peak_live_objects.max(self.live.len() as u64);
    }

    /// The row of `thread`, which the numbering has admitted: at most one row is added.
    fn thread(&mut self, thread: ThreadNumber) -> &mut ThreadStats {
        let index = thread.0 as usize;
        if index == self.threads.len() {
            self.threads.push(ThreadStats::default());
        }
        &mut self.threads[index]
    }

    /// Events so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.numbering.events
    }

    /// Objects allocated so far.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.numbering.objects
    }

    /// Bytes alive now, as asked for.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Objects alive now.
    #[must_use]
    pub fn live_objects(&self) -> u64 {
        self.live.len() as u64
    }

    /// The most bytes that were alive at one time.
    #[must_use]
    pub fn peak_live_bytes(&self) -> u64 {
        self.peak_live_bytes
    }

    /// The most objects that were alive at one time, not necessarily the same.
    #[must_use]
    pub fn peak_live_objects(&self) -> u64 {
        self.peak_live_objects
    }

    /// Sizes in bytes asked for by allocations (reallocations are not counted).
    #[must_use]
    pub fn sizes(&self) -> &Histogram {
        &self.sizes
    }

    /// Nanoseconds from allocation to free, of the objects that were freed.
    #[must_use]
    pub fn lifetimes_ns(&self) -> &Histogram {
        &self.lifetimes_ns
    }

    /// Every alignment asked for (in bytes, rising) and how many allocations asked for it.
    pub fn alignments(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.alignments.iter().enumerate();
        counts
            .filter(|&(_, &count)| count > 0)
            .map(|(exponent, &count)| (1 << exponent, count))
    }

    /// Allocations that asked for zeroed memory.
    #[must_use]
    pub fn zeroed(&self) -> u64 {
        self.zeroed
    }

    /// One row per thread, in the order of their numbers.
    #[must_use]
    pub fn threads(&self) -> &[ThreadStats] {
        &self.threads
    }

    /// Reallocations so far.
    #[must_use]
    pub fn reallocs(&self) -> u64 {
        self.threads.iter().map(|thread| thread.reallocs).sum()
    }

    /// Objects freed so far.
    #[must_use]
    pub fn frees(&self) -> u64 {
        self.threads.iter().map(|thread| thread.frees).sum()
    }

    /// Objects freed by another thread than the one that allocated them.
    #[must_use]
    pub fn cross_thread_frees(&self) -> u64 {
        self.threads.iter().map(|thread| thread.foreign_frees).sum()
    }

    /// The latest time of an event, in nanoseconds since the recording started.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.duration_ns
    }

    /// The totals as a trace's end mark stores them, for a recording without unmatched frees that
    /// is complete.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            events: self.events(),
            objects: self.objects(),
            threads: self.numbering.threads,
            peak_live_bytes: self.peak_live_bytes,
            peak_live_objects: self.peak_live_objects,
            live_objects_at_end: self.live_objects(),
            live_bytes_at_end: self.live_bytes,
            duration_ns: self.duration_ns,
            unmatched_frees: 0,
            complete: true,
            ..Summary::default()
        }
    }
}

fn dead(object: ObjectId) -> TraceError {
    TraceError::event(Fault::DeadObject(object))
}
