//! Promise: each process image has a trace of its own with exactly its own events.

use flagstone_record::{ChildPolicy, Progress, RecordReport, record};

use crate::programs::{Lab, Trace};

/// What `work` in the program leaves behind for one size: objects, and those never freed.
const WORK: (usize, usize) = (10_001, 1);

fn recorded(how: &str) {
    let lab = Lab::new("processes", &[]);
    let report = lab.record(&[how]);
    assert!(report.status.success(), "{how}: {}", report.status);
    for process in report.children.iter().chain([&report.main]) {
        assert_eq!(process.inferred_frees, 0);
        assert!(process.stopped.is_none() && !process.still_running);
    }
    check(&report, how);
}

fn work_of(trace: &Trace, size: u64) -> (usize, usize) {
    let objects = trace.objects(size..=size);
    (
        objects.len(),
        objects
            .iter()
            .filter(|object| object.freed_by.is_none())
            .count(),
    )
}

fn times(rounds: usize) -> (usize, usize) {
    (WORK.0 * rounds, WORK.1 * rounds)
}

fn check(report: &RecordReport, how: &str) {
    let main = Trace::of(&report.main);
    let children: Vec<_> = report.children.iter().map(Trace::of).collect();
    match how {
        "fork" | "raw" => {
            assert_eq!(work_of(&main, 8000), times(11));
            assert_eq!(
                (work_of(&main, 8200), main.summary.unmatched_frees),
                ((0, 0), 0)
            );
            assert_eq!(children.len(), 10);
            for child in &children {
                assert_eq!(work_of(child, 8200), WORK);
                assert_eq!(
                    (work_of(child, 8000), work_of(child, 8500)),
                    ((0, 0), (0, 0))
                );
                // The inherited object.
                assert!(child.summary.unmatched_frees >= 1);
            }
        }
        "exec" => {
            assert_eq!((work_of(&main, 8300), work_of(&main, 8000)), (WORK, (0, 0)));
            assert_eq!(children.len(), 1);
            assert_eq!(work_of(&children[0], 8000), WORK);
            assert_eq!(report.children[0].pid, report.main.pid);
        }
        _ => {
            assert_eq!(
                (work_of(&main, 8000), work_of(&main, 8300)),
                (times(2), (0, 0))
            );
            assert_eq!(children.len(), 1);
            assert_eq!(work_of(&children[0], 8300), WORK);
            assert_eq!(report.children[0].parent_pid, report.main.pid);
        }
    }
}

#[test]
fn a_forked_child_starts_afresh() {
    recorded("fork");
}

#[test]
fn a_child_made_behind_the_c_library_starts_afresh() {
    recorded("raw");
}

#[test]
fn a_program_that_replaces_itself_has_two_images() {
    recorded("exec");
}

#[test]
fn a_spawned_program_leaves_its_parent_alone() {
    recorded("spawn");
    recorded("vfork");
}

#[test]
fn a_program_started_with_an_empty_environment_is_recorded() {
    for how in ["empty-exec", "empty-spawn", "cleared-exec"] {
        let lab = Lab::new("processes", &[]);
        let report = lab.record(&[how]);
        assert!(report.status.success(), "{how}: {}", report.status);
        assert_eq!(report.children.len(), 1, "{how}");
        let images = [&report.main, &report.children[0]].map(Trace::of);
        let later: Vec<_> = images
            .iter()
            .filter(|image| work_of(image, 8300) == WORK)
            .collect();
        assert_eq!(later.len(), 1, "{how}");
        // What the program put into the environment is all that it finds there.
        assert_eq!(later[0].objects(8400..=8400).len(), 1, "{how}");
    }
}

#[test]
fn a_program_started_with_a_very_large_environment_keeps_all_of_it() {
    let lab = Lab::new("processes", &[]);
    let report = lab.record(&["large-exec"]);
    assert!(report.status.success(), "{}", report.status);
    assert_eq!(Trace::of(&report.main).objects(8402..=8402).len(), 2000);
}

#[test]
fn children_can_be_left_out() {
    let lab = Lab::new("processes", &[]);
    let command = lab.command(&["spawn"]).children(ChildPolicy::Ignore);
    let report = record(&command, &mut |_| {}).unwrap();
    assert!(report.children.is_empty());
    assert_eq!(std::fs::read_dir(lab.folder()).unwrap().count(), 2);
    assert_eq!(work_of(&Trace::of(&report.main), 8000), times(2));
}

#[test]
fn children_that_are_left_out_take_nothing_of_the_limit() {
    let lab = Lab::new("processes", &[]);
    let command = lab
        .command(&["fork"])
        .children(ChildPolicy::Ignore)
        .max_bytes(6 << 20);
    let mut spools = 0;
    let watch = &mut |progress: Progress<'_>| {
        if matches!(progress, Progress::Ended { .. }) {
            let folders = lab
                .folder()
                .read_dir()
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let files = folders
                .filter(|path| path.is_dir())
                .flat_map(|path| path.read_dir().unwrap());
            let names = files.map(|file| file.unwrap().path());
            spools = names
                .filter(|name| name.extension().is_some_and(|e| e == "spool"))
                .count();
        }
    };
    let report = record(&command, watch).unwrap();
    assert!(report.status.success());
    assert_eq!((spools, report.left_out), (1, 0));
}
