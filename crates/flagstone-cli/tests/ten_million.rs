//! A long trace costs little: ten million events are reported within a minute, a gibibyte of memory
//! and a page of two megabytes.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::time::{Duration, Instant};
use std::{env, fs};

use flagstone_trace::ObjectId;
use support::{Script, flagstone, stderr};

/// Mostly short lives, some long ones, four threads of which one does most: as servers do.
fn ten_million_events() -> support::Trace {
    let mut script = Script::new();
    let mut live = Vec::<ObjectId>::new();
    let mut state = 1_u64;
    let mut threads = 0;
    for _ in 0..10_000_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = (state >> 40).is_multiple_of(16);
        let thread = if other { (state >> 16) % 4 } else { 0 };
        let thread = u32::try_from(thread).expect("less than four").min(threads);
        threads = threads.max(thread + 1);
        let full = live.len() > 50_000;
        if live.is_empty() || (!full && (state >> 8).is_multiple_of(2)) {
            let size = [16, 24, 32, 48, 64, 100, 200, 1_000][(state >> 20) as usize % 8];
            live.push(script.alloc(thread, size));
        } else {
            let depth = (state >> 24) as usize % live.len().min(64);
            let object = live.swap_remove(live.len() - 1 - depth);
            script.free(thread, object);
        }
    }
    script.finish()
}

/// Processor time of the processes that this one and its children started, and the most memory that
/// one of them had resident.
fn used_by_children() -> (Duration, u64) {
    #[expect(unsafe_code, reason = "asks the system what child processes used")]
    // SAFETY: the structure is plain numbers, which may be zero, and the call fills it in.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage), 0);
        usage
    };
    let time = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).expect("a time");
        let micros = u64::try_from(time.tv_usec).expect("a part of a second");
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    let peak = u64::try_from(usage.ru_maxrss).expect("a size") * 1024;
    (time(usage.ru_utime) + time(usage.ru_stime), peak)
}

#[test]
#[ignore = "takes a minute of an idle machine: cargo test --release --test ten_million -- --ignored"]
fn ten_million_events_are_reported_within_a_minute() {
    let trace = ten_million_events();
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let page = folder.path().join("report.html");
    let start = Instant::now();
    let output = flagstone(&[
        "replay",
        "--html",
        page.to_str().expect("text"),
        trace.arg(),
    ]);
    let took = start.elapsed();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::metadata(page).expect("the page").len();
    let (busy, peak) = used_by_children();
    println!("{took:.1?}, {busy:.1?} of processor time, {peak} bytes, a page of {page} bytes");
    if let Some(keep) = env::var_os("FLAGSTONE_KEEP_TRACE") {
        fs::copy(&trace.path, keep).expect("a copy");
    }
    assert!(page < 2 << 20, "{page} bytes");
    // The two largest processes at once: the command and one replay.
    assert!(2 * peak < 1 << 30, "{peak} bytes");
    // One process works at a time, and its threads only save time: on an idle machine the processor
    // time is the longest that it can take. On a busy one others take theirs.
    assert!(busy < Duration::from_secs(60), "{busy:?}");
}
