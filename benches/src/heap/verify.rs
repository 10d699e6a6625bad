//! Every allocator gives blocks that nobody else has, and keeps what lies in them; every workload runs with
//! every allocator.

use super::{
    allocator::{Allocator, of_each_allocator},
    block::{Block, Fixed},
    churn::{Between, Dice, Sizes as _},
    heaps,
};
use crate::{
    race::Settings,
    report::{Environment, Page, Table},
};

/// Blocks that live at once.
const LIVE: usize = 500;

/// All bytes that `count` says are there and are `byte`.
#[expect(unsafe_code, reason = "reads what was written to a block")]
fn holds<A: Allocator>(block: &Block<A>, count: usize, byte: u8) {
    // SAFETY: written by who calls this, or zeros of `zeroed`.
    let bytes = unsafe { block.bytes(count) };
    assert!(
        bytes.iter().all(|&found| found == byte),
        "{} lost what was in a block",
        A::NAME
    );
}

/// Fills blocks of many sizes, resizes and replaces them, and reads each before it goes.
fn keeps_blocks<A: Allocator>() {
    let (sizes, mut dice) = (Between(8, 3000), Dice::new(1));
    let mut live: Vec<(Block<A>, usize, u8)> = Vec::new();
    for at in 0..4 * LIVE {
        let (size, byte) = (sizes.pick(&mut dice), at as u8);
        let mut block = Block::new(size, 0);
        block.fill(byte);
        live.push((block, size, byte));
        if live.len() == LIVE {
            let (block, kept, byte) = &mut live[dice.below(LIVE as u64)];
            let size = sizes.pick(&mut dice);
            block.resize(size);
            *kept = size.min(*kept);
            holds(block, *kept, *byte);
            let (block, kept, byte) = live.swap_remove(dice.below(LIVE as u64));
            holds(&block, kept, byte);
        }
    }
    live.iter()
        .for_each(|(block, kept, byte)| holds(block, *kept, *byte));
}

/// Zeros are zeros, where something else was before.
fn zeroes<A: Allocator>() {
    for size in [64, 10_000, 64 << 10, 4 << 20] {
        for _ in 0..3 {
            let mut block = Block::<A>::zeroed(size);
            holds(&block, size, 0);
            block.fill(7);
        }
    }
}

/// Small blocks on cache lines of their own.
fn aligns<A: Allocator>() {
    let blocks: Vec<Fixed<A, 40, 64>> = (0..LIVE as u64).map(Fixed::new).collect();
    for (word, block) in blocks.iter().enumerate() {
        assert!(block.place().addr().get().is_multiple_of(64), "{}", A::NAME);
        assert_eq!(block.word(), word as u64, "{} lost a word", A::NAME);
    }
}

#[test]
fn allocators_keep_blocks() {
    of_each_allocator!(keeps_blocks);
}

#[test]
fn allocators_zero() {
    of_each_allocator!(zeroes);
}

#[test]
fn allocators_align() {
    of_each_allocator!(aligns);
}

/// One short window for each event and contender is enough to see that everything runs and has its row.
#[test]
fn every_event_runs_and_is_reported() -> anyhow::Result<()> {
    let settings = Settings {
        rounds: 1,
        window: std::time::Duration::from_micros(1),
    };
    let events = heaps(true);
    let tables = events
        .iter()
        .map(|event| Table::new(event, event.run(settings)));
    let page = Page {
        title: "",
        command: "",
        environment: Environment::observe(&[])?,
        settings,
        tables: tables.collect(),
    };
    let page = page.to_string();
    let rows = page.lines().filter(|line| line.starts_with("| "));
    for event in &events {
        let row = rows
            .clone()
            .find(|row| row.starts_with(&format!("| {} |", event.title)));
        assert!(row.is_some(), "no row for {}", event.slug);
    }
    assert!(page.contains("geometric mean"));
    Ok(())
}
