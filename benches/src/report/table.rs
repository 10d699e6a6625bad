//! One event's results.

use std::fmt::{self, Write as _};

use crate::{contender::Role, race::Samples, suite::Event};

/// The results of one event, the fastest first.
#[derive(Debug)]
pub struct Table {
    title: String,
    about: &'static str,
    quoted: &'static str,
    goal: Option<f64>,
    samples: Vec<Samples>,
}

impl Table {
    /// The results of `event`.
    #[must_use]
    pub fn new(event: &Event, mut samples: Vec<Samples>) -> Self {
        samples.sort_by(|one, other| one.median().total_cmp(&other.median()));
        Self {
            title: event.title.clone(),
            about: event.about,
            quoted: event.quoted,
            goal: event.goal,
            samples,
        }
    }

    /// The fastest of a side, by its median.
    fn best(&self, role: Role) -> Option<&Samples> {
        self.samples.iter().find(|samples| samples.role == role)
    }

    /// The event in one row: the quoted contender against the best floor and the best rival.
    pub(super) fn summary(&self) -> String {
        let Some(ours) = self
            .samples
            .iter()
            .find(|samples| samples.name == self.quoted)
        else {
            return String::new();
        };
        let floor = self.best(Role::Floor).map(|floor| ours.times(floor));
        let goal = match (floor, self.goal) {
            (Some(times), Some(goal)) if times <= goal => format!("≤ {goal:.2}, met"),
            (Some(_), Some(goal)) => format!("≤ {goal:.2}, **missed**"),
            _ => String::new(),
        };
        let (times, rival) = self.best(Role::Rival).map_or_else(
            || (String::new(), String::new()),
            |rival| {
                (
                    ratio(ours.times(rival)),
                    format!("`{}` ({})", rival.name, nanos(rival.median())),
                )
            },
        );
        format!(
            "| {} | {} | {goal} | {times} | {rival} | {} | {} |",
            self.title,
            floor.map(ratio).unwrap_or_default(),
            nanos(ours.min()),
            nanos(ours.median()),
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (floor, rival) = (self.best(Role::Floor), self.best(Role::Rival));
        writeln!(f, "### {}\n\n{}\n", self.title, self.about)?;
        writeln!(
            f,
            "| contender | side | × floor | × best rival | × floor, minima | min ns | median ns |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|")?;
        for own in &self.samples {
            let times = |other: Option<&Samples>| other.map(|it| ratio(own.times(it)));
            writeln!(
                f,
                "| `{}` | {} | {} | {} | {} | {} | {} |",
                own.name,
                own.role,
                times(floor).unwrap_or_default(),
                times(rival).unwrap_or_default(),
                floor
                    .map(|floor| ratio(own.min() / floor.min()))
                    .unwrap_or_default(),
                nanos(own.min()),
                nanos(own.median()),
            )?;
        }
        f.write_char('\n')
    }
}

/// Two digits behind the point.
fn ratio(times: f64) -> String {
    format!("{times:.2}")
}

/// Two digits behind the point below a hundred, none above.
fn nanos(nanos: f64) -> String {
    if nanos < 100.0 {
        format!("{nanos:.2}")
    } else {
        format!("{nanos:.0}")
    }
}
