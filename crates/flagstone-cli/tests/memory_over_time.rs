//! A round for memory looks along the whole trace. It is a test by itself in its process: what other
//! tests allocate would be seen.
#![cfg(target_os = "linux")]

mod support;

use flagstone_cli::Source;
use flagstone_cli::replay::{Contender, Measured, Purpose, Stage, Survey, contenders, perform};
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
fn a_round_for_memory_looks_along_the_whole_trace() {
    for threads in [1, 3] {
        let trace = growing(threads);
        for contender in contenders() {
            let looks = play(&trace, contender, Purpose::Memory).looks;
            assert!((200..=300).contains(&looks.len()), "{}", looks.len());
            assert!(looks.is_sorted_by_key(|look| look.moment.events));
            let last = looks.last().expect("a look");
            assert_eq!(
                (last.moment.events, last.moment.live_bytes),
                (30_000, 6_000_000)
            );
            assert!(
                20 * last.resident_bytes > 19 * last.moment.live_bytes,
                "{last:?}"
            );
            let middle = looks[looks.len() / 2];
            let name = contender.name();
            assert!(
                middle.resident_bytes < last.resident_bytes,
                "{name}: {middle:?} {last:?}"
            );
        }
    }
}
