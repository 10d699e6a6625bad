//! How much memory this process has.

use std::fs;

use anyhow::{Context, Result};

/// Bytes of memory that are resident.
pub(crate) fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")
        .context("resident memory is read from /proc, which is not here")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .map(|kilobytes| kilobytes << 10)
        .context("/proc/self/status does not say what is resident")
}
