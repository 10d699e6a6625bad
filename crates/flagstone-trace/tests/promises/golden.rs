//! Promise: a trace written by an earlier build of this version is read for ever.

use crate::traces::{header, read, sample};
use flagstone_trace::{Reader, Writer};

const GOLDEN: &[u8] = include_bytes!("golden/version-1.flagtrace");

#[test]
fn the_stored_trace_is_read() {
    let (events, error) = read(GOLDEN);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(events, sample(500));
    let mut reader = Reader::new(GOLDEN).unwrap();
    assert_eq!(reader.header(), &header());
    assert_eq!(reader.events().count(), 500);
    let summary = reader.summary().unwrap();
    assert_eq!(
        (summary.events, summary.threads, summary.complete),
        (500, 5, true)
    );
    assert_eq!(summary.unmatched_frees, 3);
}

/// Run with `--ignored` after a new version of the format, never for the same version.
#[test]
#[ignore = "writes the golden file"]
fn write_the_golden_file() {
    let mut writer = Writer::new(Vec::new(), header()).unwrap();
    let mut stats = flagstone_trace::LiveStats::default();
    for event in sample(500) {
        writer.push(&event).unwrap();
        stats.push(&event).unwrap();
    }
    let summary = flagstone_trace::Summary {
        unmatched_frees: 3,
        ..stats.summary()
    };
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/promises/golden/version-1.flagtrace"
    );
    std::fs::write(path, writer.finish(summary).unwrap()).unwrap();
}
