//! A small bar chart.

use std::fmt;

use indicatif::HumanCount;

/// Characters of the longest bar.
const WIDTH: u64 = 40;

/// Counts by label, as bars.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) rows: Vec<(String, u64)>,
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.rows.iter().map(|(_, count)| count).sum();
        let Some(longest) = self
            .rows
            .iter()
            .map(|(_, count)| *count)
            .max()
            .filter(|&n| n > 0)
        else {
            return Ok(());
        };
        writeln!(f, "\n  {}", self.title)?;
        for (label, count) in &self.rows {
            let bar = "#".repeat(bar_len(*count, longest));
            let count_text = HumanCount(*count).to_string();
            writeln!(
                f,
                "  {label:>18} {count_text:>12} {:>6} {bar}",
                share(*count, total)
            )?;
        }
        Ok(())
    }
}

/// At least one character for anything that is not nothing.
fn bar_len(count: u64, longest: u64) -> usize {
    let len = u128::from(count) * u128::from(WIDTH) / u128::from(longest.max(1));
    (len as usize).max(usize::from(count > 0))
}

/// A part of a whole in percent.
pub(super) fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}
