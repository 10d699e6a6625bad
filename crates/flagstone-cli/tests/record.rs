//! A real program is recorded, shown and replayed; what cannot be recorded is refused before it
//! runs, in one sentence, and leaves nothing behind.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use flagstone_cli::replay::contenders;
use support::{assert_one_sentence, flagstone, names_in, stderr, stdout};
use tempfile::TempDir;

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// Runs `flagstone record ARGS` in `folder`.
fn record_in(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flagstone"));
    command.arg("record").args(args).current_dir(folder);
    command.output().expect("the command starts")
}

#[track_caller]
fn assert_recorded(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

#[test]
fn a_program_is_recorded_shown_and_replayed() {
    let folder = folder();
    let args = ["-o", "sort.flagtrace", "--", "sort", "words.txt"];
    fs::write(folder.path().join("words.txt"), "pear\napple\n").expect("the input");
    let recorded = record_in(folder.path(), &args);
    assert_recorded(&recorded);
    assert_eq!(
        stdout(&recorded),
        "apple\npear\n",
        "the program's own output"
    );
    assert_eq!(names_in(folder.path()), ["sort.flagtrace", "words.txt"]);

    let trace = folder.path().join("sort.flagtrace");
    let trace = trace.to_str().expect("text");
    let info = flagstone(&["info", trace]);
    assert!(info.status.success(), "{}", stderr(&info));
    assert!(
        stdout(&info).contains("sort words.txt"),
        "{}",
        stdout(&info)
    );

    let replay = flagstone(&["replay", "--rounds", "2", trace]);
    assert!(replay.status.success(), "{}", stderr(&replay));
    for contender in contenders() {
        assert!(
            stdout(&replay).contains(contender.name()),
            "{}",
            stdout(&replay)
        );
    }
}

#[test]
fn the_status_of_the_program_is_reported_and_not_passed_on() {
    for (script, word) in [("exit 7", "7"), ("kill -9 $$", "SIGKILL")] {
        let folder = folder();
        let output = record_in(
            folder.path(),
            &["-o", "sh.flagtrace", "--", "sh", "-c", script],
        );
        assert_recorded(&output);
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
        assert_eq!(names_in(folder.path()), ["sh.flagtrace"]);
    }
}

#[test]
fn without_a_name_the_trace_is_named_after_the_program_and_replaces_no_other() {
    let folder = folder();
    for _ in 0..2 {
        assert_recorded(&record_in(folder.path(), &["--", "sort", "/dev/null"]));
    }
    assert_eq!(
        names_in(folder.path()),
        ["sort.2.flagtrace", "sort.flagtrace"]
    );
}

#[test]
fn programs_that_the_program_starts_have_traces_of_their_own_unless_not_wanted() {
    let args = [
        "-o",
        "sh.flagtrace",
        "--",
        "sh",
        "-c",
        "sort /dev/null; sort /dev/null; true",
    ];
    let with_children = folder();
    assert_recorded(&record_in(with_children.path(), &args));
    let names = names_in(with_children.path());
    assert!(
        names.len() >= 3 && names.contains(&"sh.flagtrace".to_owned()),
        "{names:?}"
    );

    let without = folder();
    assert_recorded(&record_in(
        without.path(),
        &[&["--no-children"], &args[..]].concat(),
    ));
    assert_eq!(names_in(without.path()), ["sh.flagtrace"]);
}

#[test]
fn a_missing_program_is_named() {
    let folder = folder();
    let output = record_in(folder.path(), &["--", "no-such-program-here"]);
    assert_one_sentence(&output, "no-such-program-here");
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn a_static_program_is_refused() {
    let folder = folder();
    let source = folder.path().join("static.c");
    fs::write(&source, "int main(void) { return 0; }\n").expect("the source");
    let program = folder.path().join("static");
    let compiler = Command::new("cc")
        .arg("-static")
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .status();
    assert!(
        compiler
            .expect("a C compiler, which the tests need")
            .success()
    );
    let output = record_in(folder.path(), &["-o", "t.flagtrace", "--", "./static"]);
    assert_one_sentence(&output, "statically linked");
    assert_eq!(names_in(folder.path()), ["static", "static.c"]);
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_the_program_runs() {
    let folder = folder();
    let args = [
        "-o",
        "no/such/folder/t.flagtrace",
        "--",
        "touch",
        "the-program-ran",
    ];
    let output = record_in(folder.path(), &args);
    assert_one_sentence(&output, "no/such/folder/t.flagtrace");
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn a_sample_is_estimated_and_not_replayed() {
    let folder = folder();
    let words: String = (0..20_000).map(|n| format!("word number {n}\n")).collect();
    fs::write(folder.path().join("words.txt"), words).expect("the input");
    let args = [
        "--sample",
        "4k",
        "-o",
        "sort.flagtrace",
        "--",
        "sort",
        "words.txt",
    ];
    assert_recorded(&record_in(folder.path(), &args));
    let trace = folder.path().join("sort.flagtrace");
    let trace = trace.to_str().expect("text");
    let info = flagstone(&["info", trace]);
    assert!(info.status.success(), "{}", stderr(&info));
    assert!(stdout(&info).contains("estimated"), "{}", stdout(&info));
    assert_one_sentence(&flagstone(&["replay", trace]), "sample");
    let out = folder.path().join("out");
    let out = out.to_str().expect("text");
    assert_one_sentence(
        &flagstone(&["export", "--to", "heaptrack", "-o", out, trace]),
        "sample",
    );
    assert!(
        flagstone(&["export", "--to", "chrome", "-o", out, trace])
            .status
            .success()
    );
}

#[test]
fn a_recording_that_reached_its_limit_says_so_and_is_replayed() {
    let folder = folder();
    let script = "push @many, 'x' x (1000 + $_ % 7) for 1..50000";
    let perl = ["perl", "-e", script];
    let args = [
        &["--max-bytes", "512k", "-o", "t.flagtrace", "--"][..],
        &perl,
    ]
    .concat();
    let output = record_in(folder.path(), &args);
    assert_recorded(&output);
    assert!(
        stderr(&output).contains("--max-bytes"),
        "{}",
        stderr(&output)
    );
    let trace = folder.path().join("t.flagtrace");
    let trace = trace.to_str().expect("text");
    let info = flagstone(&["info", trace]);
    assert!(stdout(&info).contains("limit"), "{}", stdout(&info));
    let replay = flagstone(&["replay", "--rounds", "1", trace]);
    assert!(replay.status.success(), "{}", stderr(&replay));
}

#[test]
fn a_limit_too_small_for_anything_is_refused() {
    let folder = folder();
    let output = record_in(folder.path(), &["--max-bytes", "1000", "--", "true"]);
    assert_one_sentence(&output, "65536");
}

#[test]
fn the_signal_that_ended_a_program_is_in_the_trace() {
    let folder = folder();
    let args = ["-o", "t.flagtrace", "--", "sh", "-c", "kill -9 $$"];
    assert_recorded(&record_in(folder.path(), &args));
    let trace = folder.path().join("t.flagtrace");
    let info = flagstone(&["info", trace.to_str().expect("text")]);
    assert!(stdout(&info).contains("signal 9"), "{}", stdout(&info));
}
