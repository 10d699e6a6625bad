//! From addresses to objects.

use flagstone_trace::{Event, EventKind, ObjectId, StopReason, Summary, ThreadNumber, TraceError};
use hashbrown::HashMap;

use super::Merged;
use crate::spool::{Op, Record};

/// The alignment of an object whose allocation was not seen.
const ASSUMED_ALIGN: u64 = 16;

/// Which object is at which address, and the totals so far.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    live: HashMap<u64, Live>,
    /// Objects on their way from one address to another, by thread.
    moving: HashMap<u64, Live>,
    threads: HashMap<u64, ThreadNumber>,
    live_bytes: u64,
    summary: Summary,
    inferred_frees: u64,
    /// In a sample, frees of what is not in it are no loss.
    is_sample: bool,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    object: ObjectId,
    size: u64,
}

/// Takes the events that records become, each with the number of its call's stack.
type Sink<'a> = &'a mut dyn FnMut(&Event, u64) -> Result<(), TraceError>;

impl Objects {
    pub(crate) fn new(is_sample: bool) -> Self {
        Self {
            is_sample,
            ..Self::default()
        }
    }

    /// Whether `record` is possible next: it hands out an unused address or is about a used one.
    pub(crate) fn allows(&self, record: &Record) -> bool {
        let used = self.live.contains_key(&record.address);
        match record.op {
            Op::Alloc | Op::MoveTo => !used,
            Op::Free | Op::Resize | Op::MoveFrom => used,
        }
    }

    /// Turns the next record of `thread` into events.
    pub(crate) fn apply(
        &mut self,
        thread: u64,
        record: &Record,
        sink: Sink<'_>,
    ) -> Result<(), TraceError> {
        let address = record.address;
        match record.op {
            Op::Alloc => {
                self.clear(thread, record, sink)?;
                self.appear(thread, record, sink)
            }
            Op::Free => match self.live.remove(&address) {
                Some(live) => self.disappear(thread, record, live, sink),
                None => {
                    self.summary.unmatched_frees += u64::from(!self.is_sample);
                    Ok(())
                }
            },
            Op::Resize => match self.live.remove(&address) {
                Some(live) => self.settle(thread, record, live, sink),
                None => self.appear_late(thread, record, sink),
            },
            Op::MoveFrom => {
                self.moving
                    .extend(self.live.remove(&address).map(|live| (thread, live)));
                Ok(())
            }
            Op::MoveTo => {
                self.clear(thread, record, sink)?;
                match self.moving.remove(&thread) {
                    Some(live) => self.settle(thread, record, live, sink),
                    None => self.appear_late(thread, record, sink),
                }
            }
        }
    }

    /// The totals, when all records are applied.
    pub(crate) fn finish(self, stopped: Option<StopReason>) -> Merged {
        let summary = Summary {
            threads: self.threads.len() as u32,
            live_objects_at_end: self.live.len() as u64,
            live_bytes_at_end: self.live_bytes,
            complete: stopped.is_none(),
            stopped,
            ..self.summary
        };
        Merged {
            summary,
            inferred_frees: self.inferred_frees,
        }
    }

    /// Frees what is at the record's address: the allocator would not have handed it out again
    /// otherwise. The free itself was not seen, for example because a signal handler made it.
    fn clear(&mut self, thread: u64, record: &Record, sink: Sink<'_>) -> Result<(), TraceError> {
        match self.live.remove(&record.address) {
            Some(live) => {
                self.inferred_frees += 1;
                self.disappear(thread, record, live, sink)
            }
            None => Ok(()),
        }
    }

    /// A new object at the record's address.
    fn appear(&mut self, thread: u64, record: &Record, sink: Sink<'_>) -> Result<(), TraceError> {
        let &Record {
            size,
            align,
            zeroed,
            address,
            ..
        } = record;
        let object = ObjectId(self.summary.objects);
        self.summary.objects += 1;
        self.put(address, Live { object, size });
        let kind = EventKind::Alloc {
            object,
            size,
            align,
            zeroed,
        };
        self.emit(thread, record, kind, sink)
    }

    /// A resized object that was allocated before the recording began.
    fn appear_late(
        &mut self,
        thread: u64,
        record: &Record,
        sink: Sink<'_>,
    ) -> Result<(), TraceError> {
        self.summary.unmatched_frees += 1;
        self.appear(
            thread,
            &Record {
                align: ASSUMED_ALIGN,
                ..*record
            },
            sink,
        )
    }

    /// An object that is at the record's address with the record's size from now on.
    fn settle(
        &mut self,
        thread: u64,
        record: &Record,
        Live {
            object,
            size: before,
        }: Live,
        sink: Sink<'_>,
    ) -> Result<(), TraceError> {
        let &Record { size, address, .. } = record;
        self.live_bytes = self.live_bytes.saturating_sub(before);
        self.put(address, Live { object, size });
        self.emit(thread, record, EventKind::Realloc { object, size }, sink)
    }

    fn disappear(
        &mut self,
        thread: u64,
        record: &Record,
        Live { object, size }: Live,
        sink: Sink<'_>,
    ) -> Result<(), TraceError> {
        self.live_bytes = self.live_bytes.saturating_sub(size);
        self.emit(thread, record, EventKind::Free { object }, sink)
    }

    fn put(&mut self, address: u64, live: Live) {
        self.live.insert(address, live);
        // Sizes of a damaged record may be anything; the writer refuses them.
        self.live_bytes = self.live_bytes.saturating_add(live.size);
        let (bytes, objects) = (
            self.live_bytes,
            (self.live.len() + self.moving.len()) as u64,
        );
        self.summary.peak_live_bytes = self.summary.peak_live_bytes.max(bytes);
        self.summary.peak_live_objects = self.summary.peak_live_objects.max(objects);
    }

    fn emit(
        &mut self,
        thread: u64,
        record: &Record,
        kind: EventKind,
        sink: Sink<'_>,
    ) -> Result<(), TraceError> {
        let next = ThreadNumber(self.threads.len() as u32);
        let thread = *self.threads.entry(thread).or_insert(next);
        self.summary.events += 1;
        let time_ns = record.time_ns;
        self.summary.duration_ns = self.summary.duration_ns.max(time_ns);
        let event = Event {
            thread,
            time_ns,
            kind,
        };
        sink(&event, record.stack)
    }
}
