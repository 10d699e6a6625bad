//! What a kernel has done, and whether it adds up.

use core::fmt;

use crate::{fault::Fault, memory::Usage};

/// Counts of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Ticks of the clock.
    pub ticks: u32,
    /// Tasks that were started.
    pub spawned: u32,
    /// Tasks that ended.
    pub exited: u32,
    /// Messages that were put into an inbox.
    pub sent: u32,
    /// Messages that a task took out of it.
    pub received: u32,
    /// Messages that ended with the task they were for.
    pub lost: u32,
    /// Timers that were set.
    pub armed: u32,
    /// Timers that woke their task.
    pub fired: u32,
    /// Timers that ended with their task.
    pub cancelled: u32,
    /// Requests that this context handed to the other one.
    pub requested: u32,
    /// Requests that the other context freed, and answered in boxes of its own.
    pub answered: u32,
    /// Messages that filled the memory, before one was refused and given back.
    pub filled: u32,
    /// The region when all caches were gone, and one box was left.
    pub last_box: Usage,
    /// The region at the end.
    pub memory: Usage,
}

impl Account {
    /// Checks that what began also ended.
    ///
    /// # Errors
    ///
    /// Names what does not hold.
    pub fn check(&self) -> Result<(), Fault> {
        let sums = [
            (self.spawned == self.exited, "every task ended"),
            (
                self.sent == self.received + self.lost,
                "every message was received, or lost with its task",
            ),
            (
                self.armed == self.fired + self.cancelled,
                "every timer fired, or was cancelled with its task",
            ),
            (
                self.requested == self.answered,
                "every request was answered",
            ),
            (self.filled > 0, "the memory could be filled"),
            (self.last_box.in_use > 0, "a box keeps its slab"),
            (
                self.memory.taken == self.memory.returned,
                "every chunk was given back",
            ),
            (self.memory.in_use == 0, "no byte is in use at the end"),
        ];
        match sums.iter().find(|(holds, _)| !holds) {
            Some((_, what)) => Err(Fault::Wrong(what)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "tasks     {} spawned, {} exited",
            self.spawned, self.exited
        )?;
        writeln!(
            f,
            "messages  {} sent, {} received, {} lost with their task",
            self.sent, self.received, self.lost
        )?;
        writeln!(
            f,
            "timers    {} armed, {} fired, {} cancelled, in {} ticks",
            self.armed, self.fired, self.cancelled, self.ticks
        )?;
        writeln!(
            f,
            "elsewhere {} requests freed, {} answers made",
            self.requested, self.answered
        )?;
        writeln!(
            f,
            "full      after {} messages more; the next one came back",
            self.filled
        )?;
        writeln!(f, "last box  {}", self.last_box)?;
        write!(f, "memory    {}", self.memory)
    }
}
