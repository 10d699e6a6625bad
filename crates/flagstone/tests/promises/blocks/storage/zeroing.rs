//! Bytes become 0 when the policy says.

use flagstone::blocks::{BlockAllocator, ZeroPolicy};

use super::{build, bytes, knobs};

const LEN: usize = 1000;

/// What lies in memory at `place`, whoever has it.
fn peek(blocks: &BlockAllocator, (index, offset): (usize, usize)) -> Vec<u8> {
    let regions = blocks.regions();
    let region = regions.iter().find(|region| region.index == index).unwrap();
    let start = region.start.as_ptr().wrapping_add(offset);
    // SAFETY: within the region, which stays as long as `regions`; written to by this thread alone.
    (0..LEN)
        .map(|at| unsafe { start.add(at).read_volatile() })
        .collect()
}

/// The bytes of a block that was written to and freed; of another that was had in its place; and of that
/// one when it was freed without a write.
fn seen(policy: ZeroPolicy) -> [Vec<u8>; 3] {
    let blocks = build(knobs(1 << 20).zero(policy));
    let mut block = blocks.try_alloc(bytes(LEN)).unwrap();
    block.write(0, &[7; LEN]).unwrap();
    // What was written and then forgotten counts.
    block.truncate(1);
    let place = block.place();
    drop(block);
    let freed = peek(&blocks, place);
    let block = blocks.try_alloc(bytes(LEN)).unwrap();
    assert_eq!((block.place(), block.len()), (place, 0));
    let had = peek(&blocks, place);
    drop(block);
    [freed, had, peek(&blocks, place)]
}

#[test]
fn never_means_never() {
    assert_eq!(seen(ZeroPolicy::Never), [const { [7; LEN] }; 3]);
}

#[test]
fn freed_bytes_are_gone() {
    assert_eq!(seen(ZeroPolicy::OnFree), [const { [0; LEN] }; 3]);
}

#[test]
fn handed_out_bytes_are_0() {
    for policy in [ZeroPolicy::OnAlloc, ZeroPolicy::WhenDirty] {
        assert_eq!(seen(policy), [[7; LEN], [0; LEN], [0; LEN]], "{policy:?}");
    }
}

#[test]
fn bytes_of_all_parts_and_views_are_gone() {
    let blocks = build(knobs(1 << 20).zero_on_free(true));
    let mut block = blocks.try_alloc(bytes(LEN)).unwrap();
    let place = block.place();
    let mut tail = block.split_off(500);
    let mut end = tail.split_off(300);
    end.write(0, &[1; 200]).unwrap();
    for byte in tail.spare_mut() {
        byte.write(2);
    }
    block.write(0, &[3; 400]).unwrap();
    block.advance(100);
    let view = block.freeze();
    let other = view.slice(10..20);
    drop((end, view, tail));
    assert_ne!(peek(&blocks, place), [0; LEN]);
    drop(other);
    assert_eq!(peek(&blocks, place), [0; LEN]);
}

#[test]
fn bytes_that_were_forgotten_are_0_when_they_are_shown() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut block = blocks.try_alloc(bytes(LEN)).unwrap();
    for byte in block.spare_mut() {
        byte.write(9);
    }
    block.resize(100).unwrap();
    assert_eq!(*block, [0; 100]);
    let mut tail = block.split_off(50);
    tail.clear();
    tail.resize(LEN - 50).unwrap();
    assert!(tail.iter().all(|&byte| byte == 0));
}
