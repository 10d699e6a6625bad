//! Chunks of an arena double up to a cap and no run of requests gets a chunk each for ever, by the
//! formula: it is not public, so the file itself is tested.

use flagstone::layout::SizeClasses;

#[path = "../../../src/layout/chunk.rs"]
mod chunk;

use chunk::{ChunkGrowth, ChunkPlan};

/// Serves requests of `needs` bytes (headers included) as an arena does; how many chunks that took,
/// and how many bytes.
fn serve(needs: impl Iterator<Item = usize>) -> (usize, usize) {
    const HEADER: usize = 48;
    let mut growth = ChunkGrowth::new();
    let (mut chunks, mut reserved) = (0, 0);
    let (mut whole, mut room) = (0, 0);
    for need in needs {
        let size = need - HEADER;
        if size <= room {
            room -= size;
            continue;
        }
        let plan = growth.plan(need, room, whole);
        law(plan, need);
        growth = growth.made(plan.size, plan.apart);
        chunks += 1;
        reserved += plan.size;
        if !plan.apart {
            (whole, room) = (plan.size, plan.size - need);
        }
    }
    (chunks, reserved)
}

fn law(plan: ChunkPlan, need: usize) {
    assert_eq!(plan.least, need);
    assert!(plan.size >= need, "it does not fit");
    assert!(!plan.apart || plan.size == need, "a chunk apart is for one");
    assert!(plan.size == need || plan.size <= ChunkGrowth::CAP);
}

#[test]
fn chunks_double_to_a_cap_and_then_stay() {
    let mut growth = ChunkGrowth::new();
    let mut sizes = Vec::new();
    for _ in 0..20 {
        let plan = growth.plan(100, 10, 1000);
        assert!(!plan.apart);
        sizes.push(plan.size + 16);
        growth = growth.made(plan.size, false);
    }
    let doubling = (10..=20).map(|bit| 1_usize << bit);
    let expected: Vec<_> = doubling.chain([1 << 20; 9]).collect();
    assert_eq!(sizes, expected);
}

#[test]
fn every_request_gets_a_chunk_in_which_it_fits() {
    let around = (0..=usize::BITS - 2).flat_map(|bit| {
        let power = 1_usize << bit;
        [power - 1, power, power + 1]
    });
    let sizes: Vec<usize> = around.collect();
    for &last in &sizes {
        for &apart in &sizes {
            let growth = ChunkGrowth::new().made(last, false).made(apart, true);
            for &need in &sizes {
                for (room, whole) in [(0, 0), (0, last), (last / 4, last), (last, last)] {
                    law(growth.plan(need, room, whole), need);
                }
            }
        }
    }
}

/// Only what is larger than the next chunk would be, or would leave a good part of the current
/// one unused, is apart.
#[test]
fn small_requests_are_never_apart() {
    for last in (0..200_000).step_by(if cfg!(miri) { 9973 } else { 97 }) {
        let growth = ChunkGrowth::new().made(last, false);
        for need in [49, 100, 200] {
            for room in [0, last / 8, last / 2] {
                assert!(!growth.plan(need.min(last.max(49)), room, last).apart || need > last / 4);
            }
        }
        assert!(
            !growth.plan(300, 0, 0).apart,
            "without a chunk there is none to go back to"
        );
    }
}

/// No size, and no two sizes by turns, get a chunk each for ever. Where a chunk holds only two or three
/// of them it is nearly so, and the price of a chunk is nothing beside that of its bytes.
#[test]
fn no_run_of_requests_gets_a_chunk_each() {
    let count = 2000;
    let step = if cfg!(miri) { 10_007 } else { 331 };
    for need in (50..ChunkGrowth::CAP / 2).step_by(step) {
        let most = match need < ChunkGrowth::CAP / 4 {
            true => count * 2 / 3,
            false => count * 9 / 10,
        };
        let by_turns = (0..count).map(|n| if n % 2 == 0 { need } else { 49 + n % 16 });
        for (chunks, reserved) in [serve(std::iter::repeat_n(need, count)), serve(by_turns)] {
            assert!(chunks <= most, "{chunks} chunks for {count} of {need}");
            let bytes = 2 * count * need + 2 * ChunkGrowth::CAP;
            assert!(reserved <= bytes, "{reserved} bytes for {count} of {need}");
        }
    }
}

#[test]
fn a_merged_chunk_holds_what_was_used_and_little_more() {
    for used in (0..100_000_usize).chain((1..40).map(|bit| 1 << bit)) {
        for header in [48, 64, 4096] {
            let merged = ChunkGrowth::merged(header, used).expect("there is such a chunk");
            assert!(merged >= used + header);
            // Eight steps per doubling, from 64 bytes on.
            assert!(
                merged - (used + header) <= ((used + header) / 8).max(64),
                "{used}"
            );
        }
    }
    assert_eq!(ChunkGrowth::merged(48, usize::MAX), None);
    assert_eq!(ChunkGrowth::merged(48, usize::MAX - 48), None);
}

/// A cycle that needs a little more each time gets a new chunk every eighth doubling.
#[test]
fn merging_a_growing_cycle_is_rare() {
    let (mut size, mut merges) = (0, 0);
    for used in 10_000..80_000 {
        if used + 48 > size {
            size = ChunkGrowth::merged(48, used).expect("small");
            merges += 1;
        }
    }
    assert!(merges <= 8 * 4, "{merges}");
}
