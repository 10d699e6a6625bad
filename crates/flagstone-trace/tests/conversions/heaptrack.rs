//! Promise: a heaptrack file becomes a trace with the same objects at the same places, in order; what
//! the file lacks is said. `files/t.c` is the program that `files/heaptrack.t.zst` is of.

use std::io::{Read, Write};

use flagstone_trace::{EventKind, Origin, ThreadNumber};
use flate2::{Compression, write::GzEncoder};

use crate::view::{View, imported};

pub(crate) const FILE: &[u8] = include_bytes!("files/heaptrack.t.zst");

pub(crate) fn text() -> Vec<u8> {
    let mut text = Vec::new();
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(FILE).unwrap();
    decoder.read_to_end(&mut text).unwrap();
    text
}

fn check(view: &View) {
    assert_eq!(
        (view.header.program.as_str(), view.header.origin),
        ("./t", Origin::Heaptrack)
    );
    assert!(view.summary.complete);
    assert!(
        view.events
            .iter()
            .all(|(event, _)| event.thread == ThreadNumber(0))
    );
    assert!(view.stats.alignments().all(|(align, _)| align == 16));
    let rows = view.by_functions();
    let main = "main < __libc_start_call_main < __libc_start_main_impl < _start";
    let row = |place: &str| rows[&format!("{place}{main}")];
    // A resized object is an old one and a new one.
    assert_eq!(
        (row("").allocated_objects, row("").allocated_bytes),
        (1.0, 9000.0)
    );
    let churn = row("leaf < churn < ");
    assert_eq!(
        (
            churn.allocated_objects,
            churn.allocated_bytes,
            churn.live_bytes
        ),
        (20.0, 2000.0, 0.0)
    );
    let leaf = view.by_functions();
    let live: f64 = leaf.values().map(|row| row.live_bytes).sum();
    assert_eq!(live, 64.0);
    let sizes: Vec<_> = view
        .events
        .iter()
        .filter_map(|(event, _)| match event.kind {
            EventKind::Alloc { size, .. } => Some(size),
            _ => None,
        })
        .collect();
    assert_eq!(sizes[1..4], [5000, 9000, 100]);
    assert_eq!(view.stats.frees(), 23);
}

#[test]
fn however_it_is_compressed() {
    check(&imported(FILE).unwrap().0);
    check(&imported(&text()).unwrap().0);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&text()).unwrap();
    check(&imported(&gzip.finish().unwrap()).unwrap().0);
}

#[test]
fn lines_and_files_of_the_source_are_kept() {
    let view = imported(FILE).unwrap().0;
    let mut churn = view
        .events
        .iter()
        .map(|(_, stack)| view.sites.frames(*stack).collect::<Vec<_>>());
    let leaf = churn.rfind(|frames| frames.len() == 5).unwrap();
    let location = &view.sites.locations(leaf[0])[0];
    assert_eq!((location.function.as_str(), location.line), ("leaf", 4));
    assert!(location.file.ends_with("t.c"));
}

#[test]
fn a_file_that_is_cut_anywhere_gives_a_beginning_or_one_sentence() {
    let (text, whole) = (text(), imported(FILE).unwrap().0);
    let mut partial = 0;
    for cut in 0..text.len() {
        match imported(&text[..cut]) {
            Ok((view, _)) => {
                assert_eq!(view.events, whole.events[..view.events.len()]);
                partial += 1;
            }
            Err(error) => assert!(!error.to_string().contains('\n')),
        }
    }
    assert!(partial > 100);
}

#[test]
fn a_compressed_file_that_is_cut_says_so() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(&text()).unwrap();
    let gzip = gzip.finish().unwrap();
    let (view, imported) = imported(&gzip[..gzip.len() - 40]).unwrap();
    assert!(imported.cut.is_some() && !view.summary.complete);
    assert!(view.summary.stopped.is_some());
}

#[test]
fn frees_of_objects_that_never_appeared_are_counted() {
    let file = b"v 10400 3\nX a\na 10 0\n- 0\n+ 0\n- 0\n- 0\n";
    let view = imported(file).unwrap().0;
    assert_eq!((view.summary.events, view.summary.unmatched_frees), (2, 2));
}

#[test]
fn the_youngest_of_objects_alike_goes_first() {
    let file = b"v 10400 3\nX a b\na 10 0\nc 1\n+ 0\nc 5\n+ 0\nc 7\n- 0\n";
    let view = imported(file).unwrap().0;
    assert_eq!(view.stats.lifetimes_ns().total(), 2_000_000);
    assert_eq!(view.header.args, ["b"]);
}
