//! Which program a trace is of.

use crate::section::VERSION_1;
use crate::varint::{self, Cursor};
use crate::{Origin, Sampling, Summary, TraceError};

/// What was recorded, and as far as is known how much.
///
/// The counts and [`complete`](Self::complete) are known only at the end of a recording, so a file
/// holds them in its [`Summary`]. [`Reader::open`](crate::Reader::open) looks there first and
/// fills them in; a [`Reader`](crate::Reader) of a stream leaves them 0 and `false`, and a
/// [`Writer`](crate::Writer) ignores them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The program, as it was named on the command line.
    pub program: String,
    /// Its arguments, without the program itself.
    pub args: Vec<String>,
    /// When the recording started, in seconds since 1970 (UTC).
    pub recorded_unix_s: u64,
    /// Process id of the recorded process.
    pub pid: u32,
    /// Process id of its parent.
    pub parent_pid: u32,
    /// How the trace came about.
    pub origin: Origin,
    /// Which objects are in the trace: all, or a sample.
    pub sampling: Option<Sampling>,
    /// Return addresses kept of each call; 0 when call sites were not recorded.
    pub stack_depth: u32,
    /// Threads in the trace; 0 while unknown.
    pub threads: u32,
    /// Events in the trace; 0 while unknown.
    pub events: u64,
    /// Objects in the trace; 0 while unknown.
    pub objects: u64,
    /// Whether every event up to the end of the process is known to be in the trace.
    pub complete: bool,
}

impl Header {
    pub(crate) fn with_counts_of(self, summary: &Summary) -> Self {
        Self {
            threads: summary.threads,
            events: summary.events,
            objects: summary.objects,
            complete: summary.complete,
            ..self
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::put_str(&mut out, &self.program);
        varint::put(&mut out, self.args.len() as u64);
        for arg in &self.args {
            varint::put_str(&mut out, arg);
        }
        varint::put(&mut out, self.recorded_unix_s);
        varint::put(&mut out, u64::from(self.pid));
        varint::put(&mut out, u64::from(self.parent_pid));
        out.push(self.origin.code());
        varint::put(&mut out, self.sampling.map_or(0, Sampling::bytes));
        varint::put(&mut out, u64::from(self.stack_depth));
        out
    }

    pub(crate) fn decode(bytes: &[u8], version: u16) -> Result<Self, TraceError> {
        let mut cursor = Cursor::new(bytes);
        Self::fields(&mut cursor)
            .and_then(|header| match version {
                VERSION_1 => Some(header),
                _ => header.with_fields_of_version_2(&mut cursor),
            })
            .filter(|_| cursor.is_empty())
            .ok_or_else(|| TraceError::corrupted_part("header"))
    }

    fn fields(cursor: &mut Cursor<'_>) -> Option<Self> {
        let program = cursor.string()?;
        let count = cursor.varint()?;
        // Nothing is reserved for `count`: a lie runs out of bytes before it runs out of memory.
        let args = (0..count).map(|_| cursor.string()).collect::<Option<_>>()?;
        Some(Self {
            program,
            args,
            recorded_unix_s: cursor.varint()?,
            pid: cursor.varint()?.try_into().ok()?,
            parent_pid: cursor.varint()?.try_into().ok()?,
            ..Self::default()
        })
    }

    fn with_fields_of_version_2(self, cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            origin: Origin::of_code(cursor.byte()?)?,
            sampling: Sampling::every(cursor.varint()?),
            stack_depth: cursor.varint()?.try_into().ok()?,
            ..self
        })
    }
}
