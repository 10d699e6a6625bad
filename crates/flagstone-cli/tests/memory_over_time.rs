//! A round for memory looks along the whole trace, for each contender in a process of its own: what
//! others left behind is not seen.
#![cfg(target_os = "linux")]

mod support;

use flagstone_cli::report::Document;
use support::{Script, Trace, flagstone, stderr, stdout};

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
        let output = flagstone(&["replay", "--rounds", "1", "--json", trace.arg()]);
        assert!(output.status.success(), "{}", stderr(&output));
        let document = Document::parse(&stdout(&output)).expect("a stored replay");
        for entrant in &document.replays[0].contenders {
            let memory = entrant.memory.as_ref().expect("Linux tells the memory");
            let looks = &memory.looks;
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
            let name = &entrant.name;
            assert!(
                middle.resident_bytes < last.resident_bytes,
                "{name}: {middle:?} {last:?}"
            );
        }
    }
}
