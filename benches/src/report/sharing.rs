//! Pools that threads share, in one table: how they scale, and what a value costs that goes to another
//! thread.

use std::fmt;

use super::{
    Table,
    table::{nanos, ratio},
};

const CONTROL: &str = "control::arithmetic";
const RING: &str = "floor::ring";
/// Who is asked to leave two threads so much of what the machine has for them.
const OURS: (&str, f64) = ("flagstone::LockFreePool", 0.9);

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

    /// How much more two threads do than one.
    fn speed_up(&self, name: &str) -> Option<f64> {
        Some(2.0 * self.one.median(name)? / self.two.median(name)?)
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
            shown(self.speed_up(CONTROL), ratio),
            shown(self.hand_off.median(RING), nanos),
        )?;
        writeln!(
            f,
            "| pool | side | 1 thread | 2 threads | 8 threads | speed-up | of the control | to another \
             thread | 512 bytes, 1 thread |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|---:|---:|")?;
        for (name, side) in self.one.pools() {
            let scaling = match self.scaling(name) {
                Some(scaling) if name == OURS.0 => {
                    let met = if scaling >= OURS.1 {
                        "met"
                    } else {
                        "**missed**"
                    };
                    format!("{scaling:.2} (≥ {:.2}, {met})", OURS.1)
                }
                scaling => shown(scaling, ratio),
            };
            let median = |table: &Table| shown(table.median(name), nanos);
            writeln!(
                f,
                "| `{name}` | {side} | {} | {} | {} | {} | {} | {} | {} |",
                median(self.one),
                median(self.two),
                median(self.eight),
                shown(self.speed_up(name), ratio),
                scaling,
                shown(self.hand_off.beyond(name, RING), nanos),
                median(self.large),
            )?;
        }
        writeln!(f)
    }
}

/// A number that is there, or a dash.
fn shown(number: Option<f64>, show: impl FnOnce(f64) -> String) -> String {
    number.map_or_else(|| "–".to_owned(), show)
}
