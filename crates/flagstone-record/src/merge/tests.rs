//! Merges spools that are made by hand, where the clock is as coarse as a test wants it.

use std::collections::HashMap;
use std::fs;

use flagstone_trace::{Event, EventKind, Header, Reader, Summary, Validator, Writer};

use super::merge;
use crate::spool::format::{
    FILE_MAGIC, Op, PAGE, SEGMENT_HEAD, SEGMENT_MAGIC, SITES, WORD, head, pack, segment, site,
};
use crate::spool::processes;

/// A record: time, operation, address, size (for the operations that have one).
type Entry = (u64, Op, u64, u64);

/// Writes a spool with one segment per element and merges it.
fn merged(segments: &[(u64, Vec<Entry>)]) -> (Vec<Event>, Summary) {
    let mut file = vec![0; PAGE as usize / WORD as usize];
    file[head::MAGIC] = FILE_MAGIC;
    for (sequence, (thread, entries)) in segments.iter().enumerate() {
        let mut words = vec![0; (SEGMENT_HEAD / WORD) as usize];
        for &(time_ns, op, address, size) in entries {
            let record = [pack(op, time_ns, 4, false), address, size];
            words.extend_from_slice(&record[..op.words(false) as usize]);
        }
        words[segment::MAGIC] = SEGMENT_MAGIC;
        words[segment::THREAD] = *thread;
        words[segment::SEQUENCE] = sequence as u64;
        words[segment::LEN] = words.len() as u64 * WORD;
        words[segment::USED] = words[segment::LEN];
        file.extend(words);
    }
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = file.into_iter().flat_map(u64::to_ne_bytes).collect();
    fs::write(folder.path().join("1-1.spool"), bytes).unwrap();
    let spools = processes(folder.path()).unwrap();
    let mut writer = Writer::new(Vec::new(), Header::default()).unwrap();
    let summary = merge(&spools[0], &mut writer).unwrap();
    let bytes = writer.finish(summary).unwrap();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    (reader.events().map(Result::unwrap).collect(), summary)
}

/// Who allocated and who freed each object, in no order. Threads are known by their first size.
fn edges(events: &[Event]) -> Vec<(u64, u32)> {
    let mut sizes = HashMap::new();
    let mut edges = Vec::new();
    for event in events {
        match event.kind {
            EventKind::Alloc { object, size, .. } => drop(sizes.insert(object, size)),
            EventKind::Free { object } => edges.push((sizes[&object], event.thread.0)),
            _ => {}
        }
    }
    edges.sort_unstable();
    edges
}

#[test]
fn an_address_that_changes_hands_within_one_step_of_the_clock() {
    // Thread 2 gets at time 5 what thread 1 gives back at time 5, whichever segment comes first.
    let gives = (1, vec![(1, Op::Alloc, 64, 10), (5, Op::Free, 64, 0)]);
    let takes = (2, vec![(5, Op::Alloc, 64, 20), (9, Op::Free, 64, 0)]);
    for segments in [[gives.clone(), takes.clone()], [takes, gives]] {
        let (events, summary) = merged(&segments);
        assert_eq!(edges(&events), [(10, 0), (20, 1)]);
        assert_eq!((summary.peak_live_objects, summary.unmatched_frees), (1, 0));
    }
}

#[test]
fn an_object_that_is_freed_elsewhere_within_one_step_of_the_clock() {
    let makes = (1, vec![(5, Op::Alloc, 64, 10)]);
    let frees = (2, vec![(5, Op::Free, 64, 0)]);
    for segments in [[makes.clone(), frees.clone()], [frees, makes]] {
        let (events, summary) = merged(&segments);
        assert_eq!(edges(&events), [(10, 1)]);
        assert_eq!(summary.unmatched_frees, 0);
    }
}

#[test]
fn an_address_that_is_taken_while_its_object_moves_away() {
    // The object of thread 1 moves from 64 to 128 while thread 2 already has 64.
    let moves = vec![
        (1, Op::Alloc, 64, 10),
        (3, Op::MoveFrom, 64, 0),
        (7, Op::MoveTo, 128, 30),
        (9, Op::Free, 128, 0),
    ];
    let takes = vec![(5, Op::Alloc, 64, 20), (8, Op::Free, 64, 0)];
    let (events, summary) = merged(&[(1, moves), (2, takes)]);
    assert_eq!(edges(&events), [(10, 0), (20, 1)]);
    assert_eq!(
        (summary.peak_live_objects, summary.peak_live_bytes),
        (2, 50)
    );
    assert_eq!(summary.unmatched_frees, 0);
}

