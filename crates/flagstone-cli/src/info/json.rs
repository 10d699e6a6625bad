//! The facts of a trace as JSON: `docs/info-json.md` describes it.

use flagstone_trace::{Bucket, Ending, Histogram, Origin, StopReason};
use serde::Serialize;

use super::facts::Facts;
use super::sites::{Site, whole};
use crate::fitness;

/// Changes when a reader of the JSON could be misled; additions do not change it.
const SCHEMA: &str = "flagstone-info-1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    trace: &'a str,
    format_version: u16,
    bytes_on_disk: u64,
    program: &'a str,
    args: &'a [String],
    recorded_unix_s: Option<u64>,
    pid: Option<u32>,
    origin: &'static str,
    sample_bytes: Option<u64>,
    stack_depth: Option<u32>,
    complete: bool,
    stopped: Option<&'static str>,
    exit_status: Option<u8>,
    signal: Option<u8>,
    cut: Option<&'a str>,
    unmatched_frees: u64,
    no_replay: Option<String>,
    events: u64,
    objects: u64,
    reallocations: u64,
    frees: u64,
    zeroed: u64,
    cross_thread_frees: u64,
    peak_live_bytes: u64,
    peak_live_objects: u64,
    live_bytes_at_end: u64,
    live_objects_at_end: u64,
    duration_ns: u64,
    estimate: Option<Estimate>,
    threads: Vec<Thread>,
    sizes: Vec<Row>,
    alignments: Vec<Alignment>,
    lifetimes_ns: Vec<Row>,
    sites: Option<&'a [Site]>,
}

#[derive(Serialize)]
struct Estimate {
    objects: u64,
    allocated_bytes: u64,
    peak_live_bytes: u64,
    live_bytes_at_end: u64,
    live_objects_at_end: u64,
}

#[derive(Serialize)]
struct Thread {
    allocations: u64,
    reallocations: u64,
    frees: u64,
    foreign_frees: u64,
}

#[derive(Serialize)]
struct Row {
    low: u64,
    high: u64,
    count: u64,
    total: u128,
}

#[derive(Serialize)]
struct Alignment {
    align: u64,
    count: u64,
}

impl Facts {
    /// The facts as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (header, stats) = (&self.header, &self.stats);
        let summary = self.summary.as_ref();
        let (exit_status, signal) = match summary.map(|summary| summary.ending) {
            Some(Ending::Status(status)) => (Some(status), None),
            Some(Ending::Signal(signal)) => (None, Some(signal)),
            _ => (None, None),
        };
        let document = Document {
            schema: SCHEMA,
            trace: &self.name,
            format_version: self.format_version,
            bytes_on_disk: self.bytes_on_disk,
            program: &header.program,
            args: &header.args,
            recorded_unix_s: Some(header.recorded_unix_s).filter(|&time| time > 0),
            pid: Some(header.pid).filter(|&pid| pid > 0),
            origin: origin(header.origin),
            sample_bytes: header.sampling.map(|sampling| sampling.bytes()),
            stack_depth: Some(header.stack_depth).filter(|&depth| depth > 0),
            complete: summary.is_some_and(|summary| summary.complete),
            stopped: summary.and_then(|summary| summary.stopped).map(stopped),
            exit_status,
            signal,
            cut: self.cut(),
            unmatched_frees: summary.map_or(0, |summary| summary.unmatched_frees),
            no_replay: fitness::no_replay(header),
            events: stats.events(),
            objects: stats.objects(),
            reallocations: stats.reallocs(),
            frees: stats.frees(),
            zeroed: stats.zeroed(),
            cross_thread_frees: stats.cross_thread_frees(),
            peak_live_bytes: stats.peak_live_bytes(),
            peak_live_objects: stats.peak_live_objects(),
            live_bytes_at_end: stats.live_bytes(),
            live_objects_at_end: stats.live_objects(),
            duration_ns: stats.duration_ns(),
            estimate: self.estimate.as_ref().map(|estimate| {
                let total = estimate.total();
                Estimate {
                    objects: whole(total.allocated_objects),
                    allocated_bytes: whole(total.allocated_bytes),
                    peak_live_bytes: whole(estimate.peak_bytes()),
                    live_bytes_at_end: whole(total.live_bytes),
                    live_objects_at_end: whole(total.live_objects),
                }
            }),
            threads: stats
                .threads()
                .iter()
                .map(|thread| Thread {
                    allocations: thread.allocs,
                    reallocations: thread.reallocs,
                    frees: thread.frees,
                    foreign_frees: thread.foreign_frees,
                })
                .collect(),
            sizes: rows(stats.sizes()),
            alignments: stats
                .alignments()
                .map(|(align, count)| Alignment { align, count })
                .collect(),
            lifetimes_ns: rows(stats.lifetimes_ns()),
            sites: self.sites.as_deref(),
        };
        // Maps with other keys than text would fail; there are none.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

fn rows(histogram: &Histogram) -> Vec<Row> {
    let row = |Bucket {
                   low,
                   high,
                   count,
                   total,
               }| Row {
        low,
        high,
        count,
        total,
    };
    histogram.buckets().map(row).collect()
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Recorded => "recorded",
        Origin::Heaptrack => "heaptrack",
        Origin::Dhat => "dhat",
        _ => "unknown",
    }
}

fn stopped(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Limit => "limit",
        StopReason::StillRunning => "still-running",
        _ => "failure",
    }
}
