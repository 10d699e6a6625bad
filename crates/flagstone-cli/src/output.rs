//! Standard output and standard error.

use std::io::{self, Write};

use crate::Failure;

/// Prints `text` and flushes.
///
/// # Errors
///
/// If standard output cannot be written, for example because the reader of a pipe went away
/// (`println!` would panic).
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::about("standard output cannot be written", error))
}

/// Says something on standard error that is neither a result nor a failure.
pub(crate) fn note(text: &str) {
    // Nothing can be done about a closed standard error, and it is no reason to fail.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
