//! What changed between two replays.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde::Serialize;

use super::document::{Document, Entrant, Replay};
use super::estimate::Estimate;
use super::words::{or_dash, percent};

/// Two documents compared, trace by trace and contender by contender.
///
/// A change is the later number divided by the earlier one. Its interval is of the extreme
/// quotients of both intervals, so it is no surer than both are together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// What makes the comparison doubtful: other machines, other traces.
    pub notes: Vec<String>,
    /// One row per trace and contender that are in both.
    pub rows: Vec<Change>,
}

/// What changed for one contender on one trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The trace.
    pub trace: String,
    /// The contender.
    pub contender: String,
    /// Nanoseconds per operation, earlier and later.
    pub ns_per_operation: (f64, f64),
    /// Change of the time itself.
    pub time: Estimate,
    /// Change of the time ratio to the baseline; not for the baseline itself, nor if the two
    /// replays had different ones.
    pub time_ratio: Option<Estimate>,
    /// Change of the peak of resident memory.
    pub peak: Option<Estimate>,
    /// What it comes to.
    pub verdict: String,
}

impl Diff {
    /// Compares an earlier document with a later one.
    #[must_use]
    pub fn of(earlier: &Document, later: &Document) -> Self {
        let mut notes = Vec::new();
        let same_machine = earlier.machine == later.machine;
        if !same_machine {
            notes.push(format!(
                "the machines differ ({}; {}), so only ratios to the baseline can be compared",
                earlier.machine, later.machine
            ));
        }
        if earlier.flagstone != later.flagstone {
            notes.push(format!(
                "flagstone {} measured the earlier replay, {} the later one",
                earlier.flagstone, later.flagstone
            ));
        }
        let mut rows = Vec::new();
        for new in &later.replays {
            match earlier
                .replays
                .iter()
                .find(|old| old.trace.name == new.trace.name)
            {
                Some(old) => compare(old, new, same_machine, &mut rows, &mut notes),
                None => notes.push(format!("{} is only in the later replay", new.trace.name)),
            }
        }
        for old in &earlier.replays {
            if !later
                .replays
                .iter()
                .any(|new| new.trace.name == old.trace.name)
            {
                notes.push(format!("{} is only in the earlier replay", old.trace.name));
            }
        }
        Self { notes, rows }
    }
}

fn compare(
    old: &Replay,
    new: &Replay,
    same_machine: bool,
    rows: &mut Vec<Change>,
    notes: &mut Vec<String>,
) {
    let name = &new.trace.name;
    if (old.trace.events, old.trace.objects) != (new.trace.events, new.trace.objects) {
        notes.push(format!(
            "{name}: the traces differ ({} and {} events), so times are per operation of each",
            old.trace.events, new.trace.events
        ));
    }
    if old.workers != new.workers {
        notes.push(format!(
            "{name}: played by {} threads at once, then by {}",
            old.workers, new.workers
        ));
    }
    for after in &new.contenders {
        match old.entrant(&after.name) {
            Some(before) => {
                let same_baseline = old.baseline == new.baseline;
                rows.push(change(name, before, after, same_machine, same_baseline));
            }
            None => notes.push(format!(
                "{name}: {} is only in the later replay",
                after.name
            )),
        }
    }
    for before in &old.contenders {
        if new.entrant(&before.name).is_none() {
            notes.push(format!(
                "{name}: {} is only in the earlier replay",
                before.name
            ));
        }
    }
}

fn change(
    trace: &str,
    before: &Entrant,
    after: &Entrant,
    same_machine: bool,
    same_baseline: bool,
) -> Change {
    let ratios = before.time_ratio.zip(after.time_ratio);
    let ratios = ratios.filter(|_| same_baseline);
    let time = after.ns_per_operation.over(before.ns_per_operation);
    let time_ratio = ratios.map(|(before, after)| after.over(before));
    let peaks = before.memory.as_ref().zip(after.memory.as_ref());
    let peaks = peaks.filter(|(before, _)| before.peak_bytes.low > 0.0);
    Change {
        trace: trace.to_owned(),
        contender: after.name.clone(),
        ns_per_operation: (before.ns_per_operation.value, after.ns_per_operation.value),
        time,
        time_ratio,
        peak: peaks.map(|(before, after)| after.peak_bytes.over(before.peak_bytes)),
        verdict: match (same_machine, time_ratio) {
            // What changed about the machine changed for the baseline too.
            (_, Some(ratio)) => verdict(ratio, "relative to the baseline"),
            (true, None) => verdict(time, "in nanoseconds"),
            (false, None) => "another machine".to_owned(),
        },
    }
}

fn verdict(change: Estimate, what: &str) -> String {
    let sure = percent(change.confidence);
    let range = |low: f64, high: f64| {
        let (low, high) = (percent(low), percent(high));
        format!("{} to {high}", low.trim_end_matches(" %"))
    };
    if change.confidence < 0.8 {
        "too few rounds to tell".to_owned()
    } else if change.high < 1.0 {
        let range = range(1.0 - change.high, 1.0 - change.low);
        format!("faster by {range} {what} ({sure} sure)")
    } else if change.low > 1.0 {
        let range = range(change.low - 1.0, change.high - 1.0);
        format!("slower by {range} {what} ({sure} sure)")
    } else {
        format!("no change beyond noise {what}")
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let mut table = Table::new();
        table
            .load_preset(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header([
                "trace",
                "contender",
                "ns/op",
                "time",
                "ratio",
                "peak resident",
                "verdict",
            ]);
        for row in &self.rows {
            let changed = |change: Estimate| format!("{:+.1} %", (change.value - 1.0) * 100.0);
            let (before, after) = row.ns_per_operation;
            table.add_row([
                row.trace.clone(),
                row.contender.clone(),
                format!("{before:.1} → {after:.1}"),
                changed(row.time),
                or_dash(row.time_ratio.map(changed)),
                or_dash(row.peak.map(changed)),
                row.verdict.clone(),
            ]);
        }
        for column in table.column_iter_mut().skip(2).take(4) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{table}")
    }
}
