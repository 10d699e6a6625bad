//! Several contenders, several rounds, one trace.

use super::child::replay_once;
use super::contender::Contender;
use super::measured::Measured;
use super::survey::Survey;
use crate::{Failure, Source};

/// What the contenders measured on one trace. Its [`Display`](std::fmt::Display) is the table.
#[derive(Debug)]
pub struct Contest<'a> {
    pub(super) source: &'a Source,
    pub(super) survey: Survey,
    pub(super) entries: Vec<Entry>,
}

/// The rounds of one contender.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) contender: &'static dyn Contender,
    pub(super) rounds: Vec<Measured>,
}

impl<'a> Contest<'a> {
    /// Announces the contenders for a surveyed trace.
    #[must_use]
    pub fn new(source: &'a Source, survey: Survey, contenders: &[&'static dyn Contender]) -> Self {
        let entries = contenders
            .iter()
            .map(|&contender| Entry {
                contender,
                rounds: Vec::new(),
            })
            .collect();
        Self {
            source,
            survey,
            entries,
        }
    }

    /// Plays one more round: every contender once, in a process each, calling `played` after
    /// each.
    ///
    /// Rounds alternate between the order of the list and its reverse, so that a machine that
    /// gets slower or faster over time favours nobody.
    ///
    /// # Errors
    ///
    /// Those of [`replay_once`].
    pub fn play_round(&mut self, mut played: impl FnMut()) -> Result<(), Failure> {
        let forward = self
            .entries
            .first()
            .is_none_or(|entry| entry.rounds.len() % 2 == 0);
        let mut order: Vec<_> = self.entries.iter_mut().collect();
        if !forward {
            order.reverse();
        }
        for entry in order {
            entry
                .rounds
                .push(replay_once(entry.contender, self.source, &self.survey)?);
            played();
        }
        Ok(())
    }
}
