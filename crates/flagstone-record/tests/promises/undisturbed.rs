//! Promise: the program goes on as it would without the recorder, whatever happens to recording.

use flagstone_record::Stopped;
use flagstone_trace::StopReason;

use crate::programs::{Lab, Trace};

const EFBIG: i32 = 27;

#[test]
fn when_its_files_may_not_grow() {
    let lab = Lab::new("undisturbed", &[]);
    let report = lab.record(&["limit"]);
    assert_eq!(report.status.code(), Some(42));
    let Some(Stopped::Failure(reason)) = &report.main.stopped else {
        panic!("{:?}", report.main.stopped);
    };
    assert_eq!(reason.raw_os_error(), Some(EFBIG));
    let trace = Trace::of(&report.main);
    assert!(!trace.summary.complete);
    assert_eq!(trace.summary.stopped, Some(StopReason::Failure));
    // What fitted is there, and it is a beginning.
    assert!((10_000..400_000).contains(&trace.objects(2100..=2100).len()));
    assert!(trace.objects(2200..=2200).is_empty());
}

#[test]
fn when_it_closes_all_descriptors() {
    recorded_whole("descriptors");
}

#[test]
fn when_it_changes_its_folder() {
    recorded_whole("folder");
}

#[test]
fn when_its_thread_has_the_smallest_stack() {
    let lab = Lab::new("stacks", &[]);
    let report = lab.record(&["small"]);
    assert!(report.status.success(), "{}", report.status);
    assert_eq!(Trace::of(&report.main).objects(7400..=7400).len(), 1);
}

fn recorded_whole(how: &str) {
    let lab = Lab::new("undisturbed", &[]);
    let report = lab.record(&[how]);
    assert_eq!(report.status.code(), Some(42));
    assert!(report.main.stopped.is_none(), "{:?}", report.main.stopped);
    let trace = Trace::of(&report.main);
    assert_eq!(trace.objects(2100..=2100).len(), 400_000);
    assert_eq!(trace.objects(2200..=2200).len(), 200_000);
}
