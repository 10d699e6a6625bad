//! Promise: every allocation function is recorded with what was asked of it; failures are not.

use crate::programs::{Lab, Trace};

#[test]
fn every_function_leaves_its_events() {
    let lab = Lab::new("every_function", &[]);
    let report = lab.record(&[]);
    assert!(report.status.success(), "{}", report.status);
    let trace = Trace::of(&report.main);
    assert_eq!(
        (trace.summary.unmatched_frees, trace.inferred_frees),
        (0, 0)
    );
    assert!(trace.summary.complete);

    let objects = trace.objects(700_000..800_000);
    let chain: Vec<u64> = (0..=5).map(|i| 700_010 + i * 1_000_000).collect();
    let expected: [(&[u64], u64, bool); 15] = [
        (&[700_001], 16, true),
        (&[700_002], 16, false),
        (&[700_021], 16, true),
        (&chain, 16, false),
        (&[700_020], 16, false),
        (&[700_021], 16, false),
        (&[700_217], 16, false),
        (&[700_032, 700_231], 16, false),
        (&[700_040], 256, false),
        (&[700_041], 512, false),
        (&[700_042], 8192, false),
        (&[700_043], 4096, false),
        (&[700_416], 4096, false),
        (&[700_050], 16, false),
        (&[700_060], 16, false),
    ];
    let found: Vec<_> = objects
        .iter()
        .map(|o| (o.sizes.as_slice(), o.align, o.zeroed))
        .collect();
    assert_eq!(found, expected);
    let lost: Vec<_> = objects
        .iter()
        .filter(|object| object.freed_by.is_none())
        .collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].sizes, [700_050]);
}
