//! `diff` says what changed between two stored replays, and nothing that is noise.

mod support;

use std::fs;
use std::path::PathBuf;

use flagstone_cli::report::{Diff, Document, Estimate};
use support::{assert_one_sentence, flagstone, stderr, stdout};
use tempfile::TempDir;

fn golden() -> Document {
    Document::parse(include_str!("golden/replay-1.json")).expect("a stored replay")
}

/// The golden replay with tight intervals, in which `pools` takes `factor` times as long.
fn replay(factor: f64) -> Document {
    let mut document = golden();
    for entrant in &mut document.replays[0].contenders {
        let slower = if entrant.name == "pools" { factor } else { 1.0 };
        let tight = |value: f64| {
            let rounds = [0.99, 1.0, 1.01, 1.0, 1.0, 0.99];
            Estimate::of(rounds.map(|round| round * value * slower)).expect("rounds")
        };
        entrant.ns_per_operation = tight(20.0);
        entrant.time_ratio = entrant.time_ratio.map(|_| tight(0.8));
    }
    document
}

fn verdict_on<'d>(diff: &'d Diff, contender: &str) -> &'d str {
    let row = diff.rows.iter().find(|row| row.contender == contender);
    &row.expect("a row").verdict
}

#[test]
fn a_replay_does_not_differ_from_itself() {
    let diff = Diff::of(&golden(), &golden());
    assert!(diff.notes.is_empty(), "{:?}", diff.notes);
    assert_eq!(diff.rows.len(), golden().replays[0].contenders.len());
    for row in &diff.rows {
        assert!(row.verdict.starts_with("no change"), "{row:?}");
        assert_eq!(row.time.value, 1.0);
    }
}

#[test]
fn a_change_is_claimed_for_whom_it_concerns_and_with_its_size() {
    let diff = Diff::of(&replay(1.0), &replay(1.5));
    assert!(
        verdict_on(&diff, "pools").starts_with("slower by 4"),
        "{diff}"
    );
    assert!(
        verdict_on(&diff, "system").starts_with("no change"),
        "{diff}"
    );
    assert!(
        verdict_on(&diff, "arenas").starts_with("no change"),
        "{diff}"
    );
    let back = Diff::of(&replay(1.5), &replay(1.0));
    assert!(
        verdict_on(&back, "pools").starts_with("faster by 3"),
        "{back}"
    );
}

#[test]
fn a_change_within_the_intervals_is_noise() {
    let diff = Diff::of(&replay(1.0), &replay(1.005));
    assert!(
        verdict_on(&diff, "pools").starts_with("no change"),
        "{diff}"
    );
}

#[test]
fn two_rounds_tell_nothing() {
    let mut later = replay(3.0);
    for entrant in &mut later.replays[0].contenders {
        let two = Estimate::of([0.9, 0.9]).expect("rounds");
        entrant.time_ratio = entrant.time_ratio.map(|_| two);
    }
    let diff = Diff::of(&replay(1.0), &later);
    assert!(verdict_on(&diff, "pools").contains("too few"), "{diff}");
}

#[test]
fn another_machine_is_noted_and_only_ratios_count() {
    let mut later = replay(1.0);
    later.machine.processor = "Another Processor".to_owned();
    later.replays[0].contenders[0].ns_per_operation = Estimate::of([90.0; 6]).expect("rounds");
    let diff = Diff::of(&replay(1.0), &later);
    assert!(
        diff.notes
            .iter()
            .any(|note| note.contains("Another Processor"))
    );
    assert_eq!(verdict_on(&diff, "system"), "another machine");
    assert!(verdict_on(&diff, "pools").starts_with("no change"));
}

#[test]
fn another_trace_and_missing_contenders_are_noted() {
    let mut later = replay(1.0);
    later.replays[0].trace.events += 1;
    later.replays[0]
        .contenders
        .retain(|entrant| entrant.name != "pools");
    let diff = Diff::of(&replay(1.0), &later);
    assert!(
        diff.notes
            .iter()
            .any(|note| note.contains("the traces differ"))
    );
    assert!(
        diff.notes
            .iter()
            .any(|note| note.contains("pools is only in the earlier"))
    );
    assert!(diff.rows.iter().all(|row| row.contender != "pools"));
}

/// Two stored replays in a temporary folder.
fn stored(earlier: &str, later: &str) -> (TempDir, [PathBuf; 2]) {
    let folder = TempDir::new().expect("a temporary folder");
    let paths = ["earlier.json", "later.json"].map(|name| folder.path().join(name));
    fs::write(&paths[0], earlier).expect("the earlier one");
    fs::write(&paths[1], later).expect("the later one");
    (folder, paths)
}

#[test]
fn the_command_prints_a_table_or_json() {
    let json = |factor| replay(factor).to_json().expect("JSON");
    let (_folder, [earlier, later]) = stored(&json(1.0), &json(1.5));
    let [earlier, later] = [&earlier, &later].map(|path| path.to_str().expect("text"));
    let output = flagstone(&["diff", earlier, later]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("+50.0 %"), "{}", stdout(&output));
    let output = flagstone(&["diff", "--json", earlier, later]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(3));
}

#[test]
fn what_cannot_be_compared_is_one_sentence() {
    let (_folder, [earlier, later]) = stored(&golden().to_json().expect("JSON"), "not JSON");
    let [earlier, later] = [&earlier, &later].map(|path| path.to_str().expect("text"));
    assert_one_sentence(&flagstone(&["diff", earlier, later]), "later.json");
    assert_one_sentence(
        &flagstone(&["diff", "/nowhere.json", earlier]),
        "/nowhere.json",
    );
    let mut other = golden();
    other.replays[0].trace.name = "other".to_owned();
    fs::write(later, other.to_json().expect("JSON")).expect("the later one");
    assert_one_sentence(&flagstone(&["diff", earlier, later]), "in common");
}
