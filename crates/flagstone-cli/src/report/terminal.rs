//! A replay as a table, lines and sentences.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::document::{Entrant, Latency, Replay};
use super::spark::sparkline;
use super::words::{bytes, count, or_dash, time};

/// Characters of a sparkline.
const WIDTH: usize = 48;

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        writeln!(f, "{}", self.costs())?;
        if let Some(latencies) = self.latencies() {
            writeln!(f, "{latencies}")?;
        }
        self.write_lines(f)?;
        let each = self
            .contenders
            .iter()
            .filter_map(|one| one.verdict.as_ref());
        for sentence in each.chain(&self.verdict) {
            writeln!(f, "{sentence}")?;
        }
        for out in &self.left_out {
            writeln!(f, "{} is left out: {}.", out.name, out.why)?;
        }
        Ok(())
    }
}

impl Replay {
    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace = &self.trace;
        writeln!(
            f,
            "{}: {} events, {} thread{}, at most {} live in {} objects",
            trace.name,
            count(trace.events),
            trace.threads,
            if trace.threads == 1 { "" } else { "s" },
            bytes(trace.peak_live_bytes as f64),
            count(trace.peak_live_objects),
        )?;
        if self.workers < trace.threads {
            writeln!(f, "played by {} at once", self.workers)?;
        }
        Ok(())
    }

    /// Time and memory.
    fn costs(&self) -> Table {
        let mut table = table(&[
            "contender",
            "ns/op",
            "min – max",
            "time ratio",
            "interval",
            "peak resident",
            "end resident",
            "overhead",
        ]);
        for entrant in &self.contenders {
            table.add_row(costs(entrant));
        }
        right(&mut table);
        table
    }

    /// Latencies, if any were measured.
    fn latencies(&self) -> Option<Table> {
        let rows = self.contenders.iter();
        let rows: Vec<_> = rows
            .filter_map(|entrant| Some((entrant, entrant.latency.as_ref()?)))
            .collect();
        if rows.is_empty() {
            return None;
        }
        let mut table = table(&[
            "latency of",
            "operation",
            "p50",
            "p99",
            "p99.9",
            "max",
            "count",
        ]);
        for (entrant, latency) in rows {
            add_latencies(&mut table, &entrant.name, latency);
        }
        right(&mut table);
        Some(table)
    }

    /// Memory over time.
    fn write_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let looks = |entrant: &Entrant| {
            let looks = entrant.memory.iter().flat_map(|memory| &memory.looks);
            let points = looks.map(|look| (look.moment.events as f64, look.resident_bytes as f64));
            points.collect::<Vec<_>>()
        };
        let live = self.live.iter();
        let live: Vec<_> = live
            .map(|point| (point.events as f64, point.most_bytes as f64))
            .collect();
        let mut lines = vec![("live", live)];
        for entrant in &self.contenders {
            lines.push((entrant.name.as_str(), looks(entrant)));
        }
        let tops = lines.iter().flat_map(|(_, points)| points);
        let top = tops.map(|point| point.1).fold(1.0, f64::max);
        let widest = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        writeln!(
            f,
            "bytes over the trace, live and resident, up to {}",
            bytes(top)
        )?;
        for (name, points) in lines.iter().filter(|(_, points)| !points.is_empty()) {
            writeln!(f, "  {name:<widest$} {}", sparkline(points, top, WIDTH))?;
        }
        Ok(())
    }
}

fn costs(entrant: &Entrant) -> Vec<String> {
    let time = entrant.ns_per_operation;
    let rounds = entrant.round_ns.iter().copied();
    let (least, most) = rounds.fold((f64::MAX, f64::MIN), |(least, most), ns| {
        (least.min(ns), most.max(ns))
    });
    let ratio = entrant.time_ratio;
    let memory = entrant.memory.as_ref();
    let overhead = memory.and_then(|memory| memory.overhead);
    vec![
        entrant.name.clone(),
        format!("{:.1}", time.value),
        format!("{least:.1} – {most:.1}"),
        ratio.map_or_else(|| "1.00".to_owned(), |ratio| format!("{:.2}", ratio.value)),
        or_dash(
            ratio
                .filter(|ratio| ratio.confidence > 0.0)
                .map(|ratio| format!("{:.2} – {:.2}", ratio.low, ratio.high)),
        ),
        or_dash(memory.map(|memory| bytes(memory.peak_bytes.value))),
        or_dash(memory.map(|memory| bytes(memory.end_bytes.value))),
        or_dash(overhead.map(|overhead| format!("{overhead:.2}"))),
    ]
}

fn add_latencies(table: &mut Table, name: &str, latency: &Latency) {
    let all = (latency.sorts.len() > 1).then_some(("all".to_owned(), &latency.all));
    let each = latency
        .sorts
        .iter()
        .map(|(sort, row)| (sort.to_string(), row));
    for (index, (sort, row)) in all.into_iter().chain(each).enumerate() {
        let name = if index == 0 { name } else { "" };
        table.add_row([
            name.to_owned(),
            sort,
            time(row.p50),
            time(row.p99),
            time(row.p999),
            time(row.max),
            count(row.count),
        ]);
    }
}

/// A table that keeps to the width of the terminal.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// Numbers stand under their last digits.
fn right(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
