//! The replay's memory is bounded also when the contender is told lifetimes, of which there are as
//! many as allocations. In a file of its own, because resident memory is that of the whole process.
#![cfg(target_os = "linux")]

mod support;

use flagstone_cli::replay::contender_named;
use support::Script;

#[test]
fn three_million_events_of_phases_do_not_make_the_replay_grow() {
    const OBJECTS: usize = 100;
    const REQUESTS: usize = 15_000;
    let mut script = Script::new();
    for _ in 0..REQUESTS {
        let objects: Vec<_> = (0..OBJECTS).map(|_| script.alloc(0, 64)).collect();
        objects
            .into_iter()
            .for_each(|object| script.free(0, object));
    }
    let trace = script.finish();
    let arenas = contender_named("arenas").expect("the arenas");
    let measured = trace.play(arenas).expect("a replay");
    assert_eq!(measured.operations, (2 * REQUESTS * OBJECTS) as u64);
    let growth = measured.growth.expect("Linux tells the resident memory");
    // A phase takes 6.4 kB; the levels alone, were they all in memory, 1.5 MB.
    assert!(growth.peak < 1 << 19, "{growth:?}");
}
