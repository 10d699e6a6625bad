//! Promise: what a thread does to its last moment is recorded as that thread's, and threads that
//! are gone leave their room to others.

use std::collections::HashSet;

use flagstone_record::{Progress, record};

use crate::programs::{Lab, Trace};

const THREADS: usize = 1000;

#[test]
fn short_threads_are_recorded_to_their_end() {
    let lab = Lab::new("thread_ends", &[]);
    let report = lab.record(&[]);
    assert!(report.status.success(), "{}", report.status);
    let trace = Trace::of(&report.main);
    assert_eq!(
        (trace.summary.unmatched_frees, trace.inferred_frees),
        (0, 0)
    );
    assert_eq!(trace.summary.threads as usize, THREADS + 1);
    for (size, each) in [(3000, 1), (3001, 1), (3002, 1), (3003, 1), (3100, 40)] {
        let objects = trace.objects(size..=size);
        assert_eq!(objects.len(), THREADS * each, "objects of {size} bytes");
        assert!(
            objects
                .iter()
                .all(|object| object.freed_by == Some(object.thread))
        );
        let threads: HashSet<_> = objects.iter().map(|object| object.thread).collect();
        assert_eq!(threads.len(), THREADS);
    }
    let results = trace.objects(3200..=3200);
    assert!(
        results
            .iter()
            .all(|o| o.freed_by.is_some_and(|by| by != o.thread))
    );
}

#[test]
fn threads_that_are_gone_leave_their_room() {
    let lab = Lab::new("thread_ends", &[]);
    let mut spooled = 0;
    let watch = &mut |progress: Progress<'_>| {
        if matches!(progress, Progress::Ended { .. }) {
            spooled = spool_bytes(lab.folder());
        }
    };
    record(&lab.command(&[]), watch).unwrap();
    // A thousand threads with a first segment each would take 64 MiB.
    assert!(
        spooled > 0 && spooled < 8 << 20,
        "{spooled} bytes were spooled"
    );
}

fn spool_bytes(folder: &std::path::Path) -> u64 {
    let folders = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let spools = folders
        .filter(|path| path.is_dir())
        .flat_map(|path| path.read_dir().unwrap());
    spools
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}
