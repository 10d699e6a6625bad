//! Folded stacks: the input of flame graphs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Symbols;
use crate::{SiteRow, SiteStats, Sites, StackId};

/// Which of a call site's numbers is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Bytes allocated.
    #[default]
    Allocated,
    /// Objects allocated.
    Objects,
    /// Bytes alive when there were the most.
    Peak,
    /// Bytes alive at the end.
    Live,
}

impl Value {
    /// The number of a row.
    #[must_use]
    pub fn of(self, row: &SiteRow) -> f64 {
        match self {
            Self::Allocated => row.allocated_bytes,
            Self::Objects => row.allocated_objects,
            Self::Peak => row.peak_bytes,
            Self::Live => row.live_bytes,
        }
    }
}

/// One line per stack: its functions, outermost first, with semicolons between them, a space, and a
/// number. Stacks of the same functions are one line, and lines are sorted.
#[derive(Debug)]
pub struct Folded {
    lines: BTreeMap<String, f64>,
}

impl Folded {
    /// Adds up the rows of `stats`.
    pub fn of(stats: &SiteStats, sites: &Sites, value: Value, symbols: &mut dyn Symbols) -> Self {
        let mut lines = BTreeMap::new();
        for (stack, row) in stats.rows() {
            let number = value.of(&row);
            if number > 0.0 {
                *lines.entry(line(stack, sites, symbols)).or_insert(0.0) += number;
            }
        }
        Self { lines }
    }

    /// Writes the lines.
    ///
    /// # Errors
    ///
    /// Those of `to`.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        for (stack, number) in &self.lines {
            writeln!(to, "{stack} {}", number.round() as u64)?;
        }
        to.flush()
    }
}

fn line(stack: StackId, sites: &Sites, symbols: &mut dyn Symbols) -> String {
    let mut functions: Vec<_> = sites
        .frames(stack)
        .flat_map(|address| symbols.locations(sites, address))
        .map(|location| plain(&location.function))
        .collect();
    if functions.is_empty() {
        return "unknown".into();
    }
    functions.reverse();
    functions.join(";")
}

/// A name without what separates names.
fn plain(name: &str) -> String {
    name.replace(';', ",").replace(char::is_control, " ")
}
