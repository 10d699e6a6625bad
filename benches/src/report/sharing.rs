//! Pools that threads share, in one table: how they scale, and what a value costs that goes to another
//! thread.

use std::fmt;

use super::{
    Table,
    table::{nanos, ratio},
};

const CONTROL: &str = "control::arithmetic";
const RING: &str = "floor::ring";
/// Of whom something is asked.
const OURS: &str = "flagstone::LockFreePool";
/// Two threads of it do so much of what the machine has for two, or more.
const SCALING: f64 = 0.9;
/// It adds so many nanoseconds to the ring, or fewer.
const BEYOND: f64 = 10.0;
/// Two threads of the control that do less than this much more than one did not run side by side:
/// something else had a core, and what needs two of them was not measured.
const SIDE_BY_SIDE: f64 = 1.8;
/// What is said then.
pub(super) const NOT_SIDE_BY_SIDE: &str = "**Two threads of the control did less than 1.80 times as much \
    as one: something else had a core. Whatever needs more than one thread was not measured, here and in \
    the events; run it again on an idle machine.**\n\n";

/// What pools that threads share do with one, two and eight threads.
#[derive(Debug)]
pub(super) struct Sharing<'t> {
    one: &'t Table,
    two: &'t Table,
    eight: &'t Table,
    large: &'t Table,
    hand_off: &'t Table,
}

impl<'t> Sharing<'t> {
    /// From the tables of a report, if it has all that are needed.
    pub(super) fn of(tables: &'t [Table]) -> Option<Self> {
        let table = |slug: &str| tables.iter().find(|table| table.slug() == slug);
        Some(Self {
            one: table("shared/1-threads/64")?,
            two: table("shared/2-threads/64")?,
            eight: table("shared/8-threads/64")?,
            large: table("shared/1-threads/512")?,
            hand_off: table("shared/hand-off/64")?,
        })
    }

    /// How much more the two threads of `table` do than one.
    fn speed_up(&self, table: &Table, name: &str) -> Option<f64> {
        speed_up(self.one, table, name)
    }

    /// Whether the two threads of `table` ran side by side, as its control says.
    fn is_measured(&self, table: &Table) -> bool {
        ran_side_by_side(self.one, table)
    }

    /// A number of the two threads of `table`, and what is said of it when it is ours.
    fn judged(
        &self,
        table: &Table,
        name: &str,
        number: Option<f64>,
        (asked, met): (&str, impl FnOnce(f64) -> bool),
    ) -> String {
        let Some(number) = number else {
            return shown(None, ratio);
        };
        let verdict = match (self.is_measured(table), name == OURS) {
            (false, _) => return "not measured".to_owned(),
            (true, false) => String::new(),
            (true, true) if met(number) => format!(" ({asked}, met)"),
            (true, true) => format!(" ({asked}, **missed**)"),
        };
        format!("{}{verdict}", nanos(number))
    }

    /// The speed-up divided by that of the control: of ratios of single rounds, so that a machine
    /// which is slower in one of the two events is slower on both sides.
    fn scaling(&self, name: &str) -> Option<f64> {
        Some(self.one.times(name, CONTROL)? / self.two.times(name, CONTROL)?)
    }
}

impl fmt::Display for Sharing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Pools that threads share\n")?;
        writeln!(
            f,
            "From the events below, in nanoseconds per value of 64 bytes (of 512 where it says so). The \
             *speed-up* is how much more two threads do in a time than one; *of the control* divides \
             it by that of a loop of arithmetic ({}), which says how much the machine has for a second \
             thread: 1.00 is all of it. *To another thread* is what a value costs that one thread \
             stores and another drops, beyond the ring through which it goes ({} ns for a plain \
             number).\n",
            shown(self.speed_up(self.two, CONTROL), ratio),
            shown(self.hand_off.median(RING), nanos),
        )?;
        if !self.is_measured(self.two) || !self.is_measured(self.hand_off) {
            f.write_str(NOT_SIDE_BY_SIDE)?;
        }
        writeln!(
            f,
            "| pool | side | 1 thread | 2 threads | 8 threads | speed-up | of the control | to another \
             thread | 512 bytes, 1 thread |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|---:|---:|")?;
        for (name, side) in self.one.pools() {
            let scaling = self.judged(
                self.two,
                name,
                self.scaling(name),
                ("≥ 0.90", |scaling| scaling >= SCALING),
            );
            let beyond = self.judged(
                self.hand_off,
                name,
                self.hand_off.beyond(name, RING),
                ("≤ 10 ns", |beyond| beyond <= BEYOND),
            );
            let median = |table: &Table| shown(table.median(name), nanos);
            writeln!(
                f,
                "| `{name}` | {side} | {} | {} | {} | {} | {} | {} | {} |",
                median(self.one),
                median(self.two),
                median(self.eight),
                shown(self.speed_up(self.two, name), ratio),
                scaling,
                beyond,
                median(self.large),
            )?;
        }
        writeln!(f)
    }
}

/// How much more the two threads of one table do than the one of another.
fn speed_up(one: &Table, two: &Table, name: &str) -> Option<f64> {
    Some(2.0 * one.median(name)? / two.median(name)?)
}

/// Whether the two threads of a table ran side by side, as the control there and in a table of one thread
/// says.
pub(super) fn ran_side_by_side(one: &Table, two: &Table) -> bool {
    speed_up(one, two, CONTROL).is_some_and(|speed_up| speed_up >= SIDE_BY_SIDE)
}

/// A number that is there, or a dash.
pub(super) fn shown(number: Option<f64>, show: impl FnOnce(f64) -> String) -> String {
    number.map_or_else(|| "–".to_owned(), show)
}
