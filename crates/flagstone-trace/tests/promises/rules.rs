//! Promise: an event that breaks a rule of a trace is refused, by the writer or the validator.

use flagstone_trace::{
    Event, EventKind, Header, LiveStats, ObjectId, ThreadNumber, TraceError, Validator, Writer,
};

const fn alloc(object: u64, size: u64, align: u64) -> EventKind {
    EventKind::Alloc {
        object: ObjectId(object),
        size,
        align,
        zeroed: false,
    }
}

const fn free(object: u64) -> EventKind {
    EventKind::Free {
        object: ObjectId(object),
    }
}

const fn realloc(object: u64, size: u64) -> EventKind {
    EventKind::Realloc {
        object: ObjectId(object),
        size,
    }
}

/// The first refusal of a writer, a validator and the statistics.
fn verdicts(kinds: &[(u32, EventKind)]) -> [Option<TraceError>; 3] {
    let mut writer = Writer::new(Vec::new(), Header::default()).unwrap();
    let (mut validator, mut stats) = (Validator::default(), LiveStats::default());
    let mut verdicts = [None, None, None];
    for &(thread, kind) in kinds {
        let event = Event {
            thread: ThreadNumber(thread),
            time_ns: 0,
            kind,
        };
        let results = [
            writer.push(&event),
            validator.check(&event),
            stats.push(&event),
        ];
        for (verdict, result) in verdicts.iter_mut().zip(results) {
            *verdict = verdict.take().or(result.err());
        }
    }
    verdicts
}

#[test]
fn everybody_refuses_what_breaks_the_numbering() {
    let refused: [&[(u32, EventKind)]; 9] = [
        &[(0, alloc(1, 8, 8))],
        &[(1, alloc(0, 8, 8))],
        &[(0, alloc(0, 8, 8)), (2, free(0))],
        &[(0, free(0))],
        &[(0, realloc(0, 1))],
        &[(0, alloc(0, 8, 3))],
        &[(0, alloc(0, 8, 0))],
        &[(0, alloc(0, u64::MAX, 1))],
        &[(0, alloc(0, 1, 1 << 63))],
    ];
    for kinds in refused {
        for verdict in verdicts(kinds) {
            assert!(
                verdict.is_some_and(|error| error.is_invalid_event()),
                "{kinds:?}"
            );
        }
    }
}

#[test]
fn dead_objects_are_refused_by_those_who_remember() {
    for last in [free(0), realloc(0, 9)] {
        let [writer, validator, stats] = verdicts(&[(0, alloc(0, 8, 8)), (0, free(0)), (0, last)]);
        assert!(writer.is_none());
        assert!(validator.is_some_and(|error| error.is_invalid_event()));
        assert!(stats.is_some_and(|error| error.is_invalid_event()));
    }
}
