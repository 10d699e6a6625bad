//! A contender at work, with its type forgotten.

use std::time::{Duration, Instant};

use crate::contender::Role;

/// One contender doing one workload, kept between the windows of a race.
pub struct Lane<'p> {
    name: &'static str,
    role: Role,
    body: Box<dyn Body + 'p>,
}

impl std::fmt::Debug for Lane<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish()
    }
}

/// A workload's loop over one contender.
///
/// The call through the table is made once per window; inside, everything is inlined.
pub(crate) trait Body {
    /// Does the workload's operation `ops` times, a multiple of `step`.
    fn run(&mut self, ops: u64);

    /// The time that `ops` operations take: a workload of which only a part counts reads the clock
    /// itself.
    fn timed(&mut self, ops: u64) -> Duration {
        let start = Instant::now();
        self.run(ops);
        start.elapsed()
    }

    /// How many operations cannot be told apart.
    fn step(&self) -> u64 {
        1
    }

    /// How many operations a window may have.
    fn most(&self) -> u64 {
        u64::MAX
    }

    /// How many operations bring the working set back into the caches.
    fn warm_up(&self) -> u64 {
        self.step()
    }
}

impl<'p> Lane<'p> {
    pub(crate) fn new(name: &'static str, role: Role, body: impl Body + 'p) -> Self {
        Self {
            name,
            role,
            body: Box::new(body),
        }
    }

    /// The contender's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// On which side it runs.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// How many operations cannot be told apart: the length of a batch, or 1.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.body.step()
    }

    /// How many operations bring the working set back into the caches after others ran: a multiple
    /// of [`step`](Self::step).
    #[must_use]
    pub fn warm_up(&self) -> u64 {
        self.body.warm_up()
    }

    /// How many operations a window may have; what is not timed would take too long otherwise.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.body.most()
    }

    /// The time that `ops` operations take, a multiple of [`step`](Self::step).
    pub(crate) fn timed(&mut self, ops: u64) -> Duration {
        self.body.timed(ops)
    }

    /// Does the workload's operation `ops` times, a multiple of [`step`](Self::step).
    pub fn run(&mut self, ops: u64) {
        self.body.run(ops);
    }
}
