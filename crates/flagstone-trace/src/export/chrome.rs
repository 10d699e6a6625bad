//! Counters over time in the trace event format of Chrome.

use std::io::{self, Write};

use serde_json::json;

use crate::{Event, Header, SiteStats, StackId};

/// The most points on the way to a result; a result has half of them at least, where there are so
/// many events.
const MOST_POINTS: usize = 8192;

/// Collects how many bytes and objects are alive over time. Memory: the live objects and a few
/// thousand points; of each span of time the point with the most bytes is kept.
#[derive(Debug)]
pub struct ChromeCounters {
    stats: SiteStats,
    live_objects: f64,
    points: Vec<Point>,
    /// Each point stands for 2 to this nanoseconds.
    span_exponent: u32,
}

/// The most bytes of a span, and the objects then.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Point {
    span: u64,
    bytes: f64,
    objects: f64,
}

impl ChromeCounters {
    /// For a trace with this header.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        Self {
            stats: SiteStats::new(header.sampling),
            live_objects: 0.0,
            points: Vec::new(),
            span_exponent: 0,
        }
    }

    /// Takes the next event into account.
    pub fn push(&mut self, event: &Event) {
        let before = self.stats.row(StackId::UNKNOWN).live_objects;
        self.stats.push(event, StackId::UNKNOWN);
        self.live_objects += self.stats.row(StackId::UNKNOWN).live_objects - before;
        // Times of different threads may be out of order by a little.
        let last = self.points.last().map_or(0, |point| point.span);
        let point = Point {
            span: (event.time_ns >> self.span_exponent).max(last),
            bytes: self.stats.live_bytes(),
            objects: self.live_objects,
        };
        self.add(point);
        while self.points.len() > MOST_POINTS {
            self.span_exponent += 1;
            for mut point in std::mem::take(&mut self.points) {
                point.span >>= 1;
                self.add(point);
            }
        }
    }

    fn add(&mut self, point: Point) {
        match self
            .points
            .last_mut()
            .filter(|last| last.span == point.span)
        {
            Some(last) if last.bytes < point.bytes => *last = point,
            Some(_) => {}
            None => self.points.push(point),
        }
    }

    /// Writes the counters as JSON.
    ///
    /// # Errors
    ///
    /// Those of `to`.
    pub fn write(&self, header: &Header, mut to: impl Write) -> io::Result<()> {
        let pid = header.pid;
        let program = &header.program;
        let name =
            json!({"ph": "M", "pid": pid, "name": "process_name", "args": {"name": program}});
        writeln!(to, "{{\"displayTimeUnit\": \"ns\", \"traceEvents\": [")?;
        write!(to, "{name}")?;
        for point in &self.points {
            let start_ns = point.span << self.span_exponent;
            for (counter, unit, value) in [
                ("live bytes", "bytes", point.bytes),
                ("live objects", "objects", point.objects),
            ] {
                let event = json!({
                    "ph": "C", "pid": pid, "name": counter, "ts": start_ns as f64 / 1e3,
                    "args": {unit: value.max(0.0).round()},
                });
                write!(to, ",\n{event}")?;
            }
        }
        writeln!(to, "\n]}}")?;
        to.flush()
    }
}
