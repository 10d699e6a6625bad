//! What has to be known about a trace before it is replayed.

use std::fmt;
use std::io;

use flagstone_trace::{Event, EventKind, Header, LiveStats, Summary, TraceError};
use serde::{Deserialize, Serialize};

use super::edge;
use super::phases::{Finder, Levels, Phases};
use super::seats::{MAX_WORKERS, Seats, Span};
use crate::{Failure, Source};

/// The shape of a trace, learnt by reading it once.
///
/// The sizes bound every buffer of the replay, so that none grows while resident memory is being
/// measured. Making one needs memory for the live objects and the threads of the trace, and 50 MB at
/// most to look for phases; what is found for each allocation is a byte, of which a megabyte stays in
/// memory and the rest in a temporary file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Survey {
    /// Events in the readable blocks.
    pub events: u64,
    /// Most bytes that were live at once, as the program asked for them.
    pub peak_live_bytes: u64,
    /// Most objects that were live at once.
    pub peak_live_objects: u64,
    /// Which of them die together.
    pub phases: Phases,
    /// Why the trace could be read only in part, if so.
    pub cut: Option<String>,
    /// Number of the first event after which the most bytes were live.
    pub(super) peak_event: u64,
    /// Readable blocks, and the events in the longest of them.
    pub(super) blocks: u64,
    pub(super) longest_block: usize,
    pub(super) seats: Seats,
    /// What was found for each allocation. It goes to another process by itself.
    #[serde(skip)]
    pub(super) levels: Levels,
}

impl Survey {
    /// Reads all of a trace, calling `progress` now and then with the number of events.
    ///
    /// A trace that is cut off or corrupted somewhere is surveyed up to there, and
    /// [`cut`](Self::cut) says so.
    ///
    /// # Errors
    ///
    /// If the trace cannot be opened, not one block of it can be read, an event is impossible
    /// (an unknown object is freed, say), or there is no room for a temporary file.
    pub fn of(source: &Source, mut progress: impl FnMut(u64)) -> Result<Self, Failure> {
        let seen = |_: &Event, stats: &LiveStats| {
            if stats.events().is_multiple_of(1 << 16) {
                progress(stats.events());
            }
        };
        Self::with(source, MAX_WORKERS, seen).map(|(survey, _)| survey)
    }

    /// The same with at most so many workers, calling `seen` after each event with what is known
    /// so far. Also returns all that was learnt on the way.
    pub(crate) fn with(
        source: &Source,
        most_workers: usize,
        mut seen: impl FnMut(&Event, &LiveStats),
    ) -> Result<(Self, Whole), Failure> {
        let mut reader = source.open()?;
        let mut events = Vec::new();
        let mut tally = Tally::default();
        let mut finder = Finder::new();
        let (mut blocks, mut longest_block) = (0, 0);
        let cut = loop {
            match reader.next_block(&mut events) {
                Ok(true) => {}
                Ok(false) => break None,
                Err(error) if blocks > 0 && is_partial(&error) => break Some(error.to_string()),
                Err(error) => return Err(Failure::about(source, error)),
            }
            for event in &events {
                let number = tally.stats.events();
                tally
                    .add(event)
                    .map_err(|error| match error.is_invalid_event() {
                        true => edge::missing_before(source, number, event),
                        false => Failure::about(source, error),
                    })?;
                finder.push(event).map_err(no_room)?;
                seen(event, &tally.stats);
            }
            blocks += 1;
            longest_block = longest_block.max(events.len());
        };
        let seats = Seats::assign(&tally.threads, most_workers);
        let found = finder.finish().map_err(no_room)?;
        let phases = found.sums(|thread| {
            let worker = seats.worker_of(thread as u32);
            worker.is_some_and(|worker| seats.is_crowded(worker))
        });
        let survey = Self {
            events: tally.stats.events(),
            peak_live_bytes: tally.stats.peak_live_bytes(),
            peak_live_objects: tally.stats.peak_live_objects(),
            phases,
            cut,
            peak_event: tally.peak_event,
            blocks,
            longest_block,
            seats,
            levels: found.levels,
        };
        let whole = Whole {
            header: reader.header().clone(),
            summary: reader.summary().copied(),
            stats: tally.stats,
        };
        Ok((survey, whole))
    }

    /// How many threads play at once.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.seats.workers()
    }

    /// How many recorded threads there are.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.seats.threads()
    }
}

/// What else is known once a trace was read.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) header: Header,
    /// `None` when the end of the trace was not reached.
    pub(crate) summary: Option<Summary>,
    pub(crate) stats: LiveStats,
}

fn no_room(error: io::Error) -> Failure {
    Failure::about("the survey's temporary file cannot be written", error)
}

/// Whether the blocks before the error are still worth something.
pub(crate) fn is_partial(error: &TraceError) -> bool {
    error.is_truncated() || error.is_corrupted()
}

/// Running sums of a survey.
#[derive(Default)]
struct Tally {
    stats: LiveStats,
    peak_event: u64,
    threads: Vec<Span>,
}

impl Tally {
    fn add(&mut self, event: &Event) -> Result<(), TraceError> {
        let (number, peak) = (self.stats.events(), self.stats.peak_live_bytes());
        // Refuses every impossible event, a thread out of order among them.
        self.stats.push(event)?;
        if self.stats.peak_live_bytes() > peak {
            self.peak_event = number;
        }
        let thread = event.thread.0 as usize;
        if thread == self.threads.len() {
            self.threads.push(Span {
                first: number,
                last: number,
            });
        }
        self.threads[thread].last = number;
        Ok(())
    }
}

/// An event that does not fit those before it.
pub(super) fn impossible(what: impl fmt::Display) -> Failure {
    Failure::about("the trace has an impossible event", what)
}

/// An event of a kind that the trace library knows and the replay does not.
pub(super) fn unknown_kind(kind: EventKind) -> Failure {
    Failure::new(format!(
        "the trace has an event that cannot be replayed: {kind:?}"
    ))
}
