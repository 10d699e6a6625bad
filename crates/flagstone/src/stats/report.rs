//! Numbers for people and for programs.

use core::fmt;

use super::{Json, Metric, Snapshot};

/// Named snapshots, shown as a table (`Display`) or as [JSON](Self::json).
///
/// ```
/// use flagstone::{FixedPool, GrowingPool, stats::Report};
///
/// let orders = FixedPool::<u64>::new(100);
/// let trades = GrowingPool::<[u64; 4]>::new(0);
/// let order = orders.alloc(1);
/// let parts = [("orders", orders.stats()), ("trades", trades.stats())];
/// let report = Report::new(&parts);
/// println!("{report}");
/// let json = report.json().to_string();
/// assert!(json.starts_with(r#"[{"name":"orders","capacity":100,"in_use":1,"#));
/// # drop(order);
/// ```
///
/// The table has a row for every metric that is not 0 everywhere, and a column for every part:
///
/// ```text
///                  orders  trades
/// capacity            100       0
/// in_use                1       0
/// ```
#[doc(alias = "StatisticsReporter")]
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    parts: &'a [(&'a str, Snapshot)],
}

impl<'a> Report<'a> {
    /// A report of `parts`: what each is called, and its numbers.
    #[must_use]
    pub const fn new(parts: &'a [(&'a str, Snapshot)]) -> Self {
        Self { parts }
    }

    /// The sum of the parts.
    #[must_use]
    pub fn total(&self) -> Snapshot {
        self.parts.iter().map(|(_, snapshot)| snapshot).sum()
    }

    /// The parts as one JSON array (RFC 8259) with an object each: `name`, then every metric by its
    /// [name](Metric::name), as whole numbers.
    #[must_use]
    #[doc(alias = "as_json")]
    pub const fn json(&self) -> Json<'a> {
        Json::new(self.parts)
    }

    /// Whether any part has something else than 0 to say of `metric`.
    fn tells(&self, metric: Metric) -> bool {
        self.parts.iter().any(|(_, part)| part.get(metric) != 0)
    }
}

/// Digits of `number`.
fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = || {
            let all = Metric::ALL.iter().copied();
            all.filter(|&metric| self.tells(metric))
        };
        let first = told().map(|metric| metric.name().len()).max().unwrap_or(0);
        let width = |(name, part): &(&str, Snapshot)| {
            let widest = told().map(|metric| digits(part.get(metric))).max();
            name.chars().count().max(widest.unwrap_or(0))
        };
        write!(f, "{:first$}", "")?;
        for part in self.parts {
            write!(f, "  {:>width$}", part.0, width = width(part))?;
        }
        for metric in told() {
            write!(f, "\n{:first$}", metric.name())?;
            for part in self.parts {
                write!(f, "  {:>width$}", part.1.get(metric), width = width(part))?;
            }
        }
        Ok(())
    }
}
