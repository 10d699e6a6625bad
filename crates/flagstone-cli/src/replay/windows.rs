//! Cuts a trace into the pieces that are replayed without a pause.

use flagstone_trace::{Event, EventKind};

use super::phases::LevelsReader;
use super::planner::{Planner, Window};
use super::survey::Survey;
use crate::source::SourceReader;
use crate::{Failure, Source};

/// Reads a trace and plans it window by window.
///
/// A window is one block of the trace, at most 65,536 events: long enough that the pauses between
/// windows do not matter, short enough that the plan of a window stays in a core's cache. The
/// block in which the most bytes are live is cut right after that event, so that there is a pause
/// at which resident memory can be looked at.
#[derive(Debug)]
pub(super) struct Windows<'a> {
    source: &'a Source,
    survey: &'a Survey,
    reader: SourceReader,
    planner: Planner<'a>,
    /// The block being played and how many of its events are planned.
    events: Vec<Event>,
    planned: usize,
    /// The levels of the block's allocations and how many of them are planned.
    levels: Vec<u8>,
    levels_planned: usize,
    /// Where more of them are, if the contender is to be told.
    more_levels: Option<LevelsReader>,
    blocks_left: u64,
    /// Events planned so far in the whole trace.
    total: u64,
}

impl<'a> Windows<'a> {
    /// Opens the trace; `survey` must be of it. `told` says whether the allocator is told of
    /// lifetimes.
    pub(super) fn open(
        source: &'a Source,
        survey: &'a Survey,
        told: bool,
    ) -> Result<Self, Failure> {
        Ok(Self {
            source,
            survey,
            reader: source.open()?,
            planner: Planner::new(survey),
            events: Vec::with_capacity(survey.longest_block),
            planned: 0,
            levels: vec![1; if told { survey.longest_block } else { 0 }],
            levels_planned: 0,
            more_levels: told.then(|| survey.levels.reader()),
            blocks_left: survey.blocks,
            total: 0,
        })
    }

    /// Plans the next window; `false` when the trace is over.
    ///
    /// # Errors
    ///
    /// If the trace is no longer the one that was surveyed.
    pub(super) fn next(&mut self, window: &mut Window) -> Result<bool, Failure> {
        if self.planned == self.events.len() && !self.next_block()? {
            return Ok(false);
        }
        let rest = &self.events[self.planned..];
        let until_peak = (self.survey.peak_event + 1).saturating_sub(self.total);
        let len = match usize::try_from(until_peak) {
            Ok(until_peak) if (1..rest.len()).contains(&until_peak) => until_peak,
            _ => rest.len(),
        };
        let mut levels = &self.levels[self.levels_planned..];
        self.planner
            .plan(&rest[..len], &mut levels, window)
            .map_err(|error| Failure::about(self.source, error))?;
        self.levels_planned = self.levels.len() - levels.len();
        self.planned += len;
        self.total += len as u64;
        Ok(true)
    }

    /// Plans the freeing of what is still live after the last window.
    pub(super) fn rest(&mut self, window: &mut Window) {
        self.planner.plan_rest(window);
    }

    fn next_levels(&mut self) -> Result<(), Failure> {
        self.levels_planned = 0;
        let Some(reader) = &mut self.more_levels else {
            self.levels.clear();
            return Ok(());
        };
        let is_alloc = |event: &&Event| matches!(event.kind, EventKind::Alloc { .. });
        let allocs = self.events.iter().filter(is_alloc).count();
        reader
            .next(allocs, &mut self.levels)
            .map_err(|error| Failure::about("what the survey found cannot be read", error))
    }

    fn next_block(&mut self) -> Result<bool, Failure> {
        if self.blocks_left == 0 {
            return Ok(false);
        }
        self.blocks_left -= 1;
        self.planned = 0;
        let read = self.reader.next_block(&mut self.events);
        if !read.map_err(|error| Failure::about(self.source, error))?
            || self.events.len() > self.survey.longest_block
        {
            return Err(Failure::about(
                self.source,
                "the trace changed while it was replayed",
            ));
        }
        self.next_levels()
            .map_err(|error| Failure::about(self.source, error))?;
        Ok(true)
    }
}