#[test]
fn one_thread_keeps_its_order_across_segments() {
    let first = (1, vec![(5, Op::Alloc, 64, 10), (5, Op::Free, 64, 0)]);
    let second = (1, vec![(5, Op::Alloc, 64, 20), (5, Op::Free, 64, 0)]);
    let (events, _) = merged(&[first, second]);
    let sizes: Vec<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Alloc { size, .. } => Some(size),
            _ => None,
        })
        .collect();
    assert_eq!((sizes, events.len()), (vec![10, 20], 4));
}

#[test]
fn what_was_not_seen_is_counted_and_makes_no_wrong_edge() {
    let unknown = vec![
        (1, Op::Free, 64, 0),
        (2, Op::Resize, 128, 9),
        (3, Op::Free, 128, 0),
    ];
    let (events, summary) = merged(&[(1, unknown)]);
    assert_eq!((summary.unmatched_frees, events.len()), (2, 2));
    // A free that was missed is put where the address is handed out again.
    let missed = vec![(1, Op::Alloc, 64, 10), (2, Op::Alloc, 64, 20)];
    let (events, summary) = merged(&[(1, missed)]);
    assert_eq!((events.len(), summary.live_objects_at_end), (3, 1));
}

/// A spool with call sites: one module, two stacks, three records.
fn spool_with_sites() -> Vec<u8> {
    let mut file = vec![0; PAGE as usize / WORD as usize];
    (file[head::MAGIC], file[head::DEPTH]) = (FILE_MAGIC, 4);
    let path = u64::from_ne_bytes(*b"/a/b.so\0");
    let sites = vec![
        site::MODULE | 7 << site::COUNT_SHIFT,
        0x1000,
        0x2000,
        0x1000,
        path,
        site::STACK | 2 << site::COUNT_SHIFT,
        77,
        0x1010,
        0x1020,
        site::STACK | 1 << site::COUNT_SHIFT,
        78,
        0x1020,
    ];
    let records = vec![
        pack(Op::Alloc, 1, 4, false),
        64,
        10,
        77,
        pack(Op::Resize, 2, 0, false),
        64,
        20,
        78,
        pack(Op::Free, 3, 0, false),
        64,
        pack(Op::Alloc, 4, 4, true),
        64,
        30,
        999,
    ];
    for (sequence, (thread, words)) in [(SITES, sites), (3, records)].into_iter().enumerate() {
        let start = file.len();
        file.resize(start + (SEGMENT_HEAD / WORD) as usize, 0);
        let len = SEGMENT_HEAD + words.len() as u64 * WORD;
        file[start + segment::MAGIC] = SEGMENT_MAGIC;
        file[start + segment::THREAD] = thread;
        file[start + segment::SEQUENCE] = sequence as u64;
        (file[start + segment::LEN], file[start + segment::USED]) = (len, len);
        file.extend(words);
    }
    file.into_iter().flat_map(u64::to_ne_bytes).collect()
}

/// The frames of each event of the trace that a spool file becomes; `None` when it does not.
fn frames(bytes: &[u8]) -> Option<Vec<Vec<u64>>> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1-1.spool"), bytes).unwrap();
    let spools = processes(folder.path()).ok()?;
    let mut writer = Writer::new(Vec::new(), Header::default()).unwrap();
    let summary = merge(spools.first()?, &mut writer).ok()?;
    let trace = writer.finish(summary).unwrap();
    let (mut reader, mut validator) =
        (Reader::new(trace.as_slice()).unwrap(), Validator::default());
    let (mut block, mut frames) = (Vec::new(), Vec::new());
    while reader.next_block(&mut block).unwrap() {
        for (index, event) in block.iter().enumerate() {
            validator.check(event).unwrap();
            frames.push(reader.sites().frames(reader.stack(index)).collect());
        }
    }
    Some(frames)
}

#[test]
fn call_sites_find_their_events_and_unknown_ones_are_none() {
    let expected = vec![vec![0x1010, 0x1020], vec![0x1020], vec![], vec![]];
    assert_eq!(frames(&spool_with_sites()), Some(expected));
}

#[test]
fn a_damaged_spool_is_an_error_or_a_trace() {
    let bytes = spool_with_sites();
    let heads = (0..head::WORDS * 8).chain(PAGE as usize..bytes.len());
    let mut traces = 0;
    for byte in heads {
        let mut damaged = bytes.clone();
        damaged[byte] ^= 1 << (byte * 5 % 8);
        traces += usize::from(frames(&damaged).is_some());
    }
    assert!(traces > 50);
    for cut in (PAGE as usize..bytes.len()).step_by(3) {
        frames(&bytes[..cut]);
    }
}
