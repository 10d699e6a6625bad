//! The stored form of a replay: documented, stable, and read back as it was.

mod support;

use std::collections::BTreeSet;

use flagstone_cli::report::{Document, SCHEMA};
use serde_json::Value;
use support::{Script, flagstone, stderr, stdout};

const GOLDEN: &str = include_str!("golden/replay-1.json");

/// The paths of all fields; the places in a list count as one.
fn paths(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = format!("{path}.{name}");
                paths(field, &path, all);
                all.insert(path);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| paths(item, &format!("{path}[]"), all)),
        _ => {}
    }
}

fn paths_of(json: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    paths(&serde_json::from_str(json).expect("JSON"), "", &mut all);
    all
}

fn printed() -> String {
    let mut script = Script::new();
    for thread in 0..2 {
        for size in 1..200 {
            let object = script.alloc_with(thread, size, 16, size % 7 == 0);
            script.realloc(thread, object, 2 * size);
            script.free(0, object);
        }
    }
    let trace = script.finish();
    let output = flagstone(&["replay", "--rounds", "2", "--json", trace.arg()]);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn the_golden_file_is_read_and_written_without_a_change() {
    let document = Document::parse(GOLDEN).expect("a stored replay");
    let written = document.to_json().expect("JSON") + "\n";
    assert!(written == GOLDEN, "{written}");
}

#[test]
fn the_command_prints_one_document_with_the_fields_of_the_golden_file() {
    let printed = printed();
    assert_eq!(printed.lines().count(), 1);
    let document = Document::parse(&printed).expect("a stored replay");
    assert_eq!(document.schema, SCHEMA);
    let new: Vec<_> = paths_of(&printed)
        .difference(&paths_of(GOLDEN))
        .cloned()
        .collect();
    assert!(new.is_empty(), "not in the golden file: {new:?}");
    let gone: Vec<_> = paths_of(GOLDEN)
        .difference(&paths_of(&printed))
        .cloned()
        .collect();
    // Nobody was left out of the small trace.
    assert!(
        gone.iter().all(|path| path.contains("left_out")),
        "{gone:?}"
    );
}

#[test]
fn every_field_is_documented() {
    let page = include_str!("../../../docs/replay-json.md");
    for path in paths_of(GOLDEN) {
        let (_, name) = path.rsplit_once('.').expect("a name");
        assert!(
            page.contains(&format!("`{name}`")),
            "{path} is not in docs/replay-json.md"
        );
    }
}

#[test]
fn what_is_printed_agrees_with_the_trace() {
    let document = Document::parse(&printed()).expect("a stored replay");
    let [replay] = &document.replays[..] else {
        panic!("one replay");
    };
    assert_eq!(
        (replay.trace.events, replay.trace.objects, replay.rounds),
        (1_194, 398, 2)
    );
    assert_eq!(replay.trace.foreign_frees, 199);
    let sizes: u64 = replay.sizes.iter().map(|bar| bar.count).sum();
    assert_eq!(sizes, 398);
    assert_eq!(
        replay.live.last().map(|point| (point.events, point.bytes)),
        Some((1_194, 0))
    );
    for entrant in &replay.contenders {
        assert_eq!(entrant.round_ns.len(), 2, "{}", entrant.name);
        let latency = entrant.latency.as_ref().expect("latencies");
        assert_eq!(latency.all.count, 1_194, "{}", entrant.name);
        assert!(latency.all.p50 <= latency.all.p99 && latency.all.p99 <= latency.all.max);
        assert_eq!(
            entrant.time_ratio.is_none(),
            entrant.name == replay.baseline
        );
    }
}

#[test]
fn a_newer_version_and_other_files_are_refused() {
    let newer = GOLDEN.replacen("\"schema\":1", "\"schema\":77", 1);
    let error = Document::parse(&newer).expect_err("newer").to_string();
    assert!(error.contains("77"), "{error}");
    for other in ["", "{}", "[1]", "\u{89}FLAG", &GOLDEN[..GOLDEN.len() / 2]] {
        assert!(Document::parse(other).is_err());
    }
}
