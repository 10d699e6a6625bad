//! Promise: a trace that is exported for heaptrack and imported again has the same live bytes after every
//! event, at the same places, and the same totals.

use flagstone_trace::export::{HeaptrackWriter, OwnNames};
use flagstone_trace::{EventKind, LiveStats, Location, StackId, Summary, Writer};

use crate::traces::{header, sample};
use crate::view::{View, imported};

/// A trace with call sites that have names.
fn trace(len: usize) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), header()).unwrap();
    for address in 0..50 {
        let location = Location {
            function: format!("f{address}"),
            file: "a.c".into(),
            line: address,
        };
        writer.name(u64::from(address), &[location]).unwrap();
    }
    for (index, event) in sample(len).iter().enumerate() {
        let addresses = (0..index % 5).map(|level| (index * (level + 1) % 50) as u64);
        let stack = addresses.fold(StackId::UNKNOWN, |caller, a| writer.stack(caller, a));
        writer.push_at(event, stack).unwrap();
    }
    writer.finish(Summary::default()).unwrap()
}

fn exported(view: &View) -> Vec<u8> {
    let mut writer = HeaptrackWriter::new(Vec::new(), &view.header).unwrap();
    for (event, stack) in &view.events {
        writer
            .push(event, *stack, &view.sites, &mut OwnNames)
            .unwrap();
    }
    writer.finish(view.stats.duration_ns()).unwrap()
}

/// Live bytes after each event that hands out or gives back an object, without the moment between
/// the two halves of a reallocation.
fn curve(view: &View, is_import: bool) -> Vec<u64> {
    let mut stats = LiveStats::default();
    let mut curve = Vec::new();
    for (event, _) in &view.events {
        stats.push(event).unwrap();
        if !is_import || !matches!(event.kind, EventKind::Free { .. }) {
            curve.push((
                stats.live_bytes(),
                matches!(event.kind, EventKind::Free { .. }),
            ));
        }
    }
    // Frees are told apart from reallocations only in the original.
    curve
        .into_iter()
        .filter(|(_, freed)| !freed)
        .map(|(bytes, _)| bytes)
        .collect()
}

#[test]
fn nothing_but_threads_and_alignments_is_lost() {
    for len in [1, 50, 3000] {
        let original = View::of(&trace(len));
        let (back, imported) = imported(&exported(&original)).unwrap();
        assert!(imported.cut.is_none());
        assert_eq!(back.header.program, original.header.program);
        assert_eq!(curve(&back, true), curve(&original, false));
        assert_eq!(back.by_functions(), original.by_functions());
        assert_eq!(back.stats.live_bytes(), original.stats.live_bytes());
        assert_eq!(
            back.stats.peak_live_bytes(),
            original.stats.peak_live_bytes()
        );
        assert_eq!(
            back.stats.objects(),
            original.stats.objects() + original.stats.reallocs()
        );
    }
}
