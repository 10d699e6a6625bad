//! The naive pool.

use std::collections::HashMap;

/// The values of a pool as a map, with an exact bound.
#[derive(Clone, Debug)]
pub struct NaivePool {
    most: usize,
    values: HashMap<u32, u32>,
}

impl NaivePool {
    /// A pool that holds `most` values.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            values: HashMap::new(),
        }
    }

    /// How many values it holds at most.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// How many values there are.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.values.len()
    }

    /// Whether one more value is refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.in_use() == self.most
    }

    /// Places `value` under `key`; whether there was room.
    ///
    /// # Panics
    ///
    /// When `key` has a value.
    pub fn insert(&mut self, key: u32, value: u32) -> bool {
        if self.is_full() {
            return false;
        }
        assert_eq!(self.values.insert(key, value), None, "key {key} is taken");
        true
    }

    /// What is under `key`.
    #[must_use]
    pub fn get(&self, key: u32) -> Option<u32> {
        self.values.get(&key).copied()
    }

    /// Changes what is under `key`.
    ///
    /// # Panics
    ///
    /// When nothing is.
    pub fn set(&mut self, key: u32, value: u32) {
        *self.values.get_mut(&key).expect("the key has a value") = value;
    }

    /// Takes what is under `key` out.
    pub fn remove(&mut self, key: u32) -> Option<u32> {
        self.values.remove(&key)
    }
}
