//! Checks the one rule of a trace that needs memory: only live objects are resized and freed.

use hashbrown::HashSet;

use crate::error::Fault;
use crate::numbering::Numbering;
use crate::{Event, EventKind, ObjectId, TraceError};

/// Checks all rules of a trace, event by event. Its memory is the set of live objects.
///
/// ```
/// # use flagstone_trace::{Event, EventKind, ObjectId, ThreadNumber, Validator};
/// let object = ObjectId(0);
/// let event = |kind| Event { thread: ThreadNumber(0), time_ns: 0, kind };
/// let mut validator = Validator::default();
/// let alloc = EventKind::Alloc { object, size: 8, align: 8, zeroed: false };
/// assert!(validator.check(&event(alloc)).is_ok());
/// assert!(validator.check(&event(EventKind::Free { object })).is_ok());
/// assert!(validator.check(&event(EventKind::Free { object })).is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Validator {
    numbering: Numbering,
    live: HashSet<ObjectId>,
}

impl Validator {
    /// Checks the next event. Some 20 ns.
    ///
    /// # Errors
    ///
    /// A second free, a reallocation after a free, and everything that a
    /// [`Writer`](crate::Writer) refuses.
    pub fn check(&mut self, event: &Event) -> Result<(), TraceError> {
        self.numbering.admit(event).map_err(TraceError::event)?;
        let object = event.kind.object();
        let alive = match event.kind {
            EventKind::Alloc { .. } => self.live.insert(object),
            EventKind::Realloc { .. } => self.live.contains(&object),
            EventKind::Free { .. } => self.live.remove(&object),
        };
        if alive {
            Ok(())
        } else {
            Err(TraceError::event(Fault::DeadObject(object)))
        }
    }

    /// Objects alive after the events checked so far.
    #[must_use]
    pub fn live_objects(&self) -> usize {
        self.live.len()
    }
}
