//! What threads do with blocks for long, in schedules drawn by chance; and the same with a bug planted.
//!
//! Threads have no caches here: a model's threads are one of the system, and so are their thread-locals.
//! What a cache and those who empty it do is explored in `raw/turn.rs`.
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test -p flagstone --lib blocks::long_models
//! ```

use alloc::vec::Vec;
use core::alloc::Layout;

use super::{
    Block, BlockAllocator, BlockAllocatorConfig, BlockView, Budget,
    budget::long_models::{Dice, Task, all_get_their_answers},
};
use crate::{
    provider::Global,
    sync::model::{explore, finds, thread},
};

/// Room for so many blocks of the smallest size.
const BLOCKS: usize = 6;
const SMALL: usize = 4096;
const THREADS: u64 = 3;
const STEPS: u64 = 8;

struct User {
    blocks: BlockAllocator,
    held: Vec<Block>,
    views: Vec<BlockView>,
    waiting: Vec<Task<Block>>,
}

impl User {
    fn step(&mut self, dice: &mut Dice) {
        let size = SMALL << dice.below(2);
        let layout = Layout::array::<u8>(size).unwrap();
        match dice.below(12) {
            0..=2 => {
                let blocks = self.blocks.clone();
                match Task::ask(async move { blocks.alloc(layout).await.ok() }) {
                    Ok(done) => self.held.extend(done),
                    Err(task) => self.waiting.push(task),
                }
            }
            3 => self.held.extend(self.blocks.try_alloc(layout).ok()),
            4 => self.held.extend(self.blocks.force_alloc(layout).ok()),
            5 => {
                let view = self.held.pop().map(Block::freeze);
                self.views.extend(view.clone());
                self.views.extend(view);
            }
            6 => {
                let part = self.held.last_mut().map(|block| {
                    let _fits = block.write(0, b"twenty bytes of text");
                    block.split_off(block.len() / 2)
                });
                self.held.extend(part);
            }
            7 => drop(self.waiting.pop()),
            8 => {
                let _freed = self.blocks.trim();
            }
            9 => drop(self.views.pop()),
            10 => {
                if let Some(block) = self.held.pop() {
                    let id = self.blocks.detach(block).unwrap();
                    self.held.extend(self.blocks.attach(id).ok());
                }
            }
            _ => drop(self.held.pop()),
        }
    }
}

fn long_use() {
    let memory = BLOCKS * SMALL;
    let config = BlockAllocatorConfig::builder()
        .max_memory(memory)
        .min_block_size(SMALL)
        .max_block_size(2 * SMALL)
        .max_caches(0)
        .shared_cache_bytes(memory)
        .overdraft(SMALL);
    let budget = Budget::new(memory).unwrap();
    let config = config.build().unwrap();
    let blocks = BlockAllocator::with_parts(config, budget, Global).unwrap();
    let users: Vec<_> = (1..=THREADS)
        .map(|number| {
            let mut user = User {
                blocks: blocks.clone(),
                held: Vec::new(),
                views: Vec::new(),
                waiting: Vec::new(),
            };
            thread::spawn(move || {
                let mut dice = Dice::new(number);
                for _ in 0..STEPS {
                    user.step(&mut dice);
                }
                user.held.clear();
                user.views.clear();
                user.waiting
            })
        })
        .collect();
    let mut waiting = Vec::new();
    for user in users {
        waiting.append(&mut user.join().unwrap());
    }
    all_get_their_answers(waiting);
    let seen = blocks.audit().unwrap();
    assert_eq!((seen.in_use, seen.charged), (0, seen.cached()));
    blocks.trim();
    let seen = blocks.budget().snapshot();
    assert_eq!(
        (seen.charged, seen.waiting, seen.unclaimed, seen.beside),
        (0, 0, 0, 0)
    );
}

#[test]
fn blocks_in_long_use() {
    explore(long_use);
}

#[test]
fn a_cache_that_keeps_what_others_wait_for_is_found() {
    finds("blocks: kept although somebody waits", long_use);
}
