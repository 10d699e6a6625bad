//! A trace that cannot be used is refused in one sentence; of one that is damaged later on, the
//! whole blocks before the damage are used, and the command says so.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use flagstone_trace::{Event, EventKind, Header, ObjectId, Summary, ThreadNumber, Writer};
use support::{Script, Trace, assert_one_sentence, flagstone, names_in, stderr, stdout};
use tempfile::TempDir;

/// Commands that read a trace.
const READERS: [&[&str]; 3] = [&["info"], &["info", "--json"], &["replay", "--rounds", "1"]];
/// Commands that write one as another file.
const WRITERS: [&str; 2] = ["chrome", "heaptrack"];

/// Runs every reading command on a file with these bytes; each must refuse it in one sentence
/// that has `word` in it, print nothing and leave nothing behind.
#[track_caller]
fn assert_refused(bytes: &[u8], word: &str) {
    let (folder, path) = file_of(bytes);
    for reader in READERS {
        let output = flagstone(&[reader, &[path.to_str().expect("text")]].concat());
        assert_one_sentence(&output, word);
        assert_one_sentence(&output, "bad.flagtrace");
        assert_eq!(stdout(&output), "");
        assert_eq!(names_in(folder.path()), ["bad.flagtrace"]);
    }
    for writer in WRITERS {
        let output = export(writer, &path, &folder);
        assert_one_sentence(&output, word);
        assert_one_sentence(&output, "bad.flagtrace");
        assert_eq!(names_in(folder.path()), ["bad.flagtrace"]);
    }
}

/// Exports a trace to `out` in `folder`.
fn export(writer: &str, path: &Path, folder: &TempDir) -> Output {
    let out = folder.path().join("out");
    let (path, out) = (path.to_str().expect("text"), out.to_str().expect("text"));
    flagstone(&["export", "--to", writer, "-o", out, path])
}

fn file_of(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("bad.flagtrace");
    fs::write(&path, bytes).expect("the file");
    (folder, path)
}

/// A trace of several blocks.
fn long_trace() -> Trace {
    let mut script = Script::new();
    for _ in 0..100_000 {
        let object = script.alloc(0, 40);
        script.free(0, object);
    }
    script.finish()
}

fn short_trace() -> Vec<u8> {
    let mut script = Script::new();
    let object = script.alloc(0, 40);
    script.free(0, object);
    fs::read(script.finish().path).expect("the trace")
}

#[test]
fn a_missing_file_is_named() {
    for reader in READERS {
        let output = flagstone(&[reader, &["/nowhere/at-all.flagtrace"]].concat());
        assert_one_sentence(&output, "/nowhere/at-all.flagtrace");
    }
}

#[test]
fn a_folder_is_not_a_trace() {
    let folder = TempDir::new().expect("a temporary folder");
    for reader in READERS {
        let path = folder.path().to_str().expect("text");
        assert_one_sentence(&flagstone(&[reader, &[path]].concat()), path);
    }
}

#[test]
fn an_empty_file_is_refused() {
    assert_refused(b"", "empty");
}

#[test]
fn another_kind_of_file_is_refused() {
    assert_refused(
        b"#!/bin/sh\necho this is not a trace, however long it is\n",
        "not",
    );
}

#[test]
fn a_newer_version_is_named() {
    let mut bytes = short_trace();
    bytes[8..10].copy_from_slice(&7_777_u16.to_le_bytes());
    assert_refused(&bytes, "7777");
}

#[test]
fn a_flipped_bit_in_the_only_block_is_refused() {
    let mut bytes = short_trace();
    // The end mark is the last 113 bytes; the block stands before it.
    let block = bytes.len() - 120;
    bytes[block] ^= 1;
    assert_refused(&bytes, "corrupted");
}

#[test]
fn a_trace_without_events_has_nothing_to_replay() {
    let (_folder, path) = file_of(&fs::read(Script::new().finish().path).expect("the trace"));
    let path = path.to_str().expect("text");
    assert_one_sentence(&flagstone(&["replay", path]), "no events");
    assert!(flagstone(&["info", path]).status.success());
}

