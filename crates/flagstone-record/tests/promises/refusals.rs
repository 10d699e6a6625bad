//! Promise: what cannot be recorded is refused in one sentence before it runs, and nothing is left
//! behind.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flagstone_record::{RecordCommand, RecordError, record};

use crate::programs::{Lab, Trace};

fn refused(program: &Path, output: &Path) -> RecordError {
    let folder = program.parent().unwrap();
    let before = fs::read_dir(folder).map_or(0, Iterator::count);
    let command = RecordCommand::new(program).args(["kill"]).output(output);
    let error = record(&command, &mut |_| panic!("nothing may start")).unwrap_err();
    assert_eq!(fs::read_dir(folder).map_or(0, Iterator::count), before);
    let sentence = error.to_string();
    assert!(
        !sentence.contains('\n') && sentence.len() > 20,
        "{sentence}"
    );
    error
}

#[test]
fn a_statically_linked_program() {
    let lab = Lab::new("dies", &["-static"]);
    let error = refused(lab.program(), &lab.output());
    assert!(error.is_unsuitable_program() && error.to_string().contains("statically linked"));
    let lab = Lab::new("dies", &["-static-pie"]);
    assert!(refused(lab.program(), &lab.output()).is_unsuitable_program());
}

#[test]
fn a_request_that_cannot_be_met() {
    let lab = Lab::new("dies", &[]);
    for command in [
        lab.command(&[]).stacks(65),
        lab.command(&[]).max_bytes(65_535),
    ] {
        let error = record(&command, &mut |_| panic!("nothing may start")).unwrap_err();
        assert!(error.is_unsuitable_request(), "{error}");
    }
}

#[test]
fn a_missing_program() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(
        &folder.path().join("no-such-program"),
        &folder.path().join("out"),
    );
    assert!(error.is_program_not_found() && error.to_string().contains("no-such-program"));
}

#[test]
fn a_file_that_is_no_program() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("text", "hello"), ("loop", "#!"), ("bare", "")] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert!(
            refused(&path, &folder.path().join("out")).is_unsuitable_program(),
            "{name}"
        );
    }
}

#[test]
fn a_script_of_a_static_program() {
    let lab = Lab::new("dies", &["-static"]);
    let script = lab.folder().join("script");
    fs::write(&script, format!("#! {} -x\n", lab.program().display())).unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    assert!(refused(&script, &lab.output()).is_unsuitable_program());
}

#[test]
fn a_program_for_another_processor() {
    let lab = Lab::new("dies", &[]);
    let mut bytes = fs::read(lab.program()).unwrap();
    bytes[18] ^= 0xff;
    fs::write(lab.program(), bytes).unwrap();
    assert!(refused(lab.program(), &lab.output()).is_unsuitable_program());
}

#[test]
fn an_output_that_cannot_be_written() {
    let lab = Lab::new("dies", &[]);
    for output in ["no/such/folder/out", "", "/"] {
        let output = if output.is_empty() {
            lab.folder().into()
        } else {
            lab.folder().join(output)
        };
        assert!(
            refused(lab.program(), &output).is_output(),
            "{}",
            output.display()
        );
    }
}

#[test]
fn but_a_script_is_recorded_as_what_runs_it() {
    let lab = Lab::new("dies", &[]);
    let script = lab.folder().join("note");
    fs::write(&script, "#!/bin/sh\nexit 5\n").unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let command = RecordCommand::new(&script).output(lab.output());
    let report = record(&command, &mut |_| {}).unwrap();
    assert_eq!(report.status.code(), Some(5));
    assert!(Trace::of(&report.main).summary.complete);
}
