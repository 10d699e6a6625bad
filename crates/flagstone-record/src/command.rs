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

    /// Sets what happens to the processes that the program starts.
    #[must_use]
    pub fn children(mut self, policy: ChildPolicy) -> Self {
        self.children = policy;
        self
    }
}
