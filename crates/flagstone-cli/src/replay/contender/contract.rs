//! What an allocator needs in order to replay traces.

use std::fmt::Debug;

use crate::replay::{Alone, Measured, Shared, Stopped};

/// An allocator that can replay traces.
pub trait Contender: Debug + Sync {
    /// What it is called on the command line and in tables.
    fn name(&self) -> &'static str;

    /// What it is, in a few words.
    fn about(&self) -> &'static str;

    /// Which version of it takes part.
    fn version(&self) -> String {
        "unknown".to_owned()
    }

    /// Whether it listens to what is known about the lifetimes of objects, as a
    /// [`LifetimeAlloc`](crate::replay::LifetimeAlloc) does. If so, the report says how many objects
    /// could be given to an arena.
    fn wants_lifetimes(&self) -> bool {
        false
    }

    /// Replays a trace of one thread on a new allocator.
    ///
    /// # Errors
    ///
    /// Those of the stage.
    fn alone(&self, stage: Alone<'_>) -> Result<Measured, Stopped>;

    /// Replays a trace of several threads on a new allocator.
    ///
    /// # Errors
    ///
    /// Those of the stage.
    fn shared(&self, stage: Shared<'_>) -> Result<Measured, Stopped>;
}
