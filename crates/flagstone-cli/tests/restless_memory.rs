//! A replay whose time is the coming and going of pages says so: its ratios depend on what lies behind.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use support::{Script, flagstone, stderr, stdout};

/// The large object comes and goes; it is as large as a block of the heap may be.
fn replayed(size: u64) -> String {
    let mut script = Script::new();
    for _ in 0..20 {
        let object = script.alloc(0, size);
        script.free(0, object);
    }
    let trace = script.finish();
    let args = [
        "replay",
        "--rounds",
        "1",
        "--contender",
        "system",
        trace.arg(),
    ];
    let output = flagstone(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn pages_that_come_and_go_are_named_and_others_are_not() {
    // Above all thresholds of the C library, so it is mapped and unmapped each time.
    let text = replayed(33 << 20);
    assert!(text.contains("goes back to the system"), "{text}");
    let text = replayed(1_000);
    assert!(!text.contains("goes back to the system"), "{text}");
}
