//! Cuts a trace into the pieces that are replayed without a pause.

use flagstone_trace::{Event, EventKind};

use super::board::Wait;
use super::edge;
use super::measured::Moment;
use super::phases::LevelsReader;
use super::planner::{Planner, Window};
use super::purpose::Purpose;
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
    /// Most events of a window.
    longest: usize,
    /// Events of the last window.
    last: usize,
    /// Where in the trace the last window ends.
    end: Moment,
}

impl<'a> Windows<'a> {
    /// Opens the trace; `survey` must be of it. `told` says whether the allocator is told of
    /// lifetimes.
    pub(super) fn open(
        source: &'a Source,
        survey: &'a Survey,
        purpose: Purpose,
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
            longest: purpose.longest_window(survey),
            last: 0,
            end: Moment::default(),
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
        let until_peak = (self.survey.peak_event + 1).saturating_sub(self.end.events);
        let most = rest.len().min(self.longest.max(1));
        let len = match usize::try_from(until_peak) {
            Ok(until_peak) if (1..most).contains(&until_peak) => until_peak,
            _ => most,
        };
        let mut levels = &self.levels[self.levels_planned..];
        self.planner
            .plan(&rest[..len], &mut levels, window)
            .map_err(|error| Failure::about(self.source, error))?;
        self.levels_planned = self.levels.len() - levels.len();
        self.end = Moment {
            events: self.end.events + len as u64,
            time_ns: rest[len - 1].time_ns,
            live_bytes: self.planner.live_bytes(),
        };
        (self.last, self.planned) = (len, self.planned + len);
        Ok(true)
    }

    /// Where in the trace the last window ends.
    pub(super) fn end(&self) -> Moment {
        self.end
    }

    /// Says which operation of the last window waits in vain. The trace cannot be played, or was
    /// not planned as it should be.
    #[cold]
    pub(super) fn stuck(&self, window: &Window, wait: Wait) -> Failure {
        let ops = window.ops_of(wait.worker);
        let place = ops
            .iter()
            .position(|op| (op.slot, op.turn) == (wait.slot, wait.turn));
        let events = &self.events[self.planned - self.last..self.planned];
        let first = self.end.events - self.last as u64;
        let own = (first..)
            .zip(events)
            .filter(|(_, event)| self.survey.seats.worker_of(event.thread.0) == Some(wait.worker));
        let event = place.and_then(|place| own.into_iter().nth(place));
        let what = match event {
            Some((number, event)) => edge::described(number, event),
            None => format!("worker {} frees what is left", wait.worker),
        };
        Failure::about(
            self.source,
            format!(
                "the replay cannot go on: {what}, after an operation on the same object that nobody \
                 carries out: what orders the two is missing"
            ),
        )
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

#[cfg(test)]
mod tests {
    #![expect(unsafe_code, reason = "plays a window")]

    use std::alloc::System;
    use std::fs::File;
    use std::thread;

    use flagstone_trace::{Header, ObjectId, Summary, ThreadNumber, Writer};

    use super::super::player;
    use super::super::probe::NoProbe;
    use super::super::slots::SlotTable;
    use super::*;

    /// Two threads that free each other's object.
    fn exchange(folder: &tempfile::TempDir) -> Source {
        let path = folder.path().join("exchange.flagtrace");
        let file = File::create(&path).expect("the trace");
        let mut writer = Writer::new(file, Header::default()).expect("a header");
        // The last object makes the peak: there is a pause after that.
        let alloc = |object| EventKind::Alloc {
            object: ObjectId(object),
            size: if object == 2 { 400 } else { 40 },
            align: 16,
            zeroed: false,
        };
        let free = |object| EventKind::Free {
            object: ObjectId(object),
        };
        let steps = [
            (0, alloc(0)),
            (1, alloc(1)),
            (1, free(0)),
            (0, free(1)),
            (0, alloc(2)),
        ];
        for (thread, kind) in steps {
            let event = Event {
                thread: ThreadNumber(thread),
                time_ns: 1,
                kind,
            };
            writer.push(&event).expect("a numbered event");
        }
        writer.finish(Summary::default()).expect("the end");
        Source::File(path)
    }

    #[test]
    fn a_plan_without_an_operation_ends_and_names_who_waits_for_it() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let source = exchange(&folder);
        let survey = Survey::of(&source, |_| ()).expect("a readable trace");
        let mut windows =
            Windows::open(&source, &survey, Purpose::Time, false).expect("a readable trace");
        let mut window = Window::for_survey(&survey);
        assert_eq!(windows.next(&mut window), Ok(true));
        window.forget_first();

        let slots = SlotTable::new(Planner::max_slots(&survey), 2);
        thread::scope(|scope| {
            for worker in [0, 1] {
                let (slots, ops) = (&slots, window.ops_of(worker));
                scope.spawn(move || {
                    // SAFETY: one planner's first window. The operation that it lacks is the only
                    // one that would let the next one on its slot begin.
                    let played = unsafe { player::play(worker, ops, slots, &System, &mut NoProbe) };
                    assert!(played.is_ok(), "nobody blames the allocator");
                });
            }
        });
        let wait = slots.stuck().expect("a wait that nobody can end");
        let sentence = windows.stuck(&window, wait).to_string();
        assert!(
            sentence.contains("in event 2 thread 1 frees object 0"),
            "{sentence}"
        );
    }
}
