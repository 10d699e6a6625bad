//! Numbers as JSON, written by hand: names and whole numbers need no dependency.

use core::fmt::{self, Write as _};

use super::Snapshot;

/// The JSON of a [`Report`](super::Report), through `Display`.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    parts: &'a [(&'a str, Snapshot)],
}

impl<'a> Json<'a> {
    pub(super) const fn new(parts: &'a [(&'a str, Snapshot)]) -> Self {
        Self { parts }
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (at, (name, part)) in self.parts.iter().enumerate() {
            f.write_str(if at == 0 { "{\"name\":" } else { ",{\"name\":" })?;
            string(f, name)?;
            for (metric, number) in part.iter() {
                // Metrics' names are letters and `_`.
                write!(f, ",\"{}\":{number}", metric.name())?;
            }
            f.write_char('}')?;
        }
        f.write_char(']')
    }
}

/// A string with what RFC 8259, section 7, wants escaped.
fn string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for char in text.chars() {
        match char {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\0'..='\x1F' => write!(f, "\\u{:04x}", u32::from(char))?,
            _ => f.write_char(char)?,
        }
    }
    f.write_char('"')
}
