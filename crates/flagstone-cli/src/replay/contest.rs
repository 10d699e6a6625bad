//! Several contenders, several rounds, one trace.

use std::time::{Duration, Instant};

use super::child::replay_once;
use super::contender::Contender;
use super::latency::Latencies;
use super::measured::{Look, Measured};
use super::purpose::Purpose;
use super::survey::Survey;
use crate::{Failure, Source};

/// How many rounds are played for time.
///
/// Few events are replayed in no time, and more rounds make the answer surer: unless the user
/// says otherwise they are played until they have taken a second, but not fewer than are needed to
/// be 95 % sure of anything, which is six.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    least: u32,
    most: u32,
    enough: Duration,
}

impl Default for Rounds {
    fn default() -> Self {
        Self {
            least: 6,
            most: 15,
            enough: Duration::from_secs(1),
        }
    }
}

impl Rounds {
    /// So many, however long they take.
    #[must_use]
    pub fn exactly(rounds: u32) -> Self {
        Self {
            least: rounds,
            most: rounds,
            enough: Duration::ZERO,
        }
    }

    /// The most there may be.
    #[must_use]
    pub fn most(self) -> u32 {
        self.most
    }

    fn are_over(self, played: u32, took: Duration) -> bool {
        played >= self.most || (played >= self.least && took >= self.enough)
    }
}

/// What the contenders measured on one trace.
///
/// ```text
/// time     round 1   first  second  third  first again
///          round 2   first again  third  second  first
///          ...
/// memory   once      first  second  third               (if the trace is short)
/// latency  round 1   first  second  third
/// ```
///
/// The first contender plays twice in every round for time, at both ends: the mean of the two is
/// what the others are compared with, so that a machine that slows down during the round favours
/// nobody; and how far the two are apart shows what a difference of nothing looks like.
#[derive(Debug)]
pub struct Contest<'a> {
    pub(crate) source: &'a Source,
    pub(crate) survey: Survey,
    pub(crate) entries: Vec<Entry>,
    /// The first contender once more, round by round.
    pub(crate) again: Vec<Measured>,
    pub(crate) latency_rounds: u32,
}

/// The rounds of one contender.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) contender: &'static dyn Contender,
    pub(crate) rounds: Vec<Measured>,
    pub(crate) looks: Vec<Look>,
    pub(crate) latencies: Option<Latencies>,
    /// Why it does not take part any more.
    pub(crate) out: Option<Failure>,
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
                looks: Vec::new(),
                latencies: None,
                out: None,
            })
            .collect();
        Self {
            source,
            survey,
            entries,
            again: Vec::new(),
            latency_rounds: 0,
        }
    }

    /// Plays all rounds, calling `played` after each replay. A contender that fails is left out
    /// from then on.
    ///
    /// # Errors
    ///
    /// If the first contender fails: there is nothing to compare the others with.
    pub fn play(&mut self, rounds: Rounds, mut played: impl FnMut()) -> Result<(), Failure> {
        let start = Instant::now();
        let mut number = 0;
        while !rounds.are_over(number, start.elapsed()) {
            self.play_round(number % 2 == 0, &mut played)?;
            number += 1;
        }
        if !self.survey.shows_memory() {
            self.each(Purpose::Memory, true, &mut played, |entry, measured| {
                entry.looks = measured.looks;
            })?;
        }
        self.latency_rounds = (number / 5).max(1);
        for _ in 0..self.latency_rounds {
            self.each(Purpose::Latency, true, &mut played, |entry, measured| {
                if let Some(latencies) = measured.latencies {
                    entry.latencies.get_or_insert_default().merge(&latencies);
                }
            })?;
        }
        Ok(())
    }

    /// One round for time, in the order of the list or in its reverse.
    fn play_round(&mut self, forward: bool, played: &mut dyn FnMut()) -> Result<(), Failure> {
        let shows_memory = self.survey.shows_memory();
        let keep = |entry: &mut Entry, mut measured: Measured| {
            let looks = std::mem::take(&mut measured.looks);
            if shows_memory && entry.looks.is_empty() {
                entry.looks = looks;
            }
            entry.rounds.push(measured);
        };
        if forward {
            self.each(Purpose::Time, true, played, keep)?;
            self.play_again(played)
        } else {
            self.play_again(played)?;
            self.each(Purpose::Time, false, played, keep)
        }
    }

    /// The first contender's second replay of a round, if it has rivals.
    fn play_again(&mut self, played: &mut dyn FnMut()) -> Result<(), Failure> {
        if let [first, _, ..] = &self.entries[..] {
            let measured = replay_once(first.contender, self.source, &self.survey, Purpose::Time)?;
            self.again.push(measured);
            played();
        }
        Ok(())
    }

    /// Lets everybody who still takes part replay the trace once.
    ///
    /// # Errors
    ///
    /// If the first contender fails.
    fn each(
        &mut self,
        purpose: Purpose,
        forward: bool,
        played: &mut dyn FnMut(),
        mut keep: impl FnMut(&mut Entry, Measured),
    ) -> Result<(), Failure> {
        let mut order: Vec<_> = self.entries.iter_mut().collect();
        if !forward {
            order.reverse();
        }
        for entry in order.into_iter().filter(|entry| entry.out.is_none()) {
            match replay_once(entry.contender, self.source, &self.survey, purpose) {
                Ok(measured) => keep(entry, measured),
                Err(failure) => entry.out = Some(failure),
            }
            played();
        }
        match self.entries.first().and_then(|first| first.out.clone()) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// What went wrong with those who were left out.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        let out = self.entries.iter().filter_map(|entry| entry.out.clone());
        out.collect()
    }
}
