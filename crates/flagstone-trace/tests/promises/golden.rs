//! Promise: a trace written by an earlier build of this version, or in an older version, is read for
//! ever.

use crate::sites::{read_with_sites, sampled_header, write_with_sites};
use crate::traces::{header, read, sample};
use flagstone_trace::{Ending, Reader, StopReason};

const VERSION_1: &[u8] = include_bytes!("golden/version-1.flagtrace");
const VERSION_2: &[u8] = include_bytes!("golden/version-2.flagtrace");

#[test]
fn the_stored_trace_of_version_1_is_read() {
    let (events, error) = read(VERSION_1);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(events, sample(500));
    let mut reader = Reader::new(VERSION_1).unwrap();
    assert_eq!((reader.version(), reader.header()), (1, &header()));
    assert_eq!(reader.events().count(), 500);
    let summary = reader.summary().unwrap();
    assert_eq!(
        (summary.events, summary.threads, summary.complete),
        (500, 5, true)
    );
    assert_eq!((summary.unmatched_frees, summary.stopped), (3, None));
    assert_eq!(summary.ending, Ending::Unknown);
}

#[test]
fn the_counts_of_an_opened_file_of_version_1_are_found() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/promises/golden/version-1.flagtrace"
    );
    assert_eq!(Reader::open(path).unwrap().header().events, 500);
}

#[test]
fn the_stored_trace_of_version_2_is_read() {
    let mut reader = Reader::new(VERSION_2).unwrap();
    assert_eq!((reader.version(), reader.header()), (2, &sampled_header()));
    assert_eq!(
        read_with_sites(VERSION_2),
        read_with_sites(&write_with_sites(500))
    );
    assert_eq!(reader.events().count(), 500);
    let summary = reader.summary().unwrap();
    assert_eq!((summary.events, summary.complete), (500, false));
    assert_eq!(summary.stopped, Some(StopReason::Limit));
    assert_eq!(summary.ending, Ending::Signal(9));
}

/// Run with `--ignored` after a new version of the format, never for the same version.
#[test]
#[ignore = "writes the golden file"]
fn write_the_golden_file() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/promises/golden/version-2.flagtrace"
    );
    std::fs::write(path, write_with_sites(500)).unwrap();
}
