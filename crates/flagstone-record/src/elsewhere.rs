//! Systems on which nothing can be recorded.

use crate::error::Kind;
use crate::{Progress, RecordCommand, RecordError, RecordReport};

/// Records a program on 64-bit Linux. Here it answers that it cannot.
///
/// # Errors
///
/// Always.
pub fn record(
    _command: &RecordCommand,
    _progress: &mut dyn FnMut(Progress<'_>),
) -> Result<RecordReport, RecordError> {
    Err(Kind::UnsupportedSystem.into())
}
