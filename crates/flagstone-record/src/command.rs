//! What to record.

use std::ffi::OsString;
use std::path::PathBuf;

/// A program to be recorded, and where its trace goes.
///
/// ```
/// use flagstone_record::{ChildPolicy, RecordCommand};
///
/// let command = RecordCommand::new("python3")
///     .args(["-c", "print('hello')"])
///     .output("python.flagtrace")
///     .children(ChildPolicy::Ignore);
/// ```
#[derive(Clone, Debug)]
pub struct RecordCommand {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) output: PathBuf,
    pub(crate) children: ChildPolicy,
    pub(crate) sample_bytes: u64,
    pub(crate) stack_depth: u32,
    pub(crate) max_bytes: u64,
}

/// What happens to the processes that the program starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildPolicy {
    /// Each gets a trace beside the program's, with its process id before the extension.
    #[default]
    Keep,
    /// No trace is written of them.
    Ignore,
}

impl RecordCommand {
    /// Records `program`: a path, or a name that is looked up in `PATH`. The trace goes to
    /// `recording.flagtrace` unless [`output`](Self::output) says otherwise.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            output: PathBuf::from("recording.flagtrace"),
            children: ChildPolicy::default(),
            sample_bytes: 0,
            stack_depth: 0,
            max_bytes: 0,
        }
    }

    /// Adds arguments of the program.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets the file that the program's trace is written to. An older file is replaced when the
    /// trace is complete. The folder also holds the records until then: 16 to 24 bytes per event.
    #[must_use]
    pub fn output(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = path.into();
        self
    }

    /// Records a sample instead of everything: one sample point per `bytes` allocated bytes on
    /// average, see [`Sampling`](flagstone_trace::Sampling). 0 is everything.
    #[must_use]
    pub fn sample(mut self, bytes: u64) -> Self {
        self.sample_bytes = bytes;
        self
    }

    /// Records where each call comes from: up to `depth` return addresses, 0 for none.
    #[must_use]
    pub fn stacks(mut self, depth: u32) -> Self {
        self.stack_depth = depth;
        self
    }

    /// Stops recording when the records of all processes take `bytes` bytes on the disk; the
    /// program goes on. 0 is no limit.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets what happens to the processes that the program starts.
    #[must_use]
    pub fn children(mut self, policy: ChildPolicy) -> Self {
        self.children = policy;
        self
    }
}
