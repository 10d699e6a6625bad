//! Promise: threads may allocate, free and end as they like; so may processes fork and end.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::library::{keeps, program};

fn threads() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    program("threads", &PROGRAM)
}

#[test]
fn blocks_are_freed_by_other_threads() {
    keeps(threads(), "exchanged");
}

#[test]
fn blocks_outlive_their_threads() {
    keeps(threads(), "relayed");
}

#[test]
fn threads_that_ended_leave_nothing() {
    keeps(threads(), "nothing_left");
}

#[test]
fn destructors_of_a_thread_use_the_heap() {
    keeps(threads(), "ended");
}

#[test]
fn a_forked_child_goes_on() {
    keeps(threads(), "forked");
}

#[test]
fn a_process_ends_while_its_threads_go_on() {
    keeps(threads(), "exits");
}
