//! What a process knows of its memory. Sanitizers have more of it than their programs.
#![cfg(not(any(flagstone_asan, flagstone_tsan)))]

use std::fs;

/// Bytes of this process that are in memory.
pub(super) fn resident() -> usize {
    1024 * field("/proc/self/smaps_rollup", "Anonymous:")
}

/// Bytes of addresses that this process has.
pub(super) fn addresses() -> usize {
    1024 * field("/proc/self/status", "VmSize:")
}

/// Bytes that this process could write to and has for itself, stacks aside.
pub(super) fn writable() -> usize {
    1024 * field("/proc/self/status", "VmData:")
}

fn field(file: &str, name: &str) -> usize {
    let text = fs::read_to_string(file).expect("Linux says it");
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .expect("a number")
}
