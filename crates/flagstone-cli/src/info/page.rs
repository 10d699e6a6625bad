//! The facts of a trace as text.

use std::fmt;
use std::time::{Duration, SystemTime};

use flagstone_trace::Histogram;
use indicatif::{BinaryBytes, HumanCount};

use super::chart::{Chart, share};
use super::facts::Facts;

/// The first second of the year 10000, counted from 1970.
const YEAR_10000: u64 = 253_402_300_800;

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        for (what, value) in self.recording().into_iter().chain(self.totals()) {
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
        )
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
        if let Some(summary) = &self.summary {
            if !summary.complete {
                let why = "no: the recorder had to stop before the program ended";
                lines.push(("complete", why.to_owned()));
            }
            if summary.unmatched_frees > 0 {
                let frees = HumanCount(summary.unmatched_frees);
                lines.push(("left out", format!("{frees} frees of unknown addresses")));
            }
        }
        lines
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
