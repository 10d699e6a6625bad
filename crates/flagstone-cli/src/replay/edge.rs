//! Names the two events of a trace between which something is missing.

use flagstone_trace::{Event, EventKind, ObjectId};

use crate::{Failure, Source};

/// Why `event`, which is number `number` of the trace, is impossible: what was done with its object
/// before. Reads the trace once more.
#[cold]
pub(super) fn missing_before(source: &Source, number: u64, event: &Event) -> Failure {
    let object = object_of(event.kind);
    let earlier = last_use(source, number, object);
    let what = described(number, event);
    Failure::about(
        source,
        match earlier {
            Some((earlier, before)) => format!(
                "the trace has an impossible event: {what}, but {}; what orders the two is missing",
                described(earlier, &before),
            ),
            None => {
                format!("the trace has an impossible event: {what}, but it was never allocated")
            }
        },
    )
}

/// An event in words: "in event 12 thread 1 frees object 7".
pub(super) fn described(number: u64, event: &Event) -> String {
    let object = object_of(event.kind);
    let does = match event.kind {
        EventKind::Alloc { .. } => "allocates",
        EventKind::Realloc { .. } => "resizes",
        EventKind::Free { .. } => "frees",
        _ => "uses",
    };
    format!("in event {number} {} {does} {object}", event.thread)
}

/// The last event on an object before event `until`.
fn last_use(source: &Source, until: u64, object: ObjectId) -> Option<(u64, Event)> {
    let mut reader = source.open().ok()?;
    let events = (0..until).zip(reader.events().map_while(Result::ok));
    events
        .filter(|(_, event)| object_of(event.kind) == object)
        .last()
}

fn object_of(kind: EventKind) -> ObjectId {
    match kind {
        EventKind::Alloc { object, .. }
        | EventKind::Realloc { object, .. }
        | EventKind::Free { object } => object,
        // A kind that this version does not know has no object that it could name.
        _ => ObjectId(u64::MAX),
    }
}
