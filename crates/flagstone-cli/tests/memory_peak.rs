//! A peak of resident memory in the middle of a window is measured, and what is given back
//! afterwards is not in the memory at the end.
#![cfg(target_os = "linux")]

mod support;

use flagstone_cli::replay::contender_named;
use support::Script;

#[test]
fn a_peak_between_two_short_phases_is_seen() {
    const OBJECTS: u64 = 200;
    const SIZE: u64 = 1 << 18; // above the size at which the system gives memory back at once
    let mut script = Script::new();
    let small: Vec<_> = (0..1_000).map(|_| script.alloc(0, 100)).collect();
    let large: Vec<_> = (0..OBJECTS).map(|_| script.alloc(0, SIZE)).collect();
    large.into_iter().for_each(|object| script.free(0, object));
    small.into_iter().for_each(|object| script.free(0, object));
    let trace = script.finish();

    let system = contender_named("system").expect("the system's allocator");
    let growth = trace
        .play(system)
        .expect("a replay")
        .growth
        .expect("Linux tells the memory");
    let live = OBJECTS * SIZE;
    assert!(growth.peak >= live, "{growth:?}");
    assert!(growth.peak < live + live / 10, "{growth:?}");
    assert!(growth.end < live / 2, "{growth:?}");
}
