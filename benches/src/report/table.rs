//! One event's results.

use std::fmt::{self, Write as _};

use crate::{
    contender::Role,
    race::Samples,
    suite::{Event, Family, Goal},
};

/// The results of one event, the fastest first.
#[derive(Debug)]
pub struct Table {
    slug: String,
    family: Family,
    title: String,
    about: &'static str,
    quoted: &'static str,
    goals: Vec<Goal>,
    samples: Vec<Samples>,
}

impl Table {
    /// The results of `event`.
    #[must_use]
    pub fn new(event: &Event, mut samples: Vec<Samples>) -> Self {
        samples.sort_by(|one, other| one.median().total_cmp(&other.median()));
        Self {
            slug: event.slug.clone(),
            family: event.family,
            title: event.title.clone(),
            about: event.about,
            quoted: event.quoted,
            goals: event.goals.clone(),
            samples,
        }
    }

    /// The fastest of a side, by its median.
    fn best(&self, role: Role) -> Option<&Samples> {
        self.samples.iter().find(|samples| samples.role == role)
    }

    /// What is asked of ours, and whether it is so.
    fn verdict(&self, ours: &Samples, goal: Goal) -> String {
        let times = |role| self.best(role).map_or(f64::NAN, |other| ours.times(other));
        let (asked, is, most) = match goal {
            Goal::Floor(most) => (format!("≤ {most:.2} × floor"), times(Role::Floor), most),
            Goal::Rival(most) => (format!("≤ {most:.2} × rival"), times(Role::Rival), most),
            Goal::Contender(name, most) => {
                let other = self.samples.iter().find(|samples| samples.name == name);
                let times = other.map_or(f64::NAN, |other| ours.times(other));
                (
                    format!("≤ {most:.2} × `{name}` (is {})", ratio(times)),
                    times,
                    most,
                )
            }
            Goal::Nanos(most) => (format!("≤ {most:.0} ns"), ours.median(), most),
        };
        // Compared as it is shown.
        let met = (is * 100.0).round() <= (most * 100.0).round();
        format!("{asked}, {}", if met { "met" } else { "**missed**" })
    }

    /// The event's name for the command line.
    pub(super) fn slug(&self) -> &str {
        &self.slug
    }

    /// The event's heading.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// With what it is reported.
    pub(super) fn family(&self) -> Family {
        self.family
    }

    /// The median of a contender.
    pub(super) fn median(&self, name: &str) -> Option<f64> {
        self.of(name).map(Samples::median)
    }

    /// How many times the other contender's time this one takes.
    pub(super) fn times(&self, name: &str, other: &str) -> Option<f64> {
        Some(self.of(name)?.times(self.of(other)?))
    }

    /// How many nanoseconds more than the other contender this one takes.
    pub(super) fn beyond(&self, name: &str, other: &str) -> Option<f64> {
        Some(self.of(name)?.beyond(self.of(other)?))
    }

    /// Its contenders, but for floors and controls; the fastest first.
    pub(super) fn pools(&self) -> impl Iterator<Item = (&'static str, Role)> {
        let pools = self
            .samples
            .iter()
            .map(|samples| (samples.name, samples.role));
        pools.filter(|(_, role)| matches!(role, Role::Ours | Role::Rival))
    }

    /// Which of our contenders is quoted.
    pub(super) fn quoted(&self) -> &'static str {
        self.quoted
    }

    fn of(&self, name: &str) -> Option<&Samples> {
        self.samples.iter().find(|samples| samples.name == name)
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
        let goals: Vec<_> = self
            .goals
            .iter()
            .map(|&goal| self.verdict(ours, goal))
            .collect();
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
            "| {} | {} | {} | {times} | {rival} | {} | {} |",
            self.title,
            floor.map(ratio).unwrap_or_default(),
            goals.join("; "),
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
pub(super) fn ratio(times: f64) -> String {
    format!("{times:.2}")
}

/// Two digits behind the point below a hundred, none above.
pub(super) fn nanos(nanos: f64) -> String {
    if nanos < 100.0 {
        format!("{nanos:.2}")
    } else {
        format!("{nanos:.0}")
    }
}
