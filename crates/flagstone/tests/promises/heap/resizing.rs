//! Blocks that change their size: in place where there is room, with their contents wherever they go,
//! and not at a price that grows with the square of the size.

use super::block::{Block, mixed, size_up_to};

#[test]
fn within_its_class_a_block_stays() {
    for size in (1..2000)
        .chain((2000..64 << 10).step_by(511))
        .chain([100_000, 1_000_000, 5_000_000])
    {
        let mut block = Block::some(size, size as u64);
        let place = block.addresses();
        let usable = block.usable();
        for next in [usable, size, size.midpoint(usable), size] {
            assert!(block.realloc(next));
            assert_eq!(block.addresses(), place, "from {size} to {next} bytes");
            assert!(block.resize(next, 1));
            assert_eq!(block.addresses(), place, "from {size} to {next} bytes");
        }
    }
}

/// Makes a block larger by `step` until it has `end` bytes; how often it moved.
fn grow(block: &mut Block, step: usize, end: usize) -> usize {
    let mut moves = 0;
    while block.layout().size() < end {
        let place = block.address();
        assert!(block.realloc_unseen(block.layout().size() + step));
        moves += usize::from(block.address() != place);
    }
    moves
}

/// So often a block may move while it becomes `times` as large: classes are eight to a doubling.
fn few(times: usize) -> usize {
    8 * (times.ilog2() as usize + 1)
}

#[test]
fn growing_by_one_element_moves_seldom() {
    for (step, end) in [(1, 5000), (8, 100_000), (64, 3 << 20), (4096, 64 << 20)] {
        let mut block = Block::some(step, 1);
        let moves = grow(&mut block, step, end);
        block.check();
        let most = few(end / step);
        assert!(moves <= most, "{moves} moves by {step} to {end} bytes");
    }
}

#[test]
fn so_do_two_that_grow_in_turn() {
    let (step, end) = (100, 2 << 20);
    let mut blocks = [Block::some(step, 1), Block::some(step, 2)];
    let mut moves = [0; 2];
    for size in (step..=end).step_by(step) {
        for (block, moves) in blocks.iter_mut().zip(&mut moves) {
            *moves += grow(block, step, size);
        }
    }
    let most = few(end / step);
    assert!(moves.iter().all(|moves| *moves <= most), "{moves:?} moves");
}

#[test]
fn shrinking_by_one_element_moves_seldom() {
    for (step, start) in [(1, 10_000), (64, 1 << 20)] {
        let mut block = Block::some(start, 3);
        let mut moves = 0;
        while block.layout().size() > step {
            let place = block.address();
            assert!(block.realloc_unseen(block.layout().size() - step));
            moves += usize::from(block.address() != place);
        }
        block.check();
        let most = few(start / step);
        assert!(moves <= most, "{moves} moves by {step} from {start} bytes");
    }
}

#[test]
fn contents_go_along() {
    // Every pair of sizes around what changes how a block is kept.
    let sizes = [
        1,
        8,
        64,
        65,
        1000,
        4096,
        8192,
        32 << 10,
        (32 << 10) + 1,
        64 << 10,
        100_000,
        1 << 20,
        2 << 20,
        (2 << 20) + 1,
        5 << 20,
    ];
    for from in sizes {
        for to in sizes {
            let mut block = Block::some(from, (from + to) as u64);
            assert!(block.realloc(to));
            assert!(block.resize(from, 1));
        }
    }
}

#[test]
fn large_blocks_double() {
    let mut block = Block::some(1 << 20, 7);
    // Something behind it, so that it must move.
    let _others: Vec<_> = (0..5).map(|n| Block::some(1 << 20, n)).collect();
    for log in 21..=26 {
        assert!(block.realloc(1 << log));
    }
    for log in (10..=25).rev() {
        assert!(block.realloc(1 << log));
    }
}

#[test]
fn alignment_is_kept_by_realloc_and_changed_by_resize() {
    for n in 0..2000 {
        let random = |what: u64| mixed(4 * n + what);
        let align = |what| 1 << (random(what) % 14);
        let mut block =
            Block::new(size_up_to(16, random(0)), align(1), n).expect("there is memory");
        // That the alignment holds is looked at whenever a block is filled.
        assert!(block.realloc(size_up_to(16, random(2))));
        assert!(block.resize(size_up_to(16, random(3)), align(2)));
        assert!(block.realloc(size_up_to(16, random(1))));
    }
}

/// A block may be aligned better than was asked for. Who asks for that later keeps it where it is, and its
/// layout then says more than its slot has.
#[test]
fn alignment_by_chance_is_no_size() {
    for size in [8, 32, 100, 1000, 5000] {
        let blocks: Vec<_> = (0..(1 << 20) / size)
            .map(|n| Block::some(size, n as u64))
            .collect();
        let mut seen = 0;
        for mut block in blocks {
            let align = 1 << block.address().trailing_zeros().min(16);
            if align >= 4096 {
                seen += 1;
                assert!(block.resize(size - 1, align));
                // How large it is now is looked at.
                assert!(block.realloc(align - 1));
                assert!(block.resize(size, 1));
            }
        }
        assert!(seen > 0, "a span begins with a page");
    }
}

/// A slot of 24 bytes lies at a multiple of 16 every other time.
#[test]
fn a_block_moves_to_be_aligned() {
    let blocks: Vec<_> = (0..20).map(|n| Block::some(24, n)).collect();
    for mut block in blocks {
        assert!(block.resize(16, 16), "there is memory");
        block.check();
    }
}
