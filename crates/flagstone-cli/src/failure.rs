//! Why a command failed, in one sentence.

use std::error::Error;
use std::fmt;

/// The sentence that a failed command leaves on standard error.
///
/// It says what was given, what is wrong with it and what to do. Nothing in the command reacts to
/// the kind of a failure, so there are no kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure with this sentence, lowercase and without a full stop.
    #[must_use]
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// What went wrong with something named, as in `heap.flagtrace: the trace is empty`.
    #[must_use]
    pub fn about(name: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self(format!("{name}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}
