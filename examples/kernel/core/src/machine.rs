//! What a kernel asks of the machine it runs on.

use core::fmt;

/// A machine with a place for lines, and with a second context: a core, a thread, or an interrupt.
pub trait Machine {
    /// What it is, for the first line.
    const NAME: &'static str;

    /// Shows a line of text.
    fn print(&mut self, line: fmt::Arguments<'_>);

    /// Runs `work` in another context and `meanwhile` in this one, and returns when both are done.
    ///
    /// A machine with one core interrupts this context for `work`, before `meanwhile` or after it
    /// and never within: an interrupt that came while a cache's lock is held would wait for it
    /// for ever. A kernel whose interrupts come at any time chooses a lock that masks them.
    fn elsewhere(&mut self, work: &mut (dyn FnMut() + Send), meanwhile: &mut dyn FnMut());
}
