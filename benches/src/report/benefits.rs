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
            table
                .median(name)
                .map_or_else(String::new, |time| format!("{} ns", nanos(time / share)))
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
        let mut row = |operation: &str, table: &Table, share: f64, standard: bool| {
            let standard = if standard {
                shown(table, STANDARD, share)
            } else {
                "–".to_owned()
            };
            writeln!(
                f,
                "| {operation} | {} | {standard} | {} |",
                shown(table, OURS, share),
                shown(table, THEIRS, share),
            )
        };
        let [one, thousand, all] = self.resets;
        row("allocate", self.allocate, 1.0, true)?;
        row("free one of 1,000 values", thousand, FREED, true)?;
        row("reset after 1 allocation", one, 1.0, false)?;
        row("reset after 1,000 allocations", thousand, 1.0, false)?;
        row(all.title().trim_start_matches("Arenas: "), all, 1.0, false)?;
        writeln!(f)
    }
}
