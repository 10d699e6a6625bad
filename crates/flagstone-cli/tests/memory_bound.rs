//! The replay's memory is bounded by the live objects, not by the length of the trace.
#![cfg(target_os = "linux")]

mod support;

use flagstone_cli::replay::contender_named;
use support::Script;

#[test]
fn three_million_events_of_short_lived_objects_do_not_make_the_replay_grow() {
    const LIVE: usize = 1_000;
    let mut script = Script::new();
    let mut live = std::collections::VecDeque::new();
    for _ in 0..1_500_000 {
        live.push_back(script.alloc(0, 64));
        if live.len() > LIVE
            && let Some(oldest) = live.pop_front()
        {
            script.free(0, oldest);
        }
    }
    let trace = script.finish();
    let system = contender_named("system").expect("the system's allocator");
    let measured = trace.play(system).expect("a replay");
    assert_eq!(measured.operations, 3_000_000 - LIVE as u64);
    let growth = measured.growth.expect("Linux tells the resident memory");
    // The live objects take 80 kB; the plan of the whole trace would take 100 MB.
    assert!(growth.peak < 1 << 20, "{growth:?}");
}
