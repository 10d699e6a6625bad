//! What one replay is for.

use clap::ValueEnum;

use super::survey::Survey;

/// What a replay measures. Each has rounds of its own, so that none disturbs another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// Processor time and peak memory: nothing happens between two operations of a window.
    #[default]
    Time,
    /// Memory over time: the trace is cut finer, and memory is looked at in every pause.
    Memory,
    /// How long single operations take: a clock is read before and after each.
    Latency,
}

/// Into how many windows a trace is cut at least when memory is looked at: about as many as a plot
/// can show.
const LOOKS: u64 = 240;

/// The least events between two looks, which are a hundred times as expensive as an operation.
const LEAST_BETWEEN: u64 = 32;

impl Purpose {
    /// What it is called on the command line of a child process.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Latency => "latency",
        }
    }

    /// Most events of a window.
    pub(super) fn longest_window(self, survey: &Survey) -> usize {
        match self {
            Self::Time | Self::Latency => survey.longest_block,
            Self::Memory => (survey.events / LOOKS).max(LEAST_BETWEEN) as usize,
        }
    }

    /// Most windows that the trace is cut into.
    pub(super) fn most_windows(self, survey: &Survey) -> usize {
        let longest = self.longest_window(survey).max(1) as u64;
        // Every block ends a window, and so does the peak.
        (survey.blocks + survey.events / longest + 1) as usize
    }
}

impl Survey {
    /// Whether rounds for time pause so often anyway that memory needs no round of its own.
    #[must_use]
    pub fn shows_memory(&self) -> bool {
        self.blocks >= LOOKS / 2
    }
}
