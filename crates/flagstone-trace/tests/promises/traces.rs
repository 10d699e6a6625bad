//! Traces for the tests: made from a list of wishes, so that every list is a valid trace.

use flagstone_trace::{
    Event, EventKind, Header, LiveStats, ObjectId, Reader, ThreadNumber, TraceError, Writer,
};

/// What a test wants to happen next; objects are picked among the live ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) what: u8,
    pub(crate) thread: u32,
    pub(crate) passed_ns: i64,
    pub(crate) size: u64,
    pub(crate) align_exponent: u32,
    pub(crate) pick: usize,
}

/// Turns wishes into events that keep the rules.
pub(crate) fn events_of(wishes: &[Wish]) -> Vec<Event> {
    let (mut live, mut objects, mut threads, mut time_ns) = (Vec::new(), 0, 0, 0u64);
    let mut events = Vec::new();
    for wish in wishes {
        time_ns = time_ns.wrapping_add(wish.passed_ns as u64);
        let thread = wish.thread.min(threads);
        threads = threads.max(thread + 1);
        let picked = (!live.is_empty()).then(|| wish.pick % live.len().max(1));
        let kind = match (wish.what % 3, picked) {
            (1, Some(pick)) => EventKind::Realloc {
                object: live[pick],
                size: wish.size,
            },
            (2, Some(pick)) => EventKind::Free {
                object: live.swap_remove(pick),
            },
            _ => {
                let object = ObjectId(objects);
                objects += 1;
                live.push(object);
                let align = 1 << wish.align_exponent;
                EventKind::Alloc {
                    object,
                    size: wish.size,
                    align,
                    zeroed: wish.what > 127,
                }
            }
        };
        events.push(Event {
            thread: ThreadNumber(thread),
            time_ns,
            kind,
        });
    }
    events
}

/// A small fixed mix of everything.
pub(crate) fn sample(len: usize) -> Vec<Event> {
    let wishes: Vec<_> = (0..len)
        .map(|i| Wish {
            what: (i * 37 % 251) as u8,
            thread: (i * i % 5) as u32,
            passed_ns: (i as i64 * 7919) % 1000,
            size: (i as u64 * 131) % 5000,
            align_exponent: (i % 20) as u32,
            pick: i * 31,
        })
        .collect();
    events_of(&wishes)
}

pub(crate) fn header() -> Header {
    Header {
        program: "demo".into(),
        args: vec!["--flag".into(), String::new(), "naïve".into()],
        recorded_unix_s: 1_700_000_000,
        pid: 42,
        parent_pid: 41,
        ..Header::default()
    }
}

pub(crate) fn written(events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), header()).expect("a vector takes everything");
    let mut stats = LiveStats::default();
    for event in events {
        writer.push(event).expect("the event keeps the rules");
        stats.push(event).expect("the event keeps the rules");
    }
    writer
        .finish(stats.summary())
        .expect("a vector takes everything")
}

/// All events up to the end or the first error, and that error.
pub(crate) fn read(bytes: &[u8]) -> (Vec<Event>, Option<TraceError>) {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut events, mut block) = (Vec::new(), Vec::new());
    loop {
        match reader.next_block(&mut block) {
            Ok(true) => events.append(&mut block),
            Ok(false) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}
