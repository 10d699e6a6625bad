//! A number and how sure it is.

use serde::{Deserialize, Serialize};

use crate::replay::spread::Spread;

/// How sure the interval of an estimate should be.
const SURE: f64 = 0.95;

/// A median of several measurements, and an interval in which the true one lies.
///
/// The interval is made of two of the measurements themselves. With the k-th smallest and the k-th
/// greatest of n, the true median is outside only if fewer than k of the n fell on one side of it,
/// which has the probability of as many tosses of a coin:
///
/// ```text
/// confidence = 1 - 2 · P(fewer than k heads in n tosses)
/// ```
///
/// This holds whatever the distribution is, as long as the rounds are independent (W. R. Thompson,
/// "On confidence ranges for the median and other expectation distributions for populations of
/// unknown distribution form", 1936). k is the greatest for which the confidence is at least 95 %;
/// where no k is, the interval is from the least to the greatest measurement, and `confidence`
/// says how little that is worth.
///
/// Rejected: resampling (the bootstrap), whose interval of a median is made of the same two
/// measurements or of nearer ones, and is right too rarely for the few rounds of a replay; and an
/// interval around the mean, which one disturbed round spoils.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The median of the measurements.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// The probability that the interval holds the true median.
    pub confidence: f64,
}

impl Estimate {
    /// `None` without measurements.
    #[must_use]
    pub fn of(measurements: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = measurements.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let value = Spread::of(sorted.iter().copied())?.median;
        let n = sorted.len();
        let (k, confidence) = (1..=n.div_ceil(2))
            .map(|k| (k, confidence(n, k)))
            .take_while(|&(k, confidence)| k == 1 || confidence >= SURE)
            .last()?;
        Some(Self {
            value,
            low: sorted[k - 1],
            high: sorted[n - k],
            confidence,
        })
    }

    /// The same widened so that it holds `number`.
    #[must_use]
    pub fn with(self, number: f64) -> Self {
        Self {
            low: self.low.min(number),
            high: self.high.max(number),
            ..self
        }
    }

    /// How this one relates to an `earlier` one: their quotient.
    ///
    /// Its interval is of the extreme quotients. It holds the true quotient whenever both intervals
    /// hold theirs, so it is at least as sure as both are together.
    #[must_use]
    pub fn over(self, earlier: Self) -> Self {
        Self {
            value: self.value / earlier.value,
            low: self.low / earlier.high,
            high: self.high / earlier.low,
            confidence: (self.confidence + earlier.confidence - 1.0).max(0.0),
        }
    }

    /// Whether the two intervals have a number in common.
    #[must_use]
    pub fn agrees_with(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// The probability that the median of a distribution lies between the k-th smallest and the k-th
/// greatest of n independent draws.
fn confidence(n: usize, k: usize) -> f64 {
    // n choose i, over 2 to the n, for i < k.
    let mut term = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut tail = 0.0;
    for i in 0..k {
        tail += term;
        term *= (n - i) as f64 / (i + 1) as f64;
    }
    (1.0 - 2.0 * tail).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_confidence_is_that_of_tossed_coins() {
        assert_eq!(confidence(1, 1), 0.0);
        assert_eq!(confidence(5, 1), 1.0 - 2.0 / 32.0);
        assert_eq!(confidence(6, 1), 1.0 - 2.0 / 64.0);
        assert_eq!(confidence(9, 2), 1.0 - 2.0 * 10.0 / 512.0);
    }

    #[test]
    fn few_measurements_are_worth_little_and_more_are_trimmed() {
        assert_eq!(Estimate::of([]), None);
        let one = Estimate::of([3.0]).expect("a number");
        assert_eq!((one.low, one.high, one.confidence), (3.0, 3.0, 0.0));
        let six = Estimate::of([5.0, 1.0, 2.0, 9.0, 3.0, 4.0]).expect("numbers");
        assert_eq!((six.value, six.low, six.high), (3.5, 1.0, 9.0));
        assert!(six.confidence > 0.95);
        let nine = Estimate::of((1..=9).map(f64::from)).expect("numbers");
        assert_eq!((nine.value, nine.low, nine.high), (5.0, 2.0, 8.0));
        assert!(nine.confidence > 0.95);
    }

    /// The promise itself, for a lopsided distribution: of many experiments the stated share, at
    /// least, has the true median in its interval.
    #[test]
    fn intervals_hold_the_true_median_as_often_as_they_say() {
        let mut state = 1_u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
            -(1.0 - uniform).ln() // exponential, whose median is ln 2
        };
        for rounds in [5, 6, 9, 15] {
            let experiments = 4_000;
            let mut stated = 0.0;
            let held = (0..experiments).filter(|_| {
                let estimate = Estimate::of((0..rounds).map(|_| draw())).expect("rounds");
                stated = estimate.confidence;
                (estimate.low..=estimate.high).contains(&std::f64::consts::LN_2)
            });
            let share = held.count() as f64 / f64::from(experiments);
            assert!(
                share > stated - 0.015,
                "{rounds} rounds: {share}, not {stated}"
            );
        }
    }

    #[test]
    fn a_quotient_is_as_unsure_as_both() {
        let wide = |value: f64| Estimate {
            value,
            low: value / 2.0,
            high: value * 2.0,
            confidence: 0.95,
        };
        let quotient = wide(6.0).over(wide(3.0));
        assert_eq!(
            (quotient.value, quotient.low, quotient.high),
            (2.0, 0.5, 8.0)
        );
        assert!((quotient.confidence - 0.9).abs() < 1e-9);
        assert!(wide(6.0).agrees_with(wide(3.0)) && !wide(6.0).agrees_with(wide(1.0)));
    }
}
