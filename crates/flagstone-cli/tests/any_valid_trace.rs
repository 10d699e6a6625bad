//! Every valid trace replays: with any number of threads, any hand-over of objects between them
//! and any mix of operations, each contender carries out every operation and nobody waits for ever.

mod support;

use flagstone_cli::replay::contenders;
use proptest::prelude::*;
use support::{Script, steps, trace_of};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_valid_trace_replays(steps in steps()) {
        let trace = trace_of(&steps);
        for contender in contenders() {
            let measured = trace.play(contender);
            prop_assert_eq!(
                measured.as_ref().map(|measured| measured.operations),
                Ok(steps.len() as u64),
                "{}",
                contender.name()
            );
        }
    }
}

#[test]
fn objects_handed_round_a_ring_of_threads_arrive() {
    const THREADS: u32 = 8;
    let mut script = Script::new();
    for round in 0..2_000_u64 {
        let object = script.alloc(
            (round % u64::from(THREADS)).min(round) as u32,
            10 + round % 90,
        );
        for step in 1..u64::from(THREADS) {
            let thread = ((round + step) % u64::from(THREADS)).min(round + step) as u32;
            script.realloc(thread, object, 10 + (round * step) % 500);
        }
        script.free((round % u64::from(THREADS)) as u32, object);
    }
    let trace = script.finish();
    for contender in contenders() {
        let played = trace.play(contender);
        assert!(played.is_ok(), "{}: {played:?}", contender.name());
    }
}

#[test]
fn more_threads_than_the_machine_should_be_given_replay_too() {
    let mut script = Script::new();
    let objects: Vec<_> = (0..200).map(|thread| script.alloc(thread, 100)).collect();
    for (thread, object) in objects.into_iter().rev().enumerate() {
        script.free(thread as u32, object);
    }
    let trace = script.finish();
    for contender in contenders() {
        assert!(trace.play(contender).is_ok(), "{}", contender.name());
    }
}

#[test]
fn a_trace_without_events_replays_to_nothing() {
    let trace = Script::new().finish();
    for contender in contenders() {
        let measured = trace.play(contender).expect("a replay");
        assert_eq!(measured.operations, 0, "{}", contender.name());
    }
}
