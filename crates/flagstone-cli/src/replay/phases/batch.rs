//! Looks for the phases of one thread in one batch.

use super::levels::{LEVELS, MIN_OBJECTS, span_of};
use super::record::Record;

/// Bytes that a phase may hold above those that are live at once, however few those are: less than
/// a first-level cache.
pub(super) const SLACK: u64 = 32 * 1024;

/// Gives a level to the objects `own` of one thread that are in phases, and returns the number of
/// these. `own` are positions in `records`, rising, of objects that may join.
///
/// Time: O(n log n) for each level.
pub(super) fn find_phases(records: &mut [Record], mut own: Vec<u32>) -> u64 {
    let mut phases = 0;
    let mut candidate = Candidate::default();
    for level in 1..=LEVELS {
        let span = span_of(level);
        for &at in &own {
            let record = records[at as usize];
            let Some(died) = record.died().filter(|died| died - record.born < span) else {
                continue;
            };
            if candidate.ends_before(record.born) {
                phases += candidate.close(records, level);
            }
            candidate.add(at, record.born, died);
        }
        phases += candidate.close(records, level);
        own.retain(|&at| records[at as usize].level == 0);
    }
    phases
}

/// Objects that may become a phase.
#[derive(Debug, Default)]
struct Candidate {
    members: Vec<u32>,
    /// When the first of them is born and the last one dies.
    start: u32,
    end: u32,
}

impl Candidate {
    /// Whether it is over when the next object of the level is born.
    fn ends_before(&self, born: u32) -> bool {
        let is_boundary = !self.members.is_empty() && self.end < born;
        is_boundary && (self.is_long_enough() || self.is_far_from(born))
    }

    /// Whether there is more between its end and `born` than in itself.
    fn is_far_from(&self, born: u32) -> bool {
        born - self.end > (self.end - self.start).max(span_of(1))
    }

    fn add(&mut self, at: u32, born: u32, died: u32) {
        if self.members.is_empty() {
            self.start = born;
        }
        self.members.push(at);
        self.end = self.end.max(died);
    }

    fn is_long_enough(&self) -> bool {
        self.members.len() >= MIN_OBJECTS as usize
    }

    /// Makes a phase of it, if that is allowed, and starts anew; the number of phases made.
    fn close(&mut self, records: &mut [Record], level: u8) -> u64 {
        let is_phase = self.is_long_enough() && self.is_small_enough(records);
        if is_phase {
            for &at in &self.members {
                records[at as usize].level = level;
            }
        }
        self.members.clear();
        self.end = 0;
        u64::from(is_phase)
    }

    fn is_small_enough(&self, records: &[Record]) -> bool {
        let members = self.members.iter().map(|&at| &records[at as usize]);
        let held = members.fold(0_u64, |sum, record| sum.saturating_add(record.held));
        held <= SLACK || {
            let peak = self.peak(records);
            held - peak.min(held) <= peak.max(SLACK)
        }
    }

    /// Most bytes that its objects have live at once.
    fn peak(&self, records: &[Record]) -> u64 {
        let members = || self.members.iter().map(|&at| &records[at as usize]);
        let mut deaths: Vec<_> = members()
            .filter_map(|record| record.died().map(|died| (died, record.largest)))
            .collect();
        deaths.sort_unstable();
        let mut deaths = deaths.into_iter().peekable();
        let (mut live, mut peak) = (0_u64, 0);
        for record in members() {
            while let Some((_, bytes)) = deaths.next_if(|(died, _)| *died < record.born) {
                live -= bytes;
            }
            live = live.saturating_add(record.largest);
            peak = peak.max(live);
        }
        peak
    }
}
