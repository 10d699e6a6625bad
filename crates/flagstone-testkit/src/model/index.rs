//! The naive index.

use std::{collections::BTreeSet, ops::Range};

/// The numbers in use below a capacity, as a set.
#[derive(Clone, Debug)]
pub struct NaiveIndex {
    capacity: usize,
    used: BTreeSet<usize>,
}

impl NaiveIndex {
    /// `capacity` numbers, all free.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            used: BTreeSet::new(),
        }
    }

    /// Whether `index` is in use.
    #[must_use]
    pub fn is_in_use(&self, index: usize) -> bool {
        self.used.contains(&index)
    }

    /// How many numbers are free.
    #[must_use]
    pub fn available(&self) -> usize {
        self.capacity - self.used.len()
    }

    /// The lowest free number.
    #[must_use]
    pub fn lowest(&self) -> Option<usize> {
        self.lowest_run(1)
    }

    /// The start of the lowest `len` free numbers in a row; `None` if `len` is 0.
    #[must_use]
    pub fn lowest_run(&self, len: usize) -> Option<usize> {
        if len == 0 || len > self.capacity {
            return None;
        }
        (0..=self.capacity - len)
            .find(|&start| self.used.range(start..start + len).next().is_none())
    }

    /// Marks what another structure handed out.
    ///
    /// # Panics
    ///
    /// When one of `run` is in use or not below the capacity.
    pub fn handed_out(&mut self, run: Range<usize>) {
        for index in run {
            assert!(index < self.capacity, "{index} is out of range");
            assert!(self.used.insert(index), "{index} was handed out twice");
        }
    }

    /// Takes the numbers of `run` back, all or none; whether all were in use.
    pub fn free(&mut self, run: Range<usize>) -> bool {
        let all = run.clone().all(|index| self.used.contains(&index));
        if all {
            for index in run {
                self.used.remove(&index);
            }
        }
        all
    }

    /// One of the numbers in use, chosen by `pick`.
    #[must_use]
    pub fn used(&self, pick: usize) -> Option<usize> {
        let len = self.used.len();
        (len > 0).then(|| self.used.iter().nth(pick % len).copied())?
    }
}
