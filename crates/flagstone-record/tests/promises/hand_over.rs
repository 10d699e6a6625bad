//! Promise: an object that one thread allocates and another frees is one object with both
//! threads, however often its address changes hands.

use std::collections::BTreeMap;

use crate::programs::{Lab, Trace};

const THREADS: u64 = 4;
const OBJECTS: usize = 20_000;

#[test]
fn every_edge_between_threads_is_right() {
    let lab = Lab::new("hand_over", &[]);
    let report = lab.record(&[]);
    assert!(report.status.success(), "{}", report.status);
    let trace = Trace::of(&report.main);
    assert_eq!(
        (trace.summary.unmatched_frees, trace.inferred_frees),
        (0, 0)
    );
    assert_eq!(u64::from(trace.summary.threads), THREADS + 1);

    // A size tells which of the ring's threads allocated the object.
    let objects = trace.objects(5000..5000 + THREADS);
    assert_eq!(objects.len(), OBJECTS * THREADS as usize);
    let numbers: BTreeMap<_, _> = objects
        .iter()
        .map(|o| (o.sizes[0] - 5000, o.thread))
        .collect();
    for object in &objects {
        let me = object.sizes[0] - 5000;
        assert_eq!(object.thread, numbers[&me]);
        assert_eq!(
            object.freed_by,
            Some(numbers[&((me + 1) % THREADS)]),
            "{object:?}"
        );
    }
    let own = trace.objects(5100..=5100);
    assert!(
        own.iter()
            .all(|object| object.freed_by == Some(object.thread))
    );
}
