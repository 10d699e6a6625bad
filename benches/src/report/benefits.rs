//! What an arena is for, in one table: the one that aegis-memory's page has, with numbers.

use std::fmt;

use super::{Table, table::nanos};

const OURS: &str = "flagstone::Arena";
const THEIRS: &str = "aegis-memory";
const STANDARD: &str = "Box(system)";

/// Values that the standard allocator frees where an arena is reset.
const FREED: f64 = 1000.0;

/// Allocating, freeing and resetting: an arena, the standard allocator, and aegis-memory.
#[derive(Debug)]
pub(super) struct Benefits<'t> {
    allocate: &'t Table,
    resets: [&'t Table; 3],
}

impl<'t> Benefits<'t> {
    /// From the tables of a report, if it has all that are needed.
    pub(super) fn of(tables: &'t [Table]) -> Option<Self> {
        let table = |slug: &str| tables.iter().find(|table| table.slug() == slug);
        Some(Self {
            allocate: table("arena/allocate")?,
            resets: [
                table("arena/reset-1")?,
                table("arena/reset-1000")?,
                table("arena/reset-1000000").or_else(|| table("arena/reset-10000"))?,
            ],
        })
    }
}

impl fmt::Display for Benefits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |table: &Table, name, share: f64| {
            let median = table.median(name);
            median.map_or_else(String::new, |time| format!("{} ns", nanos(time / share)))
        };
        let both = |table: &Table, standard: &str| {
            let (ours, theirs) = (shown(table, OURS, 1.0), shown(table, THEIRS, 1.0));
            format!("{ours} | {standard} | {theirs} |")
        };
        writeln!(f, "## What an arena is for\n")?;
        writeln!(
            f,
            "The table with which aegis-memory's page promotes arenas (about 5 ns for an allocation, 25 \
             for one of the standard allocator, 100 for a reset), measured: medians of the events \
             below, with values of 64 bytes where they are allocated and of 8 bytes where they are \
             freed.\n"
        )?;
        writeln!(
            f,
            "| operation | `Arena` | standard allocator | aegis-memory |"
        )?;
        writeln!(f, "|---|---:|---:|---:|")?;
        let [_, thousand, _] = self.resets;
        let standard = shown(self.allocate, STANDARD, 1.0);
        writeln!(f, "| allocate | {}", both(self.allocate, &standard))?;
        let standard = shown(thousand, STANDARD, FREED);
        writeln!(f, "| free | with the reset | {standard} | with the reset |")?;
        for table in self.resets {
            let operation = table.title().trim_start_matches("Arenas: ");
            writeln!(f, "| {operation} | {}", both(table, "–"))?;
        }
        writeln!(f)
    }
}
