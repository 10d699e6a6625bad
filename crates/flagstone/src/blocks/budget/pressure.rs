//! How short memory is, outside of the budget.

use super::system::{self, Signs};

/// How short memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// There is enough.
    #[default]
    Normal,
    /// It becomes short: [benign](super::Pass::Benign) relief is in place.
    High,
    /// The process is about to be throttled or ended.
    Critical,
}

/// What is observed: the process's control group, or the machine.
///
/// All that is not known is `None` or 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observation {
    /// What is used, compared with what is allowed: 1 is all of it.
    pub used: Option<f32>,
    /// Percent of the last ten seconds in which some task waited for memory.
    pub some_stalled: Option<f32>,
    /// Percent of the last ten seconds in which all tasks did.
    pub all_stalled: Option<f32>,
    /// How often the group was throttled, ever.
    pub throttled: u64,
    /// How often the group had its limit or ran out of memory, ever.
    pub hit: u64,
}

/// Watches how short memory is. It has no thread: somebody calls [`sample`](Self::sample) once in a
/// while, such as every second, and acts when the level changes.
///
/// A level is entered at once and left one step at a time, when everything is clearly below what it was
/// entered for:
///
/// | sign | High from, until below | Critical from, until below |
/// |---|---|---|
/// | used of what is allowed | 85 %, 75 % | 95 %, 90 % |
/// | some tasks waited | 10 %, 5 % | 40 %, 20 % |
/// | all tasks waited | 2 %, 1 % | 10 %, 5 % |
/// | throttled, since the last sample | once | |
/// | at the limit, or out of memory, since the last sample | | once |
///
/// ```
/// use flagstone::blocks::{Budget, Level, Observation, Pass, Pressure};
///
/// let budget = Budget::new(1 << 20)?;
/// let mut pressure = Pressure::new();
/// let seen = Observation { used: Some(0.9), ..Observation::default() };
/// if pressure.observe(seen) >= Level::High {
///     budget.relieve(Pass::Benign, budget.charged() / 10);
/// }
/// # assert_eq!(pressure.level(), Level::High);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pressure {
    level: Level,
    /// Events until now; `None` before the first.
    events: Option<(u64, u64)>,
}

impl Pressure {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The level now.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Reads what the system says, and tells the level. Reads a few small files (Linux; elsewhere nothing
    /// is seen).
    pub fn sample(&mut self) -> Level {
        self.observe(system::signs().into())
    }

    /// Tells the level when this is seen.
    pub fn observe(&mut self, seen: Observation) -> Level {
        let now = (seen.throttled, seen.hit);
        let before = self.events.replace(now).unwrap_or(now);
        let entered = if seen.hit > before.1 || reaches(&seen, ENTER_CRITICAL) {
            Level::Critical
        } else if seen.throttled > before.0 || reaches(&seen, ENTER_HIGH) {
            Level::High
        } else {
            Level::Normal
        };
        // One step down, if the level is not held.
        let kept = match self.level {
            Level::Critical if reaches(&seen, LEAVE_CRITICAL) => Level::Critical,
            Level::Critical => Level::High,
            Level::High if reaches(&seen, LEAVE_HIGH) => Level::High,
            Level::High | Level::Normal => Level::Normal,
        };
        self.level = entered.max(kept);
        self.level
    }
}

/// What has to be reached: used, some stalled, all stalled.
type Marks = [f32; 3];

const ENTER_HIGH: Marks = [0.85, 10.0, 2.0];
const LEAVE_HIGH: Marks = [0.75, 5.0, 1.0];
const ENTER_CRITICAL: Marks = [0.95, 40.0, 10.0];
const LEAVE_CRITICAL: Marks = [0.90, 20.0, 5.0];

fn reaches(seen: &Observation, marks: Marks) -> bool {
    let signs = [seen.used, seen.some_stalled, seen.all_stalled];
    let mut signs = signs.into_iter().zip(marks);
    signs.any(|(sign, mark)| sign.is_some_and(|sign| sign >= mark))
}

impl From<Signs> for Observation {
    fn from(signs: Signs) -> Self {
        let parts = signs.used.zip(signs.limit.filter(|limit| *limit > 0));
        Self {
            used: parts.map(|(used, limit)| (used as f64 / limit as f64) as f32),
            some_stalled: signs.some,
            all_stalled: signs.full,
            throttled: signs.throttled,
            hit: signs.hit,
        }
    }
}
