//! Promise: a sample is unbiased: each object is in it with the probability that its weight says, and
//! with all of its life.

use flagstone_record::record;
use flagstone_trace::{Sampling, SiteStats, StackId};

use crate::programs::{Lab, Trace};

/// What `samples.c` allocates: objects of each size, by two threads.
const OBJECTS: f64 = 200_000.0;
const SIZES: [u64; 4] = [1, 32, 700, 40_000];
const EVERY: u64 = 4096;

#[test]
fn objects_are_in_it_as_often_as_their_weight_says() {
    let lab = Lab::new("samples", &[]);
    let report = record(&lab.command(&["sizes"]).sample(EVERY), &mut |_| {}).unwrap();
    assert!(report.status.success());
    let trace = Trace::of(&report.main);
    assert_eq!(
        (trace.summary.unmatched_frees, trace.inferred_frees),
        (0, 0)
    );
    let sampling = Sampling::every(EVERY).unwrap();
    for size in SIZES {
        let expected = OBJECTS / sampling.weight(size);
        let found = trace.objects(size..=size);
        // Six standard deviations of a binomial distribution: one failure in 500 million runs.
        let deviation = (expected * (1.0 - expected / OBJECTS)).sqrt();
        let off = found.len() as f64 - expected;
        assert!(
            off.abs() <= 6.0 * deviation + 1.0,
            "{size}: {} of {expected}",
            found.len()
        );
        assert!(
            found.iter().all(|object| object.freed_by.is_some()),
            "{size}"
        );
    }
}

#[test]
fn estimates_of_sums_are_close() {
    let lab = Lab::new("samples", &[]);
    let report = record(&lab.command(&["sizes"]).sample(EVERY), &mut |_| {}).unwrap();
    let trace = Trace::of(&report.main);
    let mut stats = SiteStats::new(Sampling::every(EVERY));
    trace
        .events
        .iter()
        .for_each(|event| stats.push(event, StackId::UNKNOWN));
    let bytes: f64 = SIZES.iter().map(|&size| size as f64 * OBJECTS).sum();
    let ratio = stats.total().allocated_bytes / bytes;
    assert!((0.98..1.02).contains(&ratio), "{ratio}");
}

#[test]
fn a_resized_object_is_sampled_by_its_new_size() {
    let lab = Lab::new("samples", &[]);
    let report = record(&lab.command(&["resized"]).sample(EVERY), &mut |_| {}).unwrap();
    let trace = Trace::of(&report.main);
    // 100 objects of 10 bytes that grow to a megabyte: the small ones are hardly ever seen, the
    // large ones always, and all are gone at the end.
    assert_eq!(trace.objects(1_000_000..=1_000_000).len(), 100);
    assert!(trace.objects(10..=10).len() < 10);
    assert!(
        trace
            .objects(1_000_000..=1_000_000)
            .iter()
            .all(|object| object.freed_by.is_some())
    );
    assert_eq!(trace.summary.unmatched_frees, 0);
}
