//! Promise: each function does what the C standard, POSIX and glibc's manual say of it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::library::{keeps, program};

pub(crate) fn contract() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    program("contract", &PROGRAM)
}

#[test]
fn every_name_is_served_by_the_library() {
    keeps(contract(), "served");
}

#[test]
fn blocks_are_aligned() {
    keeps(contract(), "alignment");
}

#[test]
fn blocks_of_no_bytes_have_addresses_of_their_own() {
    keeps(contract(), "no_bytes");
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    keeps(contract(), "refusals");
}

#[test]
fn a_free_keeps_errno() {
    keeps(contract(), "kept_errno");
}

#[test]
fn usable_bytes_may_be_used() {
    keeps(contract(), "usable");
}

#[test]
fn calloc_gives_zeroes() {
    keeps(contract(), "zeroed");
}

#[test]
fn realloc_keeps_what_is_there() {
    keeps(contract(), "resized");
}

#[test]
fn without_memory_calls_fail_and_the_program_goes_on() {
    keeps(contract(), "exhaustion");
}

#[test]
fn inner_names_lead_to_the_same_heap() {
    keeps(contract(), "inner_names");
}

#[test]
fn the_heap_tells_of_itself() {
    let output = keeps(contract(), "told");
    let said = String::from_utf8(output.stderr).expect("the report is text");
    assert!(
        said.starts_with("flagstone: the heap of process "),
        "{said}"
    );
    assert_eq!(said.matches("bytes mapped").count(), 1, "{said}");
}
