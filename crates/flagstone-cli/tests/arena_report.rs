//! The report says how much of a trace suits an arena, and plainly when it is little.

mod support;

use std::collections::VecDeque;

use support::{Script, Trace, flagstone, stderr, stdout};

fn report(trace: &Trace, contenders: &[&str]) -> String {
    let names = contenders.iter().flat_map(|name| ["--contender", name]);
    let args: Vec<_> = ["replay", "--rounds", "1"]
        .into_iter()
        .chain(names)
        .collect();
    let output = flagstone(&[&args[..], &[trace.arg()]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

fn requests() -> Trace {
    let mut script = Script::new();
    for _ in 0..100 {
        let objects: Vec<_> = (0..40).map(|_| script.alloc(0, 50)).collect();
        objects
            .into_iter()
            .for_each(|object| script.free(0, object));
    }
    script.finish()
}

#[test]
fn a_trace_of_requests_suits_and_the_condition_is_named() {
    let text = report(&requests(), &["system", "arenas"]);
    assert!(text.contains("100 % of the objects"), "{text}");
    assert!(text.contains("would have to be written that way"), "{text}");
    assert!(!text.contains("does not suit"), "{text}");
}

#[test]
fn a_trace_that_does_not_suit_is_called_that_and_told_why() {
    let mut script = Script::new();
    let mut queue = VecDeque::new();
    for _ in 0..1_000 {
        queue.push_back(script.alloc(0, 50));
        if queue.len() > 50 {
            queue
                .pop_front()
                .into_iter()
                .for_each(|oldest| script.free(0, oldest));
        }
    }
    for _ in 0..200 {
        let object = script.alloc(0, 50);
        script.free(1, object);
    }
    let text = report(&script.finish(), &["arenas"]);
    for words in [
        "does not suit an arena",
        "do not die together",
        "another thread",
        "never freed",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn without_an_arena_there_is_no_word_of_it() {
    let text = report(&requests(), &["system", "pools"]);
    assert!(!text.contains("die together"), "{text}");
}
