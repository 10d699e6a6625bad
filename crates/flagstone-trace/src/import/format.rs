//! Which tool a file is from.

use std::io::{BufRead, Write};

use super::{ImportError, dhat, heaptrack, input};
use crate::Summary;

/// A tool whose files can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportFormat {
    /// A data file of heaptrack: its interpreted text, versions 1 to 3, plain or compressed.
    Heaptrack,
    /// A profile of valgrind's DHAT or of the `dhat` crate, of heap blocks.
    Dhat,
}

/// What came of an import.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The totals of the trace.
    pub summary: Summary,
    /// Why the file could be used only up to some place, if so. The trace holds what is before.
    pub cut: Option<String>,
}

/// Writes a trace of the file `from` to `to`; the format is told by the file's beginning. Memory
/// is bounded by the live objects and the call sites, for DHAT by the file.
///
/// # Errors
///
/// A file of an unknown format or version, one that is damaged before its first event, or that
/// cannot be read, or a trace that cannot be written. One that is damaged later gives the events
/// before that.
pub fn import<W: Write>(from: impl BufRead, to: W) -> Result<Imported, ImportError> {
    let mut text = input::decompressed(from).map_err(ImportError::read)?;
    let start = text.fill_buf().map_err(ImportError::read)?;
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{') => dhat::import(text, to),
        Some(b'v' | b'#' | b'X') => heaptrack::import(text, to),
        _ => Err(ImportError::unknown()),
    }
}

/// As [`import`](import()), of a file whose format is known.
///
/// # Errors
///
/// As `import`.
pub fn import_as<W: Write>(
    format: ImportFormat,
    from: impl BufRead,
    to: W,
) -> Result<Imported, ImportError> {
    let text = input::decompressed(from).map_err(ImportError::read)?;
    match format {
        ImportFormat::Heaptrack => heaptrack::import(text, to),
        ImportFormat::Dhat => dhat::import(text, to),
    }
}