#[test]
fn the_whole_blocks_before_a_cut_are_used_and_the_cut_is_reported() {
    let bytes = fs::read(long_trace().path).expect("the trace");
    let (folder, path) = file_of(&bytes[..bytes.len() - 200]);
    for reader in READERS {
        let output = flagstone(&[reader, &[path.to_str().expect("text")]].concat());
        assert_one_sentence(&output, "cut off");
        let text = stdout(&output).replace(',', "");
        assert!(text.contains("196608"), "three blocks: {text}");
    }
    for writer in WRITERS {
        assert_one_sentence(&export(writer, &path, &folder), "cut off");
        assert_eq!(names_in(folder.path()), ["bad.flagtrace", "out"]);
    }
}

#[test]
fn the_whole_blocks_before_a_flipped_bit_are_used_and_it_is_reported() {
    let mut bytes = fs::read(long_trace().path).expect("the trace");
    let last_block = bytes.len() - 200;
    bytes[last_block] ^= 1;
    let (folder, path) = file_of(&bytes);
    for reader in READERS {
        let output = flagstone(&[reader, &[path.to_str().expect("text")]].concat());
        assert_one_sentence(&output, "corrupted");
        let text = stdout(&output).replace(',', "");
        assert!(text.contains("196608"), "three blocks: {text}");
    }
    for writer in WRITERS {
        assert_one_sentence(&export(writer, &path, &folder), "corrupted");
        assert_eq!(names_in(folder.path()), ["bad.flagtrace", "out"]);
    }
}

/// As the recorder leaves it when the disk is full or the program frees what it never saw.
#[test]
fn a_recording_that_lacks_something_is_replayed_and_says_so() {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, Header::default()).expect("a header");
    let alloc = EventKind::Alloc {
        object: ObjectId(0),
        size: 40,
        align: 16,
        zeroed: false,
    };
    let event = Event {
        thread: ThreadNumber(0),
        time_ns: 1,
        kind: alloc,
    };
    writer.push(&event).expect("the event");
    let summary = Summary {
        events: 1,
        objects: 1,
        threads: 1,
        unmatched_frees: 3,
        complete: false,
        ..Summary::default()
    };
    writer.finish(summary).expect("the end");
    let (_folder, path) = file_of(&bytes);
    for reader in READERS {
        let output = flagstone(&[reader, &[path.to_str().expect("text")]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let text = stdout(&output);
        assert!(
            (text.contains("3 frees") || text.contains(r#""unmatched_frees":3"#))
                && text.contains("complete"),
            "{text}"
        );
    }
}

#[test]
fn one_bad_trace_does_not_hide_a_good_one() {
    let good = long_trace();
    for reader in READERS {
        let output = flagstone(&[reader, &["/nowhere.flagtrace", good.arg()]].concat());
        assert_one_sentence(&output, "/nowhere.flagtrace");
        let text = stdout(&output).replace(',', "");
        assert!(text.contains("200000"), "{text}");
    }
}

#[test]
fn a_cut_in_the_middle_of_a_phase_leaves_the_phases_before() {
    let mut script = Script::new();
    for objects in [40, 100_000, 100_000] {
        let objects: Vec<_> = (0..objects).map(|_| script.alloc(0, 40)).collect();
        objects
            .into_iter()
            .for_each(|object| script.free(0, object));
    }
    let bytes = fs::read(script.finish().path).expect("the trace");
    let (_folder, path) = file_of(&bytes[..bytes.len() - 200]);
    let path = path.to_str().expect("text");
    let output = flagstone(&["replay", "--rounds", "1", "--contender", "arenas", path]);
    assert_one_sentence(&output, "cut off");
    let text = stdout(&output);
    // What was freed before the cut died together; the rest of that phase was not seen to die.
    assert!(text.contains("in 3 phases"), "{text}");
    assert!(text.contains("never freed"), "{text}");
}
