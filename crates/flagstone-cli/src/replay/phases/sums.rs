//! How much of a trace is in phases, and why the rest is not.

use serde::{Deserialize, Serialize};

/// What would suit an arena, counted in objects and in bytes (of each object when it was largest).
///
/// `objects = joined + foreign + unfreed + scattered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// How often an arena could be freed as a whole.
    pub phases: u64,
    /// Objects of the trace.
    pub objects: u64,
    /// Bytes of all objects.
    pub bytes: u64,
    /// Objects that die with others at the end of a phase.
    pub joined: u64,
    /// Bytes of those.
    pub joined_bytes: u64,
    /// Objects that another thread resizes or frees.
    pub foreign: u64,
    /// Objects that are never freed.
    pub unfreed: u64,
    /// Objects that are freed by their own thread, but not together with others, or only after so
    /// many others that keeping those would take too much memory.
    pub scattered: u64,
}

impl Phases {
    /// Share of the objects that would suit an arena; 0 without objects.
    #[must_use]
    pub fn share_of_objects(&self) -> f64 {
        share(self.joined, self.objects)
    }

    /// Share of the bytes that would suit an arena; 0 without objects.
    #[must_use]
    pub fn share_of_bytes(&self) -> f64 {
        share(self.joined_bytes, self.bytes)
    }

    pub(super) fn add(&mut self, other: Self) {
        let Self {
            phases,
            objects,
            bytes,
            joined,
            joined_bytes,
            foreign,
            unfreed,
            scattered,
        } = other;
        self.phases += phases;
        self.objects += objects;
        self.bytes = self.bytes.saturating_add(bytes);
        self.joined += joined;
        self.joined_bytes = self.joined_bytes.saturating_add(joined_bytes);
        self.foreign += foreign;
        self.unfreed += unfreed;
        self.scattered += scattered;
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
