//! Promise: who asks for it by the environment has a heap that notices misuse, or makes less of it.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::library::{preload, program};

const CHECKED: (&str, &str) = ("FLAGSTONE_MALLOC_CHECKED", "1");
const ZERO_ON_FREE: (&str, &str) = ("FLAGSTONE_MALLOC_ZERO_ON_FREE", "1");
const QUARANTINE: (&str, &str) = ("FLAGSTONE_MALLOC_QUARANTINE", "100000");

/// The signal of `abort`.
const ABORTED: i32 = 6;
/// That of an access that is not allowed.
const FAULTED: i32 = 11;

fn misuse() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    program("misuse", &PROGRAM)
}

/// What comes of a deed, behind variables that are nobody's and longer than what is read at once.
fn run(deed: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(misuse());
    command.arg(deed).env_clear();
    command.env("A", "x".repeat(10_000)).env("FLAGSTONE", "1");
    command.envs(variables.iter().copied());
    preload(&mut command);
    command.output().expect("a compiled program can be started")
}

fn says(deed: &str, variables: &[(&str, &str)], expected: &str) {
    let output = run(deed, variables);
    assert!(output.status.success(), "{deed}: {output:#?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{deed}");
}

fn is_seen(deed: &str, variables: &[(&str, &str)]) {
    let output = run(deed, variables);
    let aborted = output.status.signal() == Some(ABORTED);
    assert!(aborted && !output.stderr.is_empty(), "{deed}: {output:#?}");
}

#[test]
fn a_checked_heap_sees_it() {
    for nothing in [&[][..], &[("FLAGSTONE_MALLOC_CHECKED", "0")]] {
        // It may end in any way, but not by the heap's hand.
        assert_ne!(run("writes", nothing).status.signal(), Some(ABORTED));
    }
    // A slot in quarantine is not looked at before it leaves it.
    is_seen("writes", &[CHECKED]);
    for deed in ["frees_twice", "frees_a_part"] {
        is_seen(deed, &[CHECKED]);
        is_seen(deed, &[ZERO_ON_FREE, QUARANTINE, CHECKED]);
    }
}

#[test]
fn freed_blocks_are_zeroed() {
    says("reads", &[], "what was there\n");
    says("reads", &[ZERO_ON_FREE], "zeroes\n");
}

#[test]
fn freed_blocks_are_kept_apart() {
    says("reuses", &[], "the same\n");
    says("reuses", &[QUARANTINE], "another\n");
}

#[test]
fn a_sampled_block_that_is_touched_is_named() {
    let output = run("touches", &[("FLAGSTONE_MALLOC_SAMPLED", "1")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(FAULTED), "{output:#?}");
    // The C library's blocks are whole multiples of 16 bytes.
    for words in [
        "is byte 20 of a block of 48 bytes",
        "allocated by",
        "freed by",
        "misuse+0x",
    ] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}
