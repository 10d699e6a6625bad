//! Promise: who sets `FLAGSTONE_MALLOC_STATS` gets a line at the program's end, and nobody else.

use std::fs;
use std::process::Command;

use crate::contract::contract;
use crate::library::preload;

/// What a shell command says on the standard error stream, with the variable set to `value`.
fn said(value: Option<&str>, script: &str) -> String {
    let mut command = Command::new("bash");
    command.args(["-c", script]);
    preload(&mut command);
    if let Some(value) = value {
        command.env("FLAGSTONE_MALLOC_STATS", value);
    }
    let output = command.output().expect("every Debian has bash");
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stderr).expect("the lines are text")
}

#[test]
fn nobody_else_gets_one() {
    for value in [None, Some(""), Some("0")] {
        assert_eq!(said(value, "echo b | sort"), "");
    }
}

#[test]
fn each_process_writes_one() {
    let said = said(Some("1"), "sort </dev/null; exit 0");
    let lines: Vec<_> = said.lines().collect();
    let [sort, bash] = lines[..] else {
        panic!("{said}");
    };
    // `sort` closes the stream before its end.
    assert!(sort.starts_with("flagstone-malloc: sort["), "{said}");
    assert!(bash.starts_with("flagstone-malloc: bash["), "{said}");
    let mapped = bash.split_whitespace().nth(2).expect("a number");
    assert!(mapped.parse::<u64>().expect("a number") > 0, "{said}");
}

#[test]
fn another_file_under_its_number_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other");
    let mut command = Command::new(contract());
    command.arg("taken").env("OTHER_FILE", &path);
    preload(&mut command);
    command.env("FLAGSTONE_MALLOC_STATS", "1");
    let output = command.output().expect("a compiled program can be started");
    assert_eq!(output.stdout, b"kept\n", "{output:#?}");
    assert_eq!(output.stderr, b"", "{output:#?}");
    assert_eq!(fs::read(&path).expect("the program made it"), b"");
}

#[test]
fn the_stream_may_be_closed() {
    assert_eq!(said(Some("1"), "exec bash -c 'exit 0' 2>&-"), "");
}
