//! A trace that lacks what orders two threads is refused at once, by the names of both events;
//! nobody waits for what never comes.

mod support;

use flagstone_trace::{Event, EventKind, Header, ObjectId, Summary, ThreadNumber, Writer};
use support::{assert_one_sentence, flagstone};

/// Writes these steps (thread, kind) as a trace, possible or not, and gives its path.
fn broken(folder: &tempfile::TempDir, steps: &[(u32, EventKind)]) -> String {
    let path = folder.path().join("broken.flagtrace");
    let file = std::fs::File::create(&path).expect("the trace");
    let mut writer = Writer::new(file, Header::default()).expect("a header");
    for (time_ns, &(thread, kind)) in (1..).zip(steps) {
        let event = Event {
            thread: ThreadNumber(thread),
            time_ns,
            kind,
        };
        writer.push(&event).expect("a numbered event");
    }
    writer.finish(Summary::default()).expect("the end");
    path.to_str().expect("text").to_owned()
}

fn alloc(object: u64) -> EventKind {
    EventKind::Alloc {
        object: ObjectId(object),
        size: 40,
        align: 16,
        zeroed: false,
    }
}

#[test]
fn a_use_that_should_have_come_before_the_free_is_named_with_it() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let [first, second] = [0, 1].map(ObjectId);
    let steps = [
        (0, alloc(0)),
        (1, alloc(1)),
        (0, EventKind::Free { object: first }),
        (
            1,
            EventKind::Realloc {
                object: second,
                size: 99,
            },
        ),
        (
            1,
            EventKind::Realloc {
                object: first,
                size: 80,
            },
        ),
    ];
    let path = broken(&folder, &steps);
    let output = flagstone(&["replay", "--rounds", "1", &path]);
    for words in [
        "in event 4 thread 1 resizes object 0",
        "in event 2 thread 0 frees object 0",
        "missing",
    ] {
        assert_one_sentence(&output, words);
    }
}

#[test]
fn an_object_that_two_threads_free_is_named_with_both() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let object = ObjectId(0);
    let free = EventKind::Free { object };
    let path = broken(&folder, &[(0, alloc(0)), (1, free), (0, free)]);
    let output = flagstone(&["replay", "--rounds", "1", &path]);
    assert_one_sentence(&output, "in event 2 thread 0 frees object 0");
    assert_one_sentence(&output, "in event 1 thread 1 frees object 0");
}
