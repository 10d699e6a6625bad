//! A contest as a table and a sentence.

use std::fmt;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use indicatif::{HumanBytes, HumanCount};

use super::contest::{Contest, Entry};
use super::measured::Growth;
use super::phases::Phases;
use super::spread::Spread;

impl fmt::Display for Contest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let survey = &self.survey;
        let threads = survey.threads();
        writeln!(
            f,
            "{}: {} events, {threads} thread{}, at most {} live in {} objects",
            self.source,
            HumanCount(survey.events),
            if threads == 1 { "" } else { "s" },
            HumanBytes(survey.peak_live_bytes),
            HumanCount(survey.peak_live_objects),
        )?;
        writeln!(f, "{}", self.table())?;
        self.sentences()
            .try_for_each(|sentence| writeln!(f, "{sentence}"))?;
        let told = |entry: &&Entry| entry.contender.wants_lifetimes();
        self.entries
            .iter()
            .filter(told)
            .try_for_each(|entry| writeln!(f, "{}", phases(entry.contender.name(), &survey.phases)))
    }
}

impl Contest<'_> {
    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(UTF8_HORIZONTAL_ONLY).set_header([
            "contender",
            "ns/op",
            "min – max",
            "time ratio",
            "peak resident",
            "end resident",
            "peak live",
            "overhead",
        ]);
        for entry in &self.entries {
            table.add_row(self.row(entry));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn row(&self, entry: &Entry) -> Vec<String> {
        let time = entry.time();
        let growth = entry.growth();
        let bytes = |bytes: Option<f64>| or_dash(bytes.map(|b| HumanBytes(b as u64)));
        let overhead = growth.and_then(|(peak, _)| self.overhead(peak));
        vec![
            entry.contender.name().to_owned(),
            or_dash(time.map(|time| format!("{:.1}", time.median))),
            or_dash(time.map(|time| format!("{:.1} – {:.1}", time.min, time.max))),
            or_dash(self.time_ratio(entry).map(|ratio| format!("{ratio:.2}"))),
            bytes(growth.map(|(peak, _)| peak)),
            bytes(growth.map(|(_, end)| end)),
            HumanBytes(self.survey.peak_live_bytes).to_string(),
            or_dash(overhead.map(|overhead| format!("{overhead:.2}"))),
        ]
    }

    /// Peak resident bytes for each byte that was live at the peak.
    fn overhead(&self, peak: f64) -> Option<f64> {
        (self.survey.peak_live_bytes > 0).then(|| peak / self.survey.peak_live_bytes as f64)
    }

    /// Median over the rounds of a contender's time divided by the first contender's in the same
    /// round: what slows the machine down for a while slows both.
    fn time_ratio(&self, entry: &Entry) -> Option<f64> {
        let first = self.entries.first()?;
        let pairs = entry.rounds.iter().zip(&first.rounds);
        let ratios = pairs.map(|(own, first)| own.ns_per_operation() / first.ns_per_operation());
        Spread::of(ratios).map(|ratio| ratio.median)
    }

    /// One line per contender that is compared with the first one.
    fn sentences(&self) -> impl Iterator<Item = String> {
        let first = self.entries.first();
        self.entries.iter().skip(1).filter_map(move |entry| {
            let first = first?;
            let (name, other) = (entry.contender.name(), first.contender.name());
            let time = self.time_ratio(entry)?;
            let mut line = format!("{name} takes {} the time of {other}", percent(time));
            if let (Some((own, _)), Some((theirs, _))) = (entry.growth(), first.growth())
                && theirs > 0.0
            {
                line += &format!(" and {} its memory", percent(own / theirs));
            }
            Some(line + ".")
        })
    }
}

impl Entry {
    fn time(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.ns_per_operation()))
    }

    /// Median growth of resident memory at the peak and at the end, in bytes.
    fn growth(&self) -> Option<(f64, f64)> {
        let median = |of: fn(&Growth) -> u64| {
            let growths = self.rounds.iter().filter_map(|round| round.growth);
            Spread::of(growths.map(|growth| of(&growth) as f64)).map(|spread| spread.median)
        };
        median(|growth| growth.peak).zip(median(|growth| growth.end))
    }
}

/// What there was to gain by knowing lifetimes. Below this share of objects it is not worth writing
/// a program for.
const SUITS: f64 = 0.2;

/// How much of the trace suits an arena, and why the rest does not.
fn phases(name: &str, phases: &Phases) -> String {
    let share = |part: u64| {
        format!(
            "{:.0} %",
            100.0 * part as f64 / phases.objects.max(1) as f64
        )
    };
    let rest = [
        (
            phases.scattered,
            "do not die together with others around them",
        ),
        (phases.foreign, "are resized or freed by another thread"),
        (phases.unfreed, "are never freed"),
    ];
    let rest = rest.into_iter().filter(|(part, _)| *part > 0);
    let rest: Vec<_> = rest
        .map(|(part, why)| format!("{} {why}", share(part)))
        .collect();
    let rest = match rest.is_empty() {
        true => String::new(),
        false => format!("; {}", rest.join(", ")),
    };
    let joined = format!(
        "{} of the objects and {:.0} % of the bytes die together, in {} phases{rest}",
        share(phases.joined),
        100.0 * phases.share_of_bytes(),
        HumanCount(phases.phases),
    );
    if phases.share_of_objects() < SUITS {
        format!("{name}: this trace does not suit an arena: {joined}.")
    } else {
        format!(
            "{name} is told which objects die together: a program would have to be written that \
             way. {joined}."
        )
    }
}

/// "83 % of", "2.4 times".
fn percent(ratio: f64) -> String {
    if ratio < 2.0 {
        format!("{:.0} % of", ratio * 100.0)
    } else {
        format!("{ratio:.1} times")
    }
}

fn or_dash(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}
