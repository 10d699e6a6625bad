//! Who takes part.

use super::contract::Contender;
#[cfg(all(unix, target_pointer_width = "64"))]
use super::heap;
use super::{arenas, pools, rivals, system};
use crate::replay::{Measured, Stage, Stopped};

/// Those that every build has.
const OURS: &[&dyn Contender] = &[
    &system::SystemMalloc,
    #[cfg(all(unix, target_pointer_width = "64"))]
    &heap::General,
    &pools::Pools,
    &arenas::Arenas,
];

/// Every contender, in the order of the table. The first is what the others are compared with.
pub fn contenders() -> impl Iterator<Item = &'static dyn Contender> {
    OURS.iter().chain(rivals::BUILT).copied()
}

/// The contender of this name.
#[must_use]
pub fn contender_named(name: &str) -> Option<&'static dyn Contender> {
    contenders().find(|contender| contender.name() == name)
}

/// Lets a contender replay the trace on `stage`.
///
/// # Errors
///
/// If its allocator breaks a promise or the trace can no longer be read.
pub fn perform(contender: &dyn Contender, stage: Stage<'_>) -> Result<Measured, Stopped> {
    match stage {
        Stage::Alone(alone) => contender.alone(alone),
        Stage::Shared(shared) => contender.shared(shared),
    }
}
