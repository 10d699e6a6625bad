//! How much processor time a thread has used.

/// Processor time of the calling thread in nanoseconds; only differences mean something.
///
/// Processor time rather than wall time, because the replay has as many threads as the recorded
/// program and the machine may have fewer cores: wall time would charge an allocator for waiting
/// for a core. The price is that sleeping on a contended lock is not charged, only the system
/// calls around it. Costs about a quarter of a microsecond, so it is read per window, not per
/// operation.
#[cfg(unix)]
pub(super) fn thread_time_ns() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Wall time in nanoseconds, where there is no clock per thread.
#[cfg(not(unix))]
pub(super) fn thread_time_ns() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;

    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}
