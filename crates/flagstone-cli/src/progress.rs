//! Bars and spinners on standard error, for long work.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `len` steps; it is hidden when standard error is not a terminal.
pub(crate) fn bar(len: u64, what: impl Into<String>) -> ProgressBar {
    let bar = ProgressBar::new(len).with_message(what.into());
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// A spinner that counts; it is hidden when standard error is not a terminal.
pub(crate) fn spinner(what: impl Into<String>) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(what.into());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {human_pos} events") {
        spinner.set_style(style);
    }
    spinner
}
