//! The facts of a trace as text.

use std::fmt;
use std::time::{Duration, SystemTime};

use flagstone_trace::{Ending, Histogram, Origin, StopReason};
use indicatif::{BinaryBytes, HumanCount};

use super::chart::{Chart, share};
use super::facts::Facts;
use super::sites::{Place, whole};
use crate::fitness;

/// The first second of the year 10000, counted from 1970.
const YEAR_10000: u64 = 253_402_300_800;

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        let lines = self.recording().into_iter().chain(self.estimates());
        for (what, value) in lines.chain(self.totals()) {
            writeln!(f, "  {what:<18} {value}")?;
        }
        self.write_threads(f)?;
        let sizes = rows(self.stats.sizes(), bytes);
        write!(
            f,
            "{}",
            Chart {
                title: "sizes of allocations",
                rows: sizes
            }
        )?;
        let alignments = self.stats.alignments();
        let alignments = alignments
            .map(|(align, count)| (bytes(align), count))
            .collect();
        write!(
            f,
            "{}",
            Chart {
                title: "alignments",
                rows: alignments
            }
        )?;
        let lifetimes = rows(self.stats.lifetimes_ns(), nanoseconds);
        write!(
            f,
            "{}",
            Chart {
                title: "lifetimes of the objects that were freed",
                rows: lifetimes
            }
        )?;
        self.write_sites(f)
    }
}

impl Facts {
    /// What was recorded and when.
    fn recording(&self) -> Vec<(&'static str, String)> {
        let header = &self.header;
        let program = [&header.program].into_iter().chain(&header.args);
        let program: Vec<_> = program
            .map(|word| word.escape_debug().to_string())
            .collect();
        let mut lines = vec![("program", program.join(" "))];
        // 0 is unknown; the formatter refuses years of five digits, which no clock shows.
        if (1..YEAR_10000).contains(&header.recorded_unix_s) {
            let recorded = SystemTime::UNIX_EPOCH + Duration::from_secs(header.recorded_unix_s);
            lines.push((
                "recorded",
                humantime::format_rfc3339_seconds(recorded).to_string(),
            ));
        }
        if header.pid > 0 {
            lines.push(("process", header.pid.to_string()));
        }
        if let Some(caveat) = fitness::caveat(header.origin) {
            lines.push(("made from", caveat.to_owned()));
        }
        if let Some(sampling) = header.sampling {
            let every = bytes(sampling.bytes());
            let sample = format!(
                "one point per {every}: the numbers below count the sample, estimates the whole"
            );
            lines.push(("sampled", sample));
        }
        if let Some(summary) = &self.summary {
            if !summary.complete {
                let why = match summary.stopped {
                    Some(StopReason::Limit) => "recording stopped at the limit that it was given",
                    Some(StopReason::StillRunning) => "the process was still running",
                    _ if header.origin != Origin::Recorded => "the imported file was cut off",
                    _ => "the recorder had to stop before the program ended",
                };
                lines.push(("complete", format!("no: {why}")));
            }
            if let Ending::Signal(signal) = summary.ending {
                lines.push(("ended by", format!("signal {signal}")));
            }
            if summary.unmatched_frees > 0 {
                let frees = HumanCount(summary.unmatched_frees);
                lines.push(("left out", format!("{frees} frees of unknown addresses")));
            }
        }
        lines
    }

    /// What a sample says of all objects.
    fn estimates(&self) -> Vec<(&'static str, String)> {
        let Some(estimate) = &self.estimate else {
            return Vec::new();
        };
        let total = estimate.total();
        let count = |number| HumanCount(whole(number)).to_string();
        let live = bytes(whole(total.live_bytes));
        vec![
            ("estimated objects", count(total.allocated_objects)),
            ("estimated bytes", bytes(whole(total.allocated_bytes))),
            ("estimated peak", bytes(whole(estimate.peak_bytes()))),
            (
                "estimated at end",
                format!("{live} in {} objects", count(total.live_objects)),
            ),
        ]
    }

