//! How much memory of this process is resident.

use std::fs;

/// Resident memory of the process that no file backs, in bytes.
///
/// Anonymous memory rather than all of it: code pages that are touched for the first time during
/// the replay are not the allocator's. `None` where the system does not tell.
pub(super) fn resident() -> Option<u64> {
    // `smaps_rollup` walks the page tables and is exact; the counters of `status` are batched per
    // processor and can be hundreds of kilobytes off.
    field("/proc/self/smaps_rollup", "Anonymous:")
        .or_else(|| field("/proc/self/status", "RssAnon:"))
}

/// Highest total resident memory since [`reset_peak`], less the file-backed part, in bytes.
///
/// The file-backed part only grows, so this is never more than the true peak of [`resident`] but
/// for the batching of the counters; it sees peaks between two calls of [`resident`].
pub(super) fn peak() -> Option<u64> {
    let all = field("/proc/self/status", "VmHWM:")?;
    let files = field("/proc/self/status", "RssFile:")?;
    Some(all.saturating_sub(files))
}

/// How often the process touched a page that was not there, or `None` where the system does not tell.
pub(super) fn faults() -> Option<u64> {
    const AFTER_NAME: usize = 7;
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in brackets may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(AFTER_NAME)?.parse().ok()
}

/// Starts a new peak. Where that is not allowed the peak covers the whole life of the process.
pub(super) fn reset_peak() {
    // An error is no reason to stop: the caller's own buffers are resident until the end, so the
    // older peak differs little.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Gives memory that the C library keeps for later back to the system, so that what this process
/// freed before a replay is not reused unseen by the allocator under test.
pub(super) fn trim() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "malloc_trim is a C function")]
    {
        // SAFETY: `malloc_trim` has no preconditions and is thread safe.
        unsafe { libc::malloc_trim(0) };
    }
}

fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kib * 1024)
}
