//! How a pool that threads share grows: all of them at once, to one target.

use super::growing::GROWTH_STEP;
use crate::{
    error::{Allowed, Cause, ConfigError, Given, OutOfMemory},
    layout::clamp_growth,
    pool::GrowthStrategy,
};

/// When and how far a pool grows.
pub(super) struct GrowthRule {
    growth: GrowthStrategy,
    max_capacity: Option<usize>,
    stride: usize,
}

impl GrowthRule {
    /// The rule of a pool that begins with `capacity` slots, `stride` bytes each.
    pub(super) fn new(
        growth: Option<GrowthStrategy>,
        capacity: usize,
        max_capacity: Option<usize>,
        stride: usize,
    ) -> Result<Self, ConfigError> {
        let growth = growth.unwrap_or(GrowthStrategy::None);
        Ok(Self {
            max_capacity: limit(capacity, max_capacity, &growth)?,
            growth,
            stride,
        })
    }

    /// Whether the pool ever grows.
    pub(super) fn allows_growth(&self) -> bool {
        self.growth.allows_growth()
    }

    /// The most slots that the pool may have.
    pub(super) fn max_capacity(&self) -> Option<usize> {
        self.max_capacity
    }

    /// Adds slabs by `add`, which says whether there was room for one, until `capacity` is where the
    /// strategy wants it; whether it is another now. An error only if there is nothing new.
    pub(super) fn grow(
        &self,
        capacity: impl Fn() -> usize,
        add: impl Fn() -> Result<bool, OutOfMemory>,
    ) -> Result<Growth, Cause> {
        let before = capacity();
        if !self.growth.allows_growth() {
            return Err(Cause::exhausted(before));
        }
        let wanted = self.growth.compute_growth(before); // USER CODE
        let wanted = wanted.min(GROWTH_STEP / self.stride);
        // Threads that found the same pool full have the same target, and reach it together.
        let target = before.saturating_add(clamp_growth(before, wanted, self.max_capacity));
        let mut added = false;
        while capacity() < target {
            match add() {
                Ok(true) => added = true,
                Ok(false) => break,
                Err(error) if !added => return Err(error.into()),
                Err(_) => break,
            }
        }
        Ok(match (added, capacity()) {
            (true, _) => Growth::Added,
            (false, now) if now != before => Growth::AddedByOthers,
            (false, now) => Growth::None(now),
        })
    }
}

/// What became of a wish to grow.
pub(super) enum Growth {
    /// There are more slots.
    Added,
    /// There are more slots, which another thread added.
    AddedByOthers,
    /// There was no room; the capacity.
    None(usize),
}

/// The most slots a pool may have: without growth exactly as many as it begins with.
fn limit(
    capacity: usize,
    max_capacity: Option<usize>,
    growth: &GrowthStrategy,
) -> Result<Option<usize>, ConfigError> {
    match max_capacity {
        _ if growth.allows_growth() => Ok(max_capacity),
        Some(max) if max != capacity => Err(ConfigError::knob_out_of_range(
            "max_capacity",
            Given::Number(max),
            Allowed::Only("the capacity, or nothing, for a pool without a growth strategy"),
        )),
        _ => Ok(Some(capacity)),
    }
}
