//! Why a file could not be imported.

use std::{error, fmt, io};

use crate::TraceError;

/// Why a file could not be imported: one lowercase sentence.
#[derive(Debug)]
pub struct ImportError(Kind);

#[derive(Debug)]
enum Kind {
    Read(io::Error),
    Unknown,
    Version {
        tool: &'static str,
        found: String,
        known: &'static str,
    },
    Line {
        number: u64,
        what: &'static str,
    },
    Profile(String),
    Write(TraceError),
}

impl ImportError {
    pub(crate) fn read(error: io::Error) -> Self {
        Self(Kind::Read(error))
    }

    pub(crate) fn unknown() -> Self {
        Self(Kind::Unknown)
    }

    pub(crate) fn version(tool: &'static str, found: String, known: &'static str) -> Self {
        Self(Kind::Version { tool, found, known })
    }

    /// `what` says what is wrong with a line of a heaptrack file.
    pub(crate) fn line(number: u64, what: &'static str) -> Self {
        Self(Kind::Line { number, what })
    }

    /// What is wrong with a DHAT profile.
    pub(crate) fn profile(what: impl Into<String>) -> Self {
        Self(Kind::Profile(what.into()))
    }

    /// Whether the format could not be told.
    #[must_use]
    pub fn is_unknown_format(&self) -> bool {
        matches!(self.0, Kind::Unknown)
    }

    /// Whether the file has a version that is not known here.
    #[must_use]
    pub fn is_unknown_version(&self) -> bool {
        matches!(self.0, Kind::Version { .. })
    }

    /// Whether the file could not be read, or not be decompressed to its end.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self.0, Kind::Read(_))
    }

    /// Whether the trace could not be written.
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(self.0, Kind::Write(_))
    }
}

impl From<TraceError> for ImportError {
    fn from(error: TraceError) -> Self {
        Self(Kind::Write(error))
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Read(error) => write!(f, "the file cannot be read: {error}"),
            Kind::Unknown => f.write_str(
                "this is neither a heaptrack data file (text, gzip or zstd) nor a DHAT profile \
                 (JSON)",
            ),
            Kind::Version { tool, found, known } => write!(
                f,
                "the {tool} file has version {found:?} and this program reads {known}"
            ),
            Kind::Line { number, what } => write!(f, "line {number} of the heaptrack file {what}"),
            Kind::Profile(what) => write!(f, "the DHAT profile {what}"),
            Kind::Write(error) => error.fmt(f),
        }
    }
}

impl error::Error for ImportError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Kind::Read(error) => Some(error),
            Kind::Write(error) => Some(error),
            _ => None,
        }
    }
}
