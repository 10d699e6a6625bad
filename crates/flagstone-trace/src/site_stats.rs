//! What was allocated where.

use hashbrown::HashMap;

use crate::{Event, EventKind, ObjectId, Sampling, StackId};

/// Adds up a trace's events by call site, as estimates of the whole where the trace is a sample.
///
/// Reallocations count as a free of the old object and an allocation of the new one, at their own
/// call site. The peak is known only at the end, so what was alive then takes a second pass, with
/// [`with_peak_at`](Self::with_peak_at). Memory: the live objects and one row per call site.
///
/// ```
/// # use flagstone_trace::{Event, EventKind, ObjectId, SiteStats, StackId, ThreadNumber};
/// let mut stats = SiteStats::new(None);
/// let kind = EventKind::Alloc { object: ObjectId(0), size: 100, align: 16, zeroed: false };
/// stats.push(&Event { thread: ThreadNumber(0), time_ns: 5, kind }, StackId(3));
/// assert_eq!(stats.row(StackId(3)).allocated_bytes, 100.0);
/// assert_eq!(stats.peak_event(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct SiteStats {
    sampling: Option<Sampling>,
    live: HashMap<ObjectId, Live>,
    rows: Vec<SiteRow>,
    events: u64,
    live_bytes: f64,
    peak_bytes: f64,
    peak_event: u64,
    mark_at: Option<u64>,
}

/// The totals of one call site. They are whole numbers unless the trace is a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SiteRow {
    /// Objects allocated.
    pub allocated_objects: f64,
    /// Bytes allocated.
    pub allocated_bytes: f64,
    /// Objects alive now.
    pub live_objects: f64,
    /// Bytes alive now.
    pub live_bytes: f64,
    /// Objects that were alive when the whole program had the most bytes.
    pub peak_objects: f64,
    /// Bytes that were alive then.
    pub peak_bytes: f64,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    size: u64,
    weight: f64,
    stack: StackId,
}

impl SiteStats {
    /// For a trace whose header has this sampling.
    #[must_use]
    pub fn new(sampling: Option<Sampling>) -> Self {
        Self {
            sampling,
            ..Self::default()
        }
    }

    /// As [`new`](Self::new), in a second pass: what is alive after that many events is kept as
    /// the peak.
    #[must_use]
    pub fn with_peak_at(sampling: Option<Sampling>, event: u64) -> Self {
        Self {
            mark_at: Some(event),
            ..Self::new(sampling)
        }
    }

    /// Takes the next event into account. Frees of objects that are not alive are ignored.
    pub fn push(&mut self, event: &Event, stack: StackId) {
        match event.kind {
            EventKind::Alloc { object, size, .. } | EventKind::Realloc { object, size } => {
                self.end(object);
                self.start(object, size, stack);
            }
            EventKind::Free { object } => self.end(object),
        }
        self.events += 1;
        if self.live_bytes > self.peak_bytes {
            (self.peak_bytes, self.peak_event) = (self.live_bytes, self.events);
        }
        if self.mark_at == Some(self.events) {
            for row in &mut self.rows {
                (row.peak_objects, row.peak_bytes) = (row.live_objects, row.live_bytes);
            }
        }
    }

    fn start(&mut self, object: ObjectId, size: u64, stack: StackId) {
        let weight = self.sampling.map_or(1.0, |sampling| sampling.weight(size));
        let bytes = weight * size as f64;
        self.live.insert(
            object,
            Live {
                size,
                weight,
                stack,
            },
        );
        self.live_bytes += bytes;
        let index = stack.0 as usize;
        if self.rows.len() <= index {
            self.rows.resize(index + 1, SiteRow::default());
        }
        let row = &mut self.rows[index];
        row.allocated_objects += weight;
        row.allocated_bytes += bytes;
        row.live_objects += weight;
        row.live_bytes += bytes;
    }

    fn end(&mut self, object: ObjectId) {
        let Some(Live {
            size,
            weight,
            stack,
        }) = self.live.remove(&object)
        else {
            return;
        };
        let bytes = weight * size as f64;
        self.live_bytes -= bytes;
        let row = &mut self.rows[stack.0 as usize];
        row.live_objects -= weight;
        row.live_bytes -= bytes;
    }

    /// The totals of one call site; [`StackId::UNKNOWN`] has those that are not known.
    #[must_use]
    pub fn row(&self, stack: StackId) -> SiteRow {
        self.rows.get(stack.0 as usize).copied().unwrap_or_default()
    }

    /// All call sites that allocated something, with their totals.
    pub fn rows(&self) -> impl Iterator<Item = (StackId, SiteRow)> {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| row.allocated_objects > 0.0)
            .map(|(index, row)| (StackId(index as u32), *row))
    }

    /// The totals of all call sites together.
    #[must_use]
    pub fn total(&self) -> SiteRow {
        self.rows
            .iter()
            .fold(SiteRow::default(), |sum, row| SiteRow {
                allocated_objects: sum.allocated_objects + row.allocated_objects,
                allocated_bytes: sum.allocated_bytes + row.allocated_bytes,
                live_objects: sum.live_objects + row.live_objects,
                live_bytes: sum.live_bytes + row.live_bytes,
                peak_objects: sum.peak_objects + row.peak_objects,
                peak_bytes: sum.peak_bytes + row.peak_bytes,
            })
    }

    /// Bytes alive now.
    #[must_use]
    pub fn live_bytes(&self) -> f64 {
        self.live_bytes
    }

    /// Objects alive now.
    #[must_use]
    pub fn live_objects(&self) -> f64 {
        self.live.values().map(|live| live.weight).sum()
    }

    /// The most bytes that were alive.
    #[must_use]
    pub fn peak_bytes(&self) -> f64 {
        self.peak_bytes
    }

    /// After how many events the most bytes were alive, first.
    #[must_use]
    pub fn peak_event(&self) -> u64 {
        self.peak_event
    }
}