    /// The call sites, if they were asked for.
    fn write_sites(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(sites) = &self.sites else {
            return Ok(());
        };
        writeln!(f, "\n  call sites that allocate most")?;
        writeln!(
            f,
            "  {:>12} {:>12} {:>12} {:>12}",
            "bytes", "objects", "at the peak", "at the end"
        )?;
        for site in sites {
            writeln!(
                f,
                "  {:>12} {:>12} {:>12} {:>12}  {}",
                bytes(site.allocated_bytes),
                HumanCount(site.allocated_objects).to_string(),
                bytes(site.peak_bytes),
                bytes(site.live_bytes_at_end),
                site.place
            )?;
            for caller in &site.callers {
                writeln!(f, "  {:54} from {caller}", "")?;
            }
        }
        Ok(())
    }

    /// How much there is of everything.
    fn totals(&self) -> Vec<(&'static str, String)> {
        let stats = &self.stats;
        let (objects, events) = (stats.objects(), stats.events());
        let per_event = self.bytes_on_disk as f64 / events.max(1) as f64;
        let count = |count| HumanCount(count).to_string();
        let of = |part, whole| format!("{} ({})", HumanCount(part), share(part, whole));
        vec![
            (
                "events",
                format!("{} ({per_event:.1} bytes each on disk)", count(events)),
            ),
            ("duration", nanoseconds(stats.duration_ns())),
            ("objects", count(objects)),
            ("reallocations", count(stats.reallocs())),
            ("frees", count(stats.frees())),
            ("zeroed", of(stats.zeroed(), objects)),
            (
                "freed elsewhere",
                of(stats.cross_thread_frees(), stats.frees()),
            ),
            ("peak live bytes", bytes(stats.peak_live_bytes())),
            ("peak live objects", count(stats.peak_live_objects())),
            (
                "live at the end",
                format!(
                    "{} in {} objects",
                    bytes(stats.live_bytes()),
                    count(stats.live_objects())
                ),
            ),
            ("threads", count(stats.threads().len() as u64)),
        ]
    }

    /// The busiest threads, if there are several.
    fn write_threads(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 16;
        let mut threads: Vec<_> = self.stats.threads().iter().enumerate().collect();
        if threads.len() < 2 {
            return Ok(());
        }
        threads.sort_by_key(|(_, thread)| {
            std::cmp::Reverse(thread.allocs + thread.reallocs + thread.frees)
        });
        writeln!(
            f,
            "\n  thread  allocations  reallocations        frees  of others' objects"
        )?;
        for (number, thread) in threads.iter().take(MOST) {
            writeln!(
                f,
                "  {number:>6} {:>12} {:>14} {:>12} {:>19}",
                HumanCount(thread.allocs).to_string(),
                HumanCount(thread.reallocs).to_string(),
                HumanCount(thread.frees).to_string(),
                HumanCount(thread.foreign_frees).to_string(),
            )?;
        }
        match threads.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " ({file}:{line})"),
            (Some(file), None) => write!(f, " ({file})"),
            _ => Ok(()),
        }
    }
}

/// The rows of a histogram by the least value that each may hold; the next row's is twice that.
fn rows(histogram: &Histogram, unit: fn(u64) -> String) -> Vec<(String, u64)> {
    let rows = histogram.buckets();
    rows.map(|row| (format!("{} and more", unit(row.low)), row.count))
        .collect()
}

/// Small sizes to the byte, because classes are; large ones rounded.
fn bytes(bytes: u64) -> String {
    if bytes < 10_000 {
        format!("{bytes} B")
    } else {
        BinaryBytes(bytes).to_string()
    }
}

/// A time in the unit in which it has few digits.
fn nanoseconds(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", seconds * 1e6),
        1_000_000..1_000_000_000 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.1} s"),
    }
}
