//! What an arena keeps until the end of a phase is in its peak of resident memory. In a file of its
//! own, because resident memory is that of the whole process.
#![cfg(target_os = "linux")]

mod support;

use flagstone_cli::replay::{Survey, contender_named};
use support::Script;

#[test]
fn what_an_arena_keeps_within_a_phase_is_seen() {
    const OBJECTS: usize = 250;
    const SIZE: u64 = 4_000;
    let mut script = Script::new();
    // Two batches live at a time, and four in all, without a point at which none is live.
    let mut before: Vec<_> = (0..OBJECTS).map(|_| script.alloc(0, SIZE)).collect();
    for _ in 1..4 {
        let next = (0..OBJECTS).map(|_| script.alloc(0, SIZE)).collect();
        let oldest = std::mem::replace(&mut before, next);
        oldest.into_iter().for_each(|object| script.free(0, object));
    }
    before.into_iter().for_each(|object| script.free(0, object));
    let trace = script.finish();
    let survey = Survey::of(&trace.source(), |_| ()).expect("a readable trace");
    assert_eq!(survey.phases.phases, 1, "{:?}", survey.phases);

    let peak = |name| {
        let contender = contender_named(name).expect("a contender");
        let growth = trace.play(contender).expect("a replay").growth;
        growth.expect("Linux tells the memory").peak
    };
    let live = survey.peak_live_bytes;
    let (system, arenas) = (peak("system"), peak("arenas"));
    assert!(system < live * 3 / 2, "{system} of {live}");
    assert!(arenas > live * 7 / 4, "{arenas} of {live}");
}
