//! Times programs that do the same work in different ways, in turn.
//!
//! A shared machine changes its speed from second to second. Each round times every contender once,
//! and what counts is the median of the *ratios* of single rounds: both sides of a ratio met the
//! same machine. Before the first round everybody runs once without a clock, so that pages are
//! mapped and caches are warm; every other round goes backwards, so that nobody always follows the
//! same contender.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Somebody who does the work.
pub struct Contender<'c> {
    name: &'static str,
    work: Box<dyn FnMut() -> u64 + 'c>,
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Contender").field(&self.name).finish()
    }
}

impl<'c> Contender<'c> {
    /// `work` does all of it once and returns a number that depends on every step, so that nothing
    /// is optimised away and contenders can be seen to agree.
    pub fn new(name: &'static str, work: impl FnMut() -> u64 + 'c) -> Self {
        Self {
            name,
            work: Box::new(work),
        }
    }

    fn timed(&mut self) -> Duration {
        let start = Instant::now();
        black_box((self.work)());
        start.elapsed()
    }
}

/// What came out for one contender.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// The number its work returned in the warm-up.
    pub result: u64,
    /// How long one run took, one per round.
    pub times: Vec<Duration>,
}

impl Outcome {
    fn fastest(&self) -> Duration {
        self.times.iter().min().copied().unwrap_or_default()
    }

    /// How many times as long as `other` it took: the median over the rounds.
    #[must_use]
    pub fn times_of(&self, other: &Self) -> f64 {
        let pairs = self.times.iter().zip(&other.times);
        let mut ratios: Vec<_> = pairs
            .map(|(own, theirs)| own.as_secs_f64() / theirs.as_secs_f64().max(1e-9))
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Runs everybody in turn for `rounds` rounds.
///
/// # Panics
///
/// When two contenders return different numbers: then they do not do the same.
#[must_use]
pub fn race(rounds: usize, contenders: &mut [Contender<'_>]) -> Vec<Outcome> {
    let mut outcomes: Vec<_> = contenders
        .iter_mut()
        .map(|contender| Outcome {
            name: contender.name,
            result: (contender.work)(),
            times: Vec::with_capacity(rounds),
        })
        .collect();
    for pair in outcomes.windows(2) {
        let [a, b] = pair else { continue };
        assert_eq!(a.result, b.result, "{} and {} do not agree", a.name, b.name);
    }
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let forward = round.is_multiple_of(2);
            let at = if forward {
                turn
            } else {
                contenders.len() - 1 - turn
            };
            outcomes[at].times.push(contenders[at].timed());
        }
    }
    outcomes
}

/// Prints how long a step took, and how many times the first contender's time everybody took.
pub fn print(outcomes: &[Outcome], steps: u64, step: &str) {
    let Some(first) = outcomes.first() else {
        return;
    };
    println!(
        "{:24} {:>14} {:>16}",
        "",
        format!("ns per {step}"),
        format!("x {}", first.name)
    );
    for outcome in outcomes {
        let nanos = outcome.fastest().as_secs_f64() * 1e9 / steps.max(1) as f64;
        println!(
            "{:24} {nanos:>14.1} {:>16.2}",
            outcome.name,
            outcome.times_of(first)
        );
    }
}

/// Small repeatable pseudo-random numbers (G. Marsaglia, "Xorshift RNGs", 2003).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same numbers for the same `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }
}

/// Whether the program was asked to be short, by `--quick`.
#[must_use]
pub fn quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn everybody_runs_once_a_round_and_once_before() {
        let runs = [const { Cell::new(0) }; 2];
        let mut contenders: Vec<_> = runs
            .iter()
            .map(|count| {
                Contender::new("count", || {
                    count.set(count.get() + 1);
                    7
                })
            })
            .collect();
        let outcomes = race(5, &mut contenders);
        drop(contenders);
        assert!(runs.iter().all(|count| count.get() == 6));
        assert!(outcomes.iter().all(|outcome| outcome.times.len() == 5));
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let outcome = |millis: &[u64]| Outcome {
            name: "",
            result: 0,
            times: millis.iter().copied().map(Duration::from_millis).collect(),
        };
        // The machine slowed down threefold on the way.
        let (slow, fast) = (outcome(&[2, 2, 6, 6, 6]), outcome(&[1, 1, 3, 3, 3]));
        assert!((slow.times_of(&fast) - 2.0).abs() < 1e-9);
    }

    #[test]
    #[should_panic(expected = "do not agree")]
    fn contenders_that_differ_are_found_out() {
        let _ = race(
            1,
            &mut [Contender::new("a", || 1), Contender::new("b", || 2)],
        );
    }
}
