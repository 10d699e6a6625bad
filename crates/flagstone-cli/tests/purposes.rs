//! Each round measures what it is for, and the user chooses who plays.

mod support;

use flagstone_cli::Source;
use flagstone_cli::replay::{
    Contender, Measured, Purpose, Sort, Stage, Survey, contenders, perform,
};
use support::{Script, Trace};

fn play(trace: &Trace, contender: &dyn Contender, purpose: Purpose) -> Measured {
    let source: Source = trace.source();
    let survey = Survey::of(&source, |_| ()).expect("a readable trace");
    perform(contender, Stage::for_purpose(&source, &survey, purpose)).expect("a replay")
}

/// 30,000 events, by as many threads: half of the objects live on to the end.
fn growing(threads: u32) -> Trace {
    let mut script = Script::new();
    for step in 0..12_000_u64 {
        let thread = (step % u64::from(threads)) as u32;
        let object = script.alloc_with(thread, 1_000, 16, step % 5 == 0);
        if step % 2 == 0 {
            script.realloc(thread, object, 1_500);
            script.free(0, object);
        } else if step % 4 == 1 {
            script.realloc(thread, object, 1_100);
            script.realloc(thread, object, 1_000);
        }
    }
    script.finish()
}

#[test]
fn a_round_for_latency_times_every_operation_once() {
    for threads in [1, 3] {
        let trace = growing(threads);
        for contender in contenders() {
            let latencies = play(&trace, contender, Purpose::Latency).latencies;
            let latencies = latencies.expect("latencies");
            let counts: Vec<_> = latencies
                .sorts
                .iter()
                .map(|row| (row.0, row.1.count()))
                .collect();
            let expected = [
                (Sort::Alloc, 9_600),
                (Sort::AllocZeroed, 2_400),
                (Sort::Realloc, 12_000),
                (Sort::Free, 6_000),
            ];
            assert_eq!(counts, expected, "{}, {threads} threads", contender.name());
            assert!(latencies.clock_ns > 0.0);
            let all = latencies.all();
            assert!(all.quantile(0.5) <= all.quantile(1.0));
        }
    }
}

#[test]
fn other_rounds_time_no_operation() {
    let trace = growing(1);
    for contender in contenders() {
        for purpose in [Purpose::Time, Purpose::Memory] {
            assert_eq!(play(&trace, contender, purpose).latencies, None);
        }
    }
}

#[test]
fn fewer_threads_play_the_same_operations() {
    let trace = growing(3);
    for threads in ["1", "2", "64"] {
        let args = [
            "replay",
            "--rounds",
            "1",
            "--json",
            "--threads",
            threads,
            trace.arg(),
        ];
        let output = support::flagstone(&args);
        assert!(output.status.success(), "{}", support::stderr(&output));
        let text = support::stdout(&output);
        let document = flagstone_cli::report::Document::parse(&text).expect("a document");
        let replay = &document.replays[0];
        let played: u32 = threads.parse().expect("a number");
        assert_eq!(
            (replay.workers, replay.trace.events),
            (played.min(3), 30_000)
        );
    }
}

#[test]
fn only_the_contenders_that_were_asked_for_take_part_in_that_order() {
    let trace = growing(1);
    let args = [
        "replay",
        "--rounds",
        "3",
        "--json",
        "--contender",
        "pools",
        "--contender",
        "system",
        trace.arg(),
    ];
    let text = support::stdout(&support::flagstone(&args));
    let document = flagstone_cli::report::Document::parse(&text).expect("a document");
    let replay = &document.replays[0];
    let names: Vec<_> = replay
        .contenders
        .iter()
        .map(|entrant| entrant.name.as_str())
        .collect();
    assert_eq!(names, ["pools", "system"]);
    assert_eq!((replay.baseline.as_str(), replay.rounds), ("pools", 3));
}
