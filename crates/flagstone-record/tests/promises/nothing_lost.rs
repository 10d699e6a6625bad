//! Promise: however a program dies, every event until then is in its trace.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use flagstone_trace::Ending;

use crate::programs::{Lab, Trace};

const OBJECTS: usize = 50_000;
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

fn dies(how: &str) -> ExitStatus {
    let lab = Lab::new("dies", &[]);
    let report = lab.record(&[how]);
    let trace = Trace::of(&report.main);
    assert!(trace.summary.complete);
    let ending = match (report.status.code(), report.status.signal()) {
        (Some(code), _) => Ending::Status(code as u8),
        (_, signal) => Ending::Signal(signal.unwrap() as u8),
    };
    assert_eq!(trace.summary.ending, ending);
    assert_eq!(
        trace
            .objects(24..=24)
            .iter()
            .filter(|o| o.freed_by.is_none())
            .count(),
        OBJECTS
    );
    let others = trace.objects(4000..=4000);
    assert_eq!(others.len(), OBJECTS);
    assert_eq!(
        others
            .iter()
            .filter(|object| object.freed_by.is_some())
            .count(),
        OBJECTS / 2
    );
    report.status
}

#[test]
fn when_it_is_killed() {
    assert_eq!(dies("kill").signal(), Some(SIGKILL));
}

#[test]
fn when_it_aborts() {
    assert_eq!(dies("abort").signal(), Some(SIGABRT));
}

#[test]
fn when_it_exits_without_cleaning_up() {
    assert_eq!(dies("exit").code(), Some(3));
}
