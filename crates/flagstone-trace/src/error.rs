//! What can be wrong with a trace.

use std::{error, fmt, io};

use crate::{FORMAT_VERSION, ObjectId, ThreadNumber};

/// Why a trace cannot be read or written: one lowercase sentence, and questions about the kind.
///
/// A reader's error says where it met the fault: in which block (from 0) and at which byte.
#[derive(Debug)]
pub struct TraceError {
    kind: Kind,
    place: Option<Place>,
}

/// Where in a file an error was met.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    block: u64,
}

#[derive(Debug)]
enum Kind {
    Io(io::Error),
    Empty,
    NotATrace,
    NewerVersion(u16),
    Truncated,
    Corrupted(&'static str),
    Limit(&'static str),
    InvalidEvent(Fault),
}

/// What is wrong with one event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    UnknownObject(ObjectId),
    DeadObject(ObjectId),
    ObjectOutOfOrder { given: ObjectId, expected: ObjectId },
    ThreadOutOfOrder { given: ThreadNumber, threads: u32 },
    Align(u64),
    Size { size: u64, align: u64 },
}

impl TraceError {
    pub(crate) fn io(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::truncated();
        }
        Kind::Io(error).into()
    }

    pub(crate) fn empty() -> Self {
        Kind::Empty.into()
    }

    pub(crate) fn not_a_trace() -> Self {
        Kind::NotATrace.into()
    }

    pub(crate) fn newer_version(found: u16) -> Self {
        Kind::NewerVersion(found).into()
    }

    pub(crate) fn truncated() -> Self {
        Kind::Truncated.into()
    }

    /// `part` completes "... of the trace is corrupted".
    pub(crate) fn corrupted_part(part: &'static str) -> Self {
        Kind::Corrupted(part).into()
    }

    /// `what` says which limit of the format is exceeded.
    pub(crate) fn limit(what: &'static str) -> Self {
        Kind::Limit(what).into()
    }

    pub(crate) fn event(fault: Fault) -> Self {
        Kind::InvalidEvent(fault).into()
    }

    /// Adds where the error was met, unless that is known already.
    pub(crate) fn at(mut self, offset: u64, block: u64) -> Self {
        self.place.get_or_insert(Place { offset, block });
        self
    }

    /// Whether the file has no bytes at all.
    #[must_use]
    pub fn is_empty_file(&self) -> bool {
        matches!(self.kind, Kind::Empty)
    }

    /// Whether the file is something else than a trace.
    #[must_use]
    pub fn is_not_a_trace(&self) -> bool {
        matches!(self.kind, Kind::NotATrace)
    }

    /// The version of the trace when it is newer than [`FORMAT_VERSION`].
    #[must_use]
    pub fn newer_version_found(&self) -> Option<u16> {
        match self.kind {
            Kind::NewerVersion(found) => Some(found),
            _ => None,
        }
    }

    /// Whether the trace ends too early. All blocks before the end were whole and usable.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        matches!(self.kind, Kind::Truncated)
    }

    /// Whether a checksum or the structure below it is wrong.
    #[must_use]
    pub fn is_corrupted(&self) -> bool {
        matches!(self.kind, Kind::Corrupted(_))
    }

    /// Whether an event breaks the rules of a trace: an object or thread out of order, an unknown
    /// or dead object, an impossible size or alignment.
    #[must_use]
    pub fn is_invalid_event(&self) -> bool {
        matches!(self.kind, Kind::InvalidEvent(_))
    }

    /// The error of the underlying reader, writer or file, if that is the cause.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.kind {
            Kind::Io(error) => Some(error),
            _ => None,
        }
    }

    /// Byte offset in the trace at which the error was met, for errors of a reader.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.place.map(|place| place.offset)
    }

    /// Number of the block in which the error was met (from 0), for errors of a reader. It is
    /// also the number of blocks that were read without an error.
    #[must_use]
    pub fn block(&self) -> Option<u64> {
        self.place.map(|place| place.block)
    }
}

impl From<Kind> for TraceError {
    fn from(kind: Kind) -> Self {
        Self { kind, place: None }
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Io(error) => write!(f, "the trace cannot be accessed: {error}")?,
            Kind::Empty => f.write_str("the trace is empty (0 bytes): record it again")?,
            Kind::NotATrace => {
                f.write_str("this is not a flagstone trace: it does not start with its magic")?;
            }
            Kind::NewerVersion(found) => write!(
                f,
                "the trace has format version {found} and this program reads up to version \
                 {FORMAT_VERSION}: use a matching release of flagstone"
            )?,
            Kind::Truncated => f.write_str("the trace is cut off: it has no end mark")?,
            Kind::Corrupted(part) => write!(f, "the {part} of the trace is corrupted")?,
            Kind::Limit(what) => write!(f, "the trace cannot hold {what}")?,
            Kind::InvalidEvent(fault) => write!(f, "the trace has an impossible event: {fault}")?,
        }
        match self.place {
            Some(Place { offset, block }) => write!(f, " (block {block}, byte {offset})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownObject(object) => write!(f, "{object} is used before it is allocated"),
            Self::DeadObject(object) => write!(f, "{object} is used after it was freed"),
            Self::ObjectOutOfOrder { given, expected } => {
                write!(f, "{given} is allocated where {expected} is next")
            }
            Self::ThreadOutOfOrder { given, threads } => {
                write!(
                    f,
                    "{given} appears when only {threads} threads came before it"
                )
            }
            Self::Align(align) => write!(f, "alignment {align} is not a power of two"),
            Self::Size { size, align } => {
                write!(
                    f,
                    "{size} bytes aligned to {align} exceed the address space"
                )
            }
        }
    }
}

impl error::Error for TraceError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.kind {
            Kind::Io(error) => Some(error),
            _ => None,
        }
    }
}
