//! The naive buffer pool.

use std::collections::BTreeMap;

/// Vectors by key, with exact bounds.
#[derive(Clone, Debug)]
pub struct NaiveBuffers {
    most: usize,
    elements: usize,
    buffers: BTreeMap<u32, Vec<u64>>,
}

impl NaiveBuffers {
    /// At most `most` buffers of at most `elements` elements.
    #[must_use]
    pub fn new(elements: usize, most: usize) -> Self {
        Self {
            most,
            elements,
            buffers: BTreeMap::new(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.buffers.len()
    }

    /// How many elements all of them hold.
    #[must_use]
    pub fn live(&self) -> usize {
        self.buffers.values().map(Vec::len).sum()
    }

    /// Hands an empty one out under `key`; whether there was one.
    pub fn alloc(&mut self, key: u32) -> bool {
        let room = self.buffers.len() < self.most;
        if room {
            self.buffers.insert(key, Vec::new());
        }
        room
    }

    /// Takes one back.
    pub fn free(&mut self, key: u32) {
        self.buffers.remove(&key);
    }

    /// Takes all back.
    pub fn clear(&mut self) {
        self.buffers.clear();
    }

    /// What is in one.
    ///
    /// # Panics
    ///
    /// When there is none under `key`.
    #[must_use]
    pub fn get(&self, key: u32) -> &[u64] {
        &self.buffers[&key]
    }

    /// Adds as many of `values` as there is room for; how many.
    pub fn extend(&mut self, key: u32, values: &[u64]) -> usize {
        let room = self.elements - self.get(key).len();
        let taken = values.len().min(room);
        self.change(key).extend(&values[..taken]);
        taken
    }

    /// One, to be changed in ways that need no room.
    ///
    /// # Panics
    ///
    /// When there is none under `key`.
    pub fn change(&mut self, key: u32) -> &mut Vec<u64> {
        self.buffers.get_mut(&key).expect("a buffer in use")
    }
}
