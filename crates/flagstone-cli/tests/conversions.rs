//! Other tools' files become traces and traces become other tools' files; what that cannot carry is
//! said in one sentence.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use support::{Script, assert_one_sentence, flagstone, names_in, stderr, stdout};
use tempfile::TempDir;

const FILES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../flagstone-trace/tests/conversions/files"
);

fn file(name: &str) -> PathBuf {
    Path::new(FILES).join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// Imports a file of the tests.
fn imported(name: &str, folder: &TempDir) -> PathBuf {
    let trace = folder.path().join("t.flagtrace");
    let output = flagstone(&["import", text(&file(name)), "-o", text(&trace)]);
    assert!(output.status.success(), "{}", stderr(&output));
    trace
}

fn export(to: &str, trace: &Path, folder: &TempDir) -> (Output, PathBuf) {
    let out = folder.path().join(format!("out.{to}"));
    let output = flagstone(&["export", "--to", to, "-o", text(&out), text(trace)]);
    (output, out)
}

fn json(args: &[&str]) -> Value {
    let output = flagstone(args);
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("one line of JSON")
}

#[test]
fn a_heaptrack_file_is_shown_by_call_site_and_replayed() {
    let folder = TempDir::new().expect("a folder");
    let trace = imported("heaptrack.t.zst", &folder);
    let info = flagstone(&["info", "--sites", text(&trace)]);
    assert!(info.status.success(), "{}", stderr(&info));
    for part in ["leaf (/tmp/ht/t.c:4)", "from main", "heaptrack", "./t"] {
        assert!(stdout(&info).contains(part), "{part}: {}", stdout(&info));
    }
    let replay = flagstone(&["replay", "--rounds", "1", text(&trace)]);
    assert!(replay.status.success(), "{}", stderr(&replay));
}

#[test]
fn a_dhat_profile_is_shown_and_not_replayed() {
    let folder = TempDir::new().expect("a folder");
    let trace = imported("dhat.out.t", &folder);
    let facts = json(&["info", "--json", "--sites=1", text(&trace)]);
    assert_eq!(facts["origin"], "dhat");
    assert_eq!(facts["sites"][0]["place"]["function"], "leaf");
    assert_eq!(facts["sites"][0]["allocated_bytes"], 16_064);
    assert!(facts["no_replay"].is_string());
    assert_one_sentence(&flagstone(&["replay", text(&trace)]), "DHAT");
}

#[test]
fn the_trace_of_an_import_is_named_after_the_file() {
    let folder = TempDir::new().expect("a folder");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_flagstone"));
        command
            .args(args)
            .current_dir(&folder)
            .output()
            .expect("it runs")
    };
    assert!(
        run(&["import", text(&file("heaptrack.t.zst"))])
            .status
            .success()
    );
    assert!(run(&["import", text(&file("dhat.out.t"))]).status.success());
    assert_eq!(
        names_in(folder.path()),
        ["dhat.out.t.flagtrace", "heaptrack.t.flagtrace"]
    );
}

#[test]
fn a_file_of_the_wrong_format_is_refused_and_leaves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out.flagtrace");
    let import = |from: &Path, format: &[&str]| {
        flagstone(&[&["import", text(from), "-o", text(&out)], format].concat())
    };
    assert_one_sentence(&import(&file("t.c"), &[]), "t.c");
    assert_one_sentence(
        &import(&file("dhat.out.t"), &["--format", "heaptrack"]),
        "heaptrack",
    );
    assert_one_sentence(
        &import(&file("heaptrack.t.zst"), &["--format", "dhat"]),
        "DHAT",
    );
    assert_one_sentence(&import(Path::new("/nowhere.gz"), &[]), "/nowhere.gz");
    assert_one_sentence(&import(folder.path(), &[]), "folder");
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn an_import_that_is_cut_gives_what_is_before_and_says_so() {
    let folder = TempDir::new().expect("a folder");
    let (from, out) = (
        folder.path().join("cut"),
        folder.path().join("out.flagtrace"),
    );
    fs::write(&from, "v 10400 3\nX a\na 10 0\n+ 0\n+ 0\n+").expect("the file");
    let output = flagstone(&["import", text(&from), "-o", text(&out)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("only the 2 events"),
        "{}",
        stderr(&output)
    );
    let facts = json(&["info", "--json", text(&out)]);
    assert_eq!(
        (&facts["events"], &facts["complete"]),
        (&2.into(), &false.into())
    );
}

#[test]
fn traces_without_call_sites_are_not_exported_by_call_site() {
    let folder = TempDir::new().expect("a folder");
    let mut script = Script::new();
    script.alloc(0, 40);
    let trace = script.finish();
    for to in ["pprof", "folded"] {
        let (output, _) = export(to, Path::new(trace.arg()), &folder);
        assert_one_sentence(&output, "--stacks");
    }
    assert_one_sentence(&flagstone(&["info", "--sites", trace.arg()]), "--stacks");
    for to in ["chrome", "heaptrack"] {
        let (output, _) = export(to, Path::new(trace.arg()), &folder);
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

#[test]
fn a_value_is_for_folded_stacks_only() {
    let folder = TempDir::new().expect("a folder");
    let trace = imported("heaptrack.t.zst", &folder);
    let out = folder.path().join("out");
    let with = |to| {
        flagstone(&[
            "export",
            "--to",
            to,
            "--value",
            "live",
            "-o",
            text(&out),
            text(&trace),
        ])
    };
    assert_one_sentence(&with("pprof"), "--value");
    assert!(with("folded").status.success());
    let folded = fs::read_to_string(&out).expect("the export");
    assert!(folded.trim_end().ends_with("main;leaf 64"), "{folded}");
}

#[test]
fn an_export_that_cannot_be_written_leaves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let trace = imported("heaptrack.t.zst", &folder);
    let nowhere = folder.path().join("no/such/folder/out");
    let output = flagstone(&[
        "export",
        "--to",
        "chrome",
        "-o",
        text(&nowhere),
        text(&trace),
    ]);
    assert_one_sentence(&output, "no/such/folder/out");
    let output = flagstone(&[
        "export",
        "--to",
        "chrome",
        "-o",
        text(folder.path()),
        text(&trace),
    ]);
    assert_one_sentence(&output, text(folder.path()));
    assert_eq!(names_in(folder.path()), ["t.flagtrace"]);
}
