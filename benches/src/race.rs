//! The interleaver: many short windows, every contender in turn.
//!
//! A shared machine changes its speed from second to second. Contenders that run one after the
//! other meet different machines; contenders that take turns every few hundred microseconds meet
//! the same one, and their ratio within a round holds although neither time does. Criterion runs
//! one benchmark to its end before the next. `tango-bench` does take turns, but between two builds
//! of one function at a time; here sixteen contenders share a round.

use std::time::Duration;

use crate::{contender::Role, lane::Lane};

/// How long a race is.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Windows per contender.
    pub rounds: usize,
    /// How long a timed window lasts, about.
    pub window: Duration,
}

impl Settings {
    /// For numbers that are quoted.
    pub const FULL: Self = Self {
        rounds: 250,
        window: Duration::from_micros(150),
    };

    /// To see that everything runs.
    pub const QUICK: Self = Self {
        rounds: 12,
        window: Duration::from_micros(40),
    };
}

/// What a contender's windows took.
#[derive(Clone, Debug)]
pub struct Samples {
    /// The contender's name.
    pub name: &'static str,
    /// On which side it ran.
    pub role: Role,
    /// Nanoseconds per operation, one per round.
    pub nanos: Vec<f64>,
}

impl Samples {
    /// The fastest window: what the code costs when nothing disturbs it.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.nanos.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The window in the middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(self.nanos.clone())
    }

    /// How many times the other contender's time this one takes: the median of the ratios of the
    /// rounds, each from two neighbouring windows.
    #[must_use]
    pub fn times(&self, other: &Self) -> f64 {
        median(
            self.nanos
                .iter()
                .zip(&other.nanos)
                .map(|(own, theirs)| own / theirs)
                .collect(),
        )
    }

    /// How many nanoseconds more than the other contender this one takes: the median of the
    /// differences of the rounds.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> f64 {
        let rounds = self.nanos.iter().zip(&other.nanos);
        median(rounds.map(|(own, theirs)| own - theirs).collect())
    }
}

/// The value in the middle; not a number when there is none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

/// Runs the lanes in turn.
///
/// Each window is preceded by one of the same length or longer without a clock: the contenders
/// before it have filled the caches with their own values. Every other round goes backwards, so
/// that no contender always follows the same one.
#[must_use]
pub fn race(lanes: &mut [Lane<'_>], settings: Settings) -> Vec<Samples> {
    let ops: Vec<u64> = lanes
        .iter_mut()
        .map(|lane| calibrate(lane, settings.window))
        .collect();
    let mut samples: Vec<Samples> = lanes
        .iter()
        .map(|lane| Samples {
            name: lane.name(),
            role: lane.role(),
            nanos: Vec::with_capacity(settings.rounds),
        })
        .collect();
    for round in 0..settings.rounds {
        for turn in 0..lanes.len() {
            let forward = round.is_multiple_of(2);
            let at = if forward {
                turn
            } else {
                lanes.len() - 1 - turn
            };
            lanes[at].run(warm_up(&lanes[at], ops[at]));
            let time = lanes[at].timed(ops[at]);
            samples[at]
                .nanos
                .push(time.as_secs_f64() * 1e9 / ops[at] as f64);
        }
    }
    samples
}

/// How many operations run untimed before a window of `ops`: enough for the working set, but not
/// more than 16 windows of a contender so slow that its window does not cover the set.
fn warm_up(lane: &Lane<'_>, ops: u64) -> u64 {
    ops.max(lane.warm_up().min(16 * ops))
}

/// How many operations fill a window: doubled until they take half of it or more, or are as many as
/// a window may have.
fn calibrate(lane: &mut Lane<'_>, window: Duration) -> u64 {
    lane.run(lane.warm_up());
    let mut ops = lane.step();
    while ops <= lane.most() / 2 && lane.timed(ops) < window / 2 {
        ops *= 2;
    }
    ops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::Body;

    struct Count<'c>(&'c std::cell::Cell<u64>);

    impl Body for Count<'_> {
        fn run(&mut self, ops: u64) {
            for _ in 0..ops {
                self.0.set(std::hint::black_box(self.0.get() + 1));
            }
        }
    }

    #[test]
    fn every_contender_has_a_window_in_every_round() {
        let runs = [const { std::cell::Cell::new(0) }; 3];
        let mut lanes: Vec<_> = runs
            .iter()
            .map(|run| Lane::new("count", Role::Rival, Count(run)))
            .collect();
        let samples = race(&mut lanes, Settings::QUICK);
        assert!(
            samples
                .iter()
                .all(|samples| samples.nanos.len() == Settings::QUICK.rounds)
        );
        assert!(runs.iter().all(|run| run.get() > 0));
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let samples = |nanos: &[f64]| Samples {
            name: "",
            role: Role::Rival,
            nanos: nanos.to_vec(),
        };
        // The machine slowed down threefold in the middle of the race.
        let (slow, fast) = (
            samples(&[2.0, 2.0, 6.0, 6.0]),
            samples(&[1.0, 1.0, 3.0, 3.0]),
        );
        assert_eq!(slow.times(&fast), 2.0);
        assert_eq!((slow.min(), slow.median()), (2.0, 4.0));
    }
}
