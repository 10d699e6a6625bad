//! What has memory behind it is in use, cached, or slack, of which there is no more than stated.
#![cfg(target_os = "linux")]

use flagstone::blocks::{Block, BlockAllocator, BlockSnapshot};

use super::{build, bytes, knobs};

const PAGE: usize = 4096;
const IDLE: usize = 256 << 10;
/// Bytes of the slabs of the sizes that are used here.
const SLAB: usize = 64 << 10;

/// What the system says is resident of all regions.
fn resident(blocks: &BlockAllocator) -> usize {
    let regions = blocks.regions();
    let pages = regions.iter().map(|region| {
        let mut seen = vec![0_u8; region.len / PAGE];
        let start = region.start.as_ptr().cast();
        // SAFETY: the region is mapped, and there is a byte for each of its pages.
        let answer = unsafe { libc::mincore(start, region.len, seen.as_mut_ptr()) };
        assert_eq!(answer, 0);
        seen.iter().filter(|page| **page & 1 != 0).count()
    });
    pages.sum::<usize>() * PAGE
}

fn is_huge_always() -> bool {
    let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    setting.is_ok_and(|text| text.contains("[always]"))
}

fn check(blocks: &BlockAllocator, held: &[Block]) -> BlockSnapshot {
    let seen = blocks.audit().unwrap();
    let charged: usize = held.iter().map(Block::charged).sum();
    assert_eq!(seen.in_use, charged);
    assert_eq!(seen.charged, seen.in_use + seen.cached());
    assert_eq!(seen.resident, seen.charged + seen.slack);
    assert_eq!(seen.slack, seen.slack_in_slabs + seen.slack_idle);
    // A slab in use has a block that is not free.
    assert!(seen.slack_in_slabs <= seen.slabs * (SLAB - 64));
    seen
}

#[test]
fn slack_is_bounded_and_nothing_else_is_resident() {
    let blocks = build(
        knobs(8 << 20)
            .region_size(1 << 20)
            .max_block_size(4096)
            .idle_bytes(IDLE)
            .thread_cache_bytes(64 << 10)
            .shared_cache_bytes(128 << 10),
    );
    let mut held = Vec::new();
    let mut dice = 1_u32;
    let mut most = 0;
    for round in 0..3000 {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let drawn = (dice >> 16) as usize;
        // Grows and shrinks, so that slabs come and go.
        if drawn % 100 < if round % 1000 < 600 { 70 } else { 5 } || held.is_empty() {
            let size = [64, 1000, 4096][drawn % 3];
            let mut block = blocks.try_alloc(bytes(size)).unwrap();
            block.resize(size).unwrap();
            held.push(block);
        } else {
            held.swap_remove(drawn % held.len());
        }
        if round % 50 == 0 {
            let seen = check(&blocks, &held);
            assert!(seen.slack_idle <= IDLE, "{seen:?}");
            most = most.max(seen.slack);
            if round % 500 == 0 && !is_huge_always() {
                let rests = (seen.slabs + seen.unused_pieces) * PAGE;
                assert!(resident(&blocks) <= seen.resident + rests, "{seen:?}");
            }
        }
    }
    assert!(most > 0, "there was slack");
    held.clear();
    blocks.trim();
    let seen = check(&blocks, &held);
    assert_eq!((seen.resident, seen.charged), (0, 0));
}
