//! Promise: a recording with a limit stops at it, and what it has is a whole trace that says so; the
//! program goes on.

use std::fs;

use flagstone_record::{Progress, Stopped, record};
use flagstone_trace::StopReason;

use crate::programs::{Lab, Trace};

const LIMIT: u64 = 1 << 20;

#[test]
fn the_trace_is_a_beginning_and_says_why_it_ends() {
    let lab = Lab::new("undisturbed", &[]);
    let report = record(&lab.command(&["work"]).max_bytes(LIMIT), &mut |_| {}).unwrap();
    assert_eq!(report.status.code(), Some(42));
    assert!(matches!(report.main.stopped, Some(Stopped::Limit)));
    let trace = Trace::of(&report.main);
    assert!(!trace.summary.complete);
    assert_eq!(trace.summary.stopped, Some(StopReason::Limit));
    assert_eq!(trace.summary.unmatched_frees, 0);
    // An event takes 16 to 24 bytes.
    assert!(
        (LIMIT / 30..LIMIT / 16).contains(&trace.summary.events),
        "{:?}",
        trace.summary
    );
    assert!(
        trace.objects(2200..=2200).is_empty(),
        "the second half comes later"
    );
}

#[test]
fn a_program_below_the_limit_is_recorded_whole() {
    let lab = Lab::new("undisturbed", &[]);
    let report = record(&lab.command(&["work"]).max_bytes(1 << 30), &mut |_| {}).unwrap();
    assert!(report.main.stopped.is_none());
    let trace = Trace::of(&report.main);
    assert_eq!(trace.objects(2100..=2100).len(), 400_000);
}

#[test]
fn all_processes_together_keep_to_the_limit() {
    let lab = Lab::new("processes", &[]);
    let mut spooled = 0;
    let watch = &mut |progress: Progress<'_>| {
        if matches!(progress, Progress::Ended { .. }) {
            let folders = fs::read_dir(lab.folder())
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let files = folders
                .filter(|path| path.is_dir())
                .flat_map(|path| fs::read_dir(path).unwrap());
            spooled = files
                .map(|file| file.unwrap().metadata().unwrap().len())
                .sum();
        }
    };
    let report = record(&lab.command(&["fork"]).max_bytes(LIMIT), watch).unwrap();
    assert!(report.status.success());
    // Each of eleven files has a head besides.
    assert!(
        (LIMIT / 2..LIMIT + 11 * 200 * 1024).contains(&spooled),
        "{spooled}"
    );
    assert!(matches!(report.main.stopped, Some(Stopped::Limit)));
    assert_eq!(report.children.len() + report.left_out, 10);
    assert!(report.left_out > 0);
    report.children.iter().map(Trace::of).for_each(drop);
}
