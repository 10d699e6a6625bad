//! What a heap says of itself adds up, class by class.

use std::{alloc::Layout, fmt::Write, ptr::NonNull};

use flagstone::{
    heap::{ClassStats, Heap, HeapStats, LocalHeap},
    provider::OsPages,
};
use flagstone_testkit::{heap_watch::calls_during, provider::Counting};

use super::{block::use_first, process::apart};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const SLICE: usize = 64 * KIB;

fn some(heap: &LocalHeap, size: usize, count: usize) -> Vec<NonNull<u8>> {
    let layout = Layout::from_size_align(size, 8).expect("a layout");
    let blocks = (0..count).map(|_| heap.alloc(layout).expect("there is memory").cast());
    blocks.collect()
}

fn free(heap: &LocalHeap, blocks: impl IntoIterator<Item = NonNull<u8>>) {
    for block in blocks {
        // SAFETY: a block of this heap.
        unsafe { heap.free(block) };
    }
}

fn class(stats: &HeapStats, size: usize) -> Option<ClassStats> {
    stats.classes().find(|class| class.size() == size)
}

/// What holds for every heap at rest.
fn adds_up(stats: &HeapStats) {
    let live: usize = stats.classes().map(|class| class.live()).sum();
    assert_eq!(
        stats.live(),
        live + stats.run_bytes() + stats.mapping_bytes()
    );
    let blocks: usize = stats.classes().map(|class| class.blocks()).sum();
    assert_eq!(stats.blocks(), blocks + stats.runs() + stats.mappings());
    assert!(stats.live() + stats.cached() <= stats.committed());
    assert!(stats.committed() <= stats.mapped());
    assert!(stats.idle() <= stats.cached());
    assert!((0.0..1.0).contains(&stats.fragmentation()));
    for class in stats.classes() {
        assert!(class.spans() > 0 && class.blocks() <= class.slots());
        assert_eq!(class.live() + class.free(), class.slots() * class.size());
    }
}

#[test]
fn classes_runs_and_mappings_are_counted() {
    let heap = LocalHeap::new();
    adds_up(&heap.stats());
    assert_eq!(heap.stats().classes().count(), 0);
    let small = some(&heap, 20, 5000);
    let medium = some(&heap, 10_000, 7);
    let runs = some(&heap, 70_000, 3);
    let large = some(&heap, 3 * MIB, 2);
    let stats = heap.stats();
    adds_up(&stats);
    let of_small = class(&stats, 24).expect("there are such");
    assert_eq!((of_small.blocks(), of_small.live()), (5000, 120_000));
    assert_eq!(of_small.slots(), SLICE / 24 * of_small.spans());
    assert_eq!(class(&stats, 10_240).map(|class| class.blocks()), Some(7));
    assert_eq!((stats.runs(), stats.run_bytes()), (3, 6 * SLICE));
    assert_eq!(stats.mappings(), 2);
    assert!((6 * MIB..6 * MIB + 2 * SLICE).contains(&stats.mapping_bytes()));
    assert_eq!(stats.blocks(), 5012);

    free(&heap, small.into_iter().chain(runs).chain(large));
    let stats = heap.stats();
    adds_up(&stats);
    assert_eq!((stats.runs(), stats.mappings(), stats.blocks()), (0, 0, 7));
    // Two mappings, and slices.
    assert!(stats.cached() >= 6 * MIB + 7 * SLICE, "{stats}");
    heap.purge();
    let stats = heap.stats();
    adds_up(&stats);
    assert!(stats.cached() < 2 * SLICE * 16, "{stats}");
    free(&heap, medium);
    heap.purge();
    assert_eq!(heap.stats().classes().count(), 0);
}

#[test]
fn what_was_never_used_is_not_committed() {
    let heap = LocalHeap::new();
    let block = some(&heap, 100, 1);
    let stats = heap.stats();
    assert_eq!(stats.mapped(), 4 * MIB);
    // The front, the locals, and one span.
    assert_eq!(stats.committed(), 3 * SLICE);
    let runs = some(&heap, SLICE + 1, 5);
    assert_eq!(heap.stats().committed(), 13 * SLICE);
    free(&heap, runs);
    assert_eq!(heap.stats().committed(), 13 * SLICE);
    assert_eq!(heap.stats().idle(), 10 * SLICE);
    let cached = heap.stats().cached();
    // Where the others were.
    let again = some(&heap, SLICE + 1, 5);
    assert_eq!(heap.stats().committed(), 13 * SLICE);
    assert_eq!(heap.stats().cached(), cached - 10 * SLICE);
    free(&heap, again);
    heap.purge();
    assert_eq!(heap.stats().committed(), 3 * SLICE);
    free(&heap, block);
}

#[test]
fn fragmentation_is_what_blocks_hold_besides() {
    let heap = LocalHeap::new();
    assert_eq!(heap.stats().fragmentation(), 0.0);
    let large = some(&heap, 3 * MIB, 1);
    let runs = some(&heap, 2 * SLICE, 1);
    assert_eq!(heap.stats().fragmentation(), 0.0);
    free(&heap, large.into_iter().chain(runs));
    // Full but for a quarter.
    let mut blocks = some(&heap, 64, 1024);
    free(&heap, blocks.drain(..256));
    assert_eq!(heap.stats().fragmentation(), 0.25);
    free(&heap, blocks.drain(1..));
    let one_of_1024 = heap.stats().fragmentation();
    assert_eq!(one_of_1024, 1023.0 / 1024.0);
    free(&heap, blocks);
    assert_eq!(heap.stats().fragmentation(), 0.0);
}

/// Room for a report.
struct Room {
    bytes: [u8; 8 * KIB],
    len: usize,
}

impl Write for Room {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes[self.len..end].copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[test]
fn a_report_shows_classes_in_use_and_allocates_nothing() {
    let counting = Counting::new(OsPages);
    let heap = LocalHeap::new_in(&counting);
    for size in [20, 10_000, 70_000, 3 * MIB] {
        let layout = Layout::from_size_align(size, 8).expect("a layout");
        heap.alloc(layout).expect("there is memory");
    }
    let mut room = Room {
        bytes: [0; 8 * KIB],
        len: 0,
    };
    let asked = counting.calls();
    let calls = calls_during(|| write!(room, "{}", heap.stats()).expect("there is room"));
    assert_eq!((calls, counting.calls()), (0, asked));
    let text = str::from_utf8(&room.bytes[..room.len]).expect("text");
    let last = text.lines().rev().take(4);
    let names = last.map(|line| line.split_whitespace().next().expect("a name"));
    assert!(names.eq(["mappings", "runs", "10240", "24"]), "{text}");
    assert_eq!(HeapStats::default().to_string().lines().count(), 8);
}

#[test]
fn a_report_on_the_standard_error_stream_allocates_nothing() {
    let name = "heap::census::a_report_on_the_standard_error_stream_allocates_nothing";
    apart(name, || {
        let heap = Heap::new();
        use_first(&heap);
        assert_eq!(calls_during(|| heap.report()), 0);
        assert_eq!(calls_during(|| heap.report_at_exit()), 0);
    });
}
