//! General allocators in one table: what everybody takes for everything, and the means of our ratios.

use std::fmt;

use super::{
    Table,
    sharing::{NOT_SIDE_BY_SIDE, ran_side_by_side, shown},
    table::{nanos, ratio},
};
use crate::{contender::Role, heap::BARE_SPAWN, suite::Family};

/// Whom the acceptance bar is about, besides the best rival of each event.
const MEASURE: &str = "mimalloc";

/// The events of general allocators.
#[derive(Debug)]
pub(super) struct Heaps<'t> {
    tables: Vec<&'t Table>,
    /// Everybody but ours.
    rivals: Vec<&'static str>,
}

impl<'t> Heaps<'t> {
    /// From the tables of a report, if some are of general allocators.
    pub(super) fn of(tables: &'t [Table]) -> Option<Self> {
        let tables: Vec<_> = tables
            .iter()
            .filter(|table| table.family() == Family::Heaps)
            .collect();
        let contenders = tables.first()?.pools();
        let mut rivals: Vec<_> = contenders
            .filter(|(_, role)| *role == Role::Rival)
            .map(|(name, _)| name)
            .collect();
        rivals.sort_unstable();
        Some(Self { tables, rivals })
    }

    /// What a contender's operation takes; what a thread's first block takes is the difference to a thread
    /// without one.
    fn time(table: &Table, name: &str) -> Option<f64> {
        table
            .beyond(name, BARE_SPAWN)
            .or_else(|| table.median(name))
    }

    /// How many times the rival's time ours takes; nothing where both are differences, which can be none.
    fn times(table: &Table, rival: &str) -> Option<f64> {
        match table.median(BARE_SPAWN) {
            Some(_) => None,
            None => table.times(table.quoted(), rival),
        }
    }

    /// The rival that takes the least.
    fn best(&self, table: &Table) -> Option<&'static str> {
        let timed = self
            .rivals
            .iter()
            .filter_map(|&rival| Some((rival, Self::time(table, rival)?)));
        let best = timed.min_by(|(_, one), (_, other)| one.total_cmp(other));
        best.map(|(rival, _)| rival)
    }

    /// The geometric mean over all events of our ratio to the rival that is chosen for each.
    fn mean(&self, rival: impl Fn(&Table) -> Option<&'static str>) -> Option<f64> {
        let ratios = self.tables.iter();
        mean(ratios.filter_map(|table| Self::times(table, rival(table)?)))
    }

    /// Whether two threads had two cores, as far as the report knows.
    fn ran_side_by_side(&self) -> bool {
        let table = |slug| self.tables.iter().find(|table| table.slug() == slug);
        match (table("heap/1-threads"), table("heap/2-threads")) {
            (Some(one), Some(two)) => ran_side_by_side(one, two),
            _ => true,
        }
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
        let ours = shown(Self::time(table, table.quoted()), nanos);
        write!(f, "| {} | {ours} |", table.title())?;
        for rival in &self.rivals {
            write!(f, " {} |", shown(Self::time(table, rival), nanos))?;
        }
        let best = self.best(table);
        let times = |rival| shown(Self::times(table, rival), ratio);
        writeln!(
            f,
            " `{}` | {} | {} |",
            best.unwrap_or("–"),
            best.map_or_else(|| "–".to_owned(), times),
            times(MEASURE),
        )
    }
}

/// The geometric mean; nothing without numbers.
fn mean(ratios: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = ratios.fold((0.0, 0_u32), |(sum, count), ratio| {
        (sum + ratio.ln(), count + 1)
    });
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

impl fmt::Display for Heaps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours = self.tables.first().map_or("", |table| table.quoted());
        writeln!(f, "## Quoted ratios: general allocators\n")?;
        writeln!(
            f,
            "Medians in nanoseconds per operation. Everybody is called through the four functions of \
             `GlobalAlloc`, which are not inlined, as those of `#[global_allocator]` are not. `×` is the \
             median of the ratios of single rounds: `{ours}` takes so many times the time, below 1 is \
             faster. The last row has their geometric means, against each rival and against the best of \
             each event. A thread's first block is what it takes beyond a thread without one; it is in no \
             mean.\n"
        )?;
        if !self.ran_side_by_side() {
            f.write_str(NOT_SIDE_BY_SIDE)?;
        }
        write!(f, "| event | `{ours}` |")?;
        for rival in &self.rivals {
            write!(f, " `{rival}` |")?;
        }
        writeln!(f, " best rival | × best rival | × `{MEASURE}` |")?;
        writeln!(
            f,
            "|---|---:|{}---|---:|---:|",
            "---:|".repeat(self.rivals.len())
        )?;
        for table in &self.tables {
            self.row(f, table)?;
        }
        write!(f, "| **geometric mean of ×** | |")?;
        for &rival in &self.rivals {
            write!(f, " {} |", shown(self.mean(|_| Some(rival)), ratio))?;
        }
        writeln!(
            f,
            " | {} | {} |\n",
            shown(self.mean(|table| self.best(table)), ratio),
            shown(self.mean(|_| Some(MEASURE)), ratio),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::mean;

    #[test]
    fn a_mean_of_ratios_is_geometric() {
        let half_and_twice = mean([0.5, 2.0].into_iter());
        assert!(half_and_twice.is_some_and(|mean| (mean - 1.0).abs() < 1e-9));
        assert_eq!(mean(std::iter::empty()), None);
    }
}
