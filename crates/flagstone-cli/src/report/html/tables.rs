//! The numbers of a report as tables.

use std::fmt::Write;

use super::escape::Escaped;
use super::palette;
use crate::report::document::{Entrant, Replay};
use crate::report::machine::Machine;
use crate::report::words::{bytes, count, or_dash, percent, time};

/// A table: a caption, the heads of its columns, and rows whose first cell is a head.
struct Table<'a> {
    class: &'static str,
    caption: &'a str,
    heads: &'a [&'a str],
    rows: Vec<Vec<String>>,
}

impl Table<'_> {
    fn html(&self) -> String {
        let mut out = format!(
            "<div class=\"scroll\" tabindex=\"0\"><table class=\"{}\"><caption>{}</caption><thead><tr>",
            self.class,
            Escaped(self.caption)
        );
        // Writing to a string cannot fail.
        for head in self.heads {
            let _ = write!(out, "<th scope=\"col\">{}</th>", Escaped(head));
        }
        out += "</tr></thead><tbody>\n";
        for row in &self.rows {
            out += "<tr>";
            for (place, cell) in row.iter().enumerate() {
                // A cell is made of escaped parts.
                let _ = match place {
                    0 => write!(out, "<th scope=\"row\">{cell}</th>"),
                    _ => write!(out, "<td>{cell}</td>"),
                };
            }
            out += "</tr>\n";
        }
        out + "</tbody></table></div>\n"
    }
}

/// A contender's name with its colour.
pub(super) fn named(place: usize, name: &str) -> String {
    let class = palette::class(Some(place));
    format!("<span class=\"dot {class}\"></span>{}", Escaped(name))
}

/// Time and memory.
pub(super) fn costs(replay: &Replay) -> String {
    let row = |(place, entrant): (usize, &Entrant)| {
        let ratio = entrant.time_ratio;
        let memory = entrant.memory.as_ref();
        vec![
            named(place, &entrant.name),
            format!("{:.1}", entrant.ns_per_operation.value),
            ratio.map_or_else(|| "1.00".to_owned(), |ratio| format!("{:.2}", ratio.value)),
            or_dash(
                ratio
                    .filter(|ratio| ratio.confidence > 0.0)
                    .map(|ratio| format!("{:.2} – {:.2}", ratio.low, ratio.high)),
            ),
            or_dash(memory.map(|memory| bytes(memory.peak_bytes.value))),
            or_dash(memory.map(|memory| bytes(memory.end_bytes.value))),
            or_dash(
                memory
                    .and_then(|memory| memory.overhead)
                    .map(|over| format!("{over:.2}")),
            ),
        ]
    };
    let first = replay
        .contenders
        .iter()
        .find_map(|entrant| entrant.time_ratio);
    let sure = first.map_or_else(
        || "interval".to_owned(),
        |ratio| format!("interval, {} sure", percent(ratio.confidence)),
    );
    Table {
        class: "costs",
        caption: "Time and memory",
        heads: &[
            "contender",
            "ns per operation",
            "time ratio",
            &sure,
            "peak resident",
            "resident at the end",
            "peak ÷ live",
        ],
        rows: replay.contenders.iter().enumerate().map(row).collect(),
    }
    .html()
}

/// Latencies, if any were measured.
pub(super) fn latencies(replay: &Replay) -> Option<String> {
    let mut rows = Vec::new();
    for (place, entrant) in replay.contenders.iter().enumerate() {
        let Some(latency) = &entrant.latency else {
            continue;
        };
        let all = (latency.sorts.len() > 1).then_some(("all".to_owned(), &latency.all));
        let each = latency
            .sorts
            .iter()
            .map(|(sort, row)| (sort.to_string(), row));
        for (sort, row) in all.into_iter().chain(each) {
            rows.push(vec![
                named(place, &entrant.name),
                sort,
                time(row.p50),
                time(row.p99),
                time(row.p999),
                time(row.max),
                count(row.count),
            ]);
        }
    }
    let heads = &[
        "contender",
        "operation",
        "p50",
        "p99",
        "p99.9",
        "max",
        "count",
    ];
    (!rows.is_empty()).then(|| {
        Table {
            class: "latencies",
            caption: "Latency of single operations",
            heads,
            rows,
        }
        .html()
    })
}

/// The trace itself.
pub(super) fn trace(replay: &Replay) -> String {
    let trace = &replay.trace;
    let program: Vec<_> = trace.program.iter().map(|word| word.as_str()).collect();
    let row = |what: &str, value: String| vec![what.to_owned(), value];
    let rows = vec![
        row("program", Escaped(&program.join(" ")).to_string()),
        row("events", count(trace.events)),
        row("objects", count(trace.objects)),
        row("reallocations", count(trace.reallocations)),
        row(
            "frees",
            format!(
                "{} ({} by another thread)",
                count(trace.frees),
                count(trace.foreign_frees)
            ),
        ),
        row(
            "threads",
            format!(
                "{}, {} at once in the replay",
                trace.threads, replay.workers
            ),
        ),
        row("most bytes live", bytes(trace.peak_live_bytes as f64)),
        row("most objects live", count(trace.peak_live_objects)),
        row("duration of the recording", time(trace.duration_ns as f64)),
        row(
            "rounds",
            format!(
                "{} for time, {} for latency",
                replay.rounds, replay.latency_rounds
            ),
        ),
    ];
    Table {
        class: "facts",
        caption: "The recording",
        heads: &["what", "how much"],
        rows,
    }
    .html()
}

/// What the replay ran on.
pub(super) fn machine(machine: &Machine, flagstone: &str, made: &str) -> String {
    let row = |what: &str, value: &str| vec![what.to_owned(), Escaped(value).to_string()];
    Table {
        class: "machine",
        caption: "Machine and versions",
        heads: &["what", "which"],
        rows: vec![
            row("processor", &machine.processor),
            row("threads at once", &machine.threads.to_string()),
            row("memory", &bytes(machine.memory_bytes as f64)),
            row("system", &machine.system),
            row("compiled for", &machine.target),
            row("compiled by", &machine.compiler),
            row("flagstone", flagstone),
            row("made", made),
        ],
    }
    .html()
}

/// Who took part.
pub(super) fn contenders(replay: &Replay) -> String {
    let row = |(place, entrant): (usize, &Entrant)| {
        vec![
            named(place, &entrant.name),
            Escaped(&entrant.version).to_string(),
            Escaped(&entrant.about).to_string(),
        ]
    };
    Table {
        class: "who",
        caption: "Contenders",
        heads: &["contender", "version", "what it is"],
        rows: replay.contenders.iter().enumerate().map(row).collect(),
    }
    .html()
}
