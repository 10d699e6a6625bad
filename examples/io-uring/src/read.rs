//! A whole file, in order, in blocks.

use std::{
    alloc::Layout,
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use anyhow::{Context, Result, anyhow, ensure};
use flagstone::blocks::{Block, BlockAllocator, BlockAllocatorConfig, BlockView};

use crate::ring::Ring;

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes of a read.
    pub block: usize,
    /// Reads at once.
    pub depth: u32,
}

/// Bytes of the smallest and the largest blocks. Smaller ones share slabs.
const LEAST: usize = 32 << 10;
const MOST: usize = 16 << 20;

/// Most reads at once.
const MOST_READS: u32 = 256;

impl Shape {
    /// One size for all blocks, the last of a file included: blocks of other sizes could lie in memory
    /// that was not there when it was registered.
    fn layout(self) -> Layout {
        Layout::array::<u8>(self.block).expect("checked when the allocator was made")
    }

    /// An allocator with as many blocks as there are reads at once, and one that is looked at, all of its
    /// memory there from the start, so that it can be registered.
    ///
    /// # Errors
    ///
    /// If there are no such blocks, or not so many.
    pub fn allocator(self) -> Result<BlockAllocator> {
        ensure!(
            (1..=MOST_READS).contains(&self.depth),
            "{} reads at once are not possible: 1 to {MOST_READS} are",
            self.depth
        );
        ensure!(
            (LEAST..=MOST).contains(&self.block) && self.block.is_power_of_two(),
            "blocks of {} bytes are not possible: powers of two from {LEAST} to {MOST} are",
            self.block
        );
        let memory = self.block * (self.depth as usize + 1);
        let config = BlockAllocatorConfig::builder()
            .max_memory(memory)
            .max_block_size(self.block)
            .initial_pool_size(memory)
            .build()?;
        BlockAllocator::with_config(config).context("there is no memory for the blocks")
    }
}

/// Reads all of `file`, and shows `seen` each block in order: with the ring, if there is one, and else one
/// block after the other. A view that `seen` keeps stays charged.
///
/// # Errors
///
/// If the file cannot be read, became shorter meanwhile, or if `seen` keeps so many views that there are no
/// blocks.
pub fn read(
    file: &File,
    blocks: &BlockAllocator,
    shape: Shape,
    ring: Option<Ring>,
    mut seen: impl FnMut(BlockView),
) -> Result<()> {
    match ring {
        Some(ring) => with_ring(file, blocks, shape, ring, &mut seen),
        None => one_by_one(file, blocks, shape, &mut seen),
    }
}

fn with_ring(
    file: &File,
    blocks: &BlockAllocator,
    shape: Shape,
    mut ring: Ring,
    seen: &mut dyn FnMut(BlockView),
) -> Result<()> {
    let len = file.metadata()?.len();
    let (mut asked, mut shown) = (0, 0);
    // What came before its turn.
    let mut early = BTreeMap::new();
    while shown < len {
        while asked < len && ring.flying() + early.len() < shape.depth as usize {
            start(&mut ring, asked, blocks.try_alloc(shape.layout())?)?;
            asked += shape.block as u64;
        }
        let answer = ring.finish().context("the file cannot be read")?;
        let (at, mut block, count) = answer.context("nothing is under way")?;
        ensure!(count > 0, "the file became shorter while it was read");
        // It may have become longer.
        block.truncate(usize::try_from(len - at).unwrap_or(usize::MAX));
        if block.len() < block.capacity() && at + (block.len() as u64) < len {
            // Less than was asked for, which the kernel may do.
            start(&mut ring, at, block)?;
            continue;
        }
        early.insert(at, block.freeze());
        while let Some(view) = early.remove(&shown) {
            shown += view.len() as u64;
            seen(view);
        }
    }
    Ok(())
}

fn start(ring: &mut Ring, at: u64, block: Block) -> Result<()> {
    let refused = ring.start(at, block);
    ensure!(
        refused.is_ok(),
        "the block lies in memory that is not registered"
    );
    Ok(())
}

/// What any system can: no addresses are given to anybody.
fn one_by_one(
    mut file: &File,
    blocks: &BlockAllocator,
    shape: Shape,
    seen: &mut dyn FnMut(BlockView),
) -> Result<()> {
    let len = file.metadata()?.len();
    let mut shown = 0;
    file.seek(SeekFrom::Start(0))?;
    while shown < len {
        let mut block = blocks.try_alloc(shape.layout())?;
        let left = usize::try_from(len - shown).unwrap_or(usize::MAX);
        block.resize(left.min(shape.block))?;
        file.read_exact(&mut block)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    anyhow!("the file became shorter while it was read")
                }
                _ => anyhow!(error).context("the file cannot be read"),
            })?;
        shown += block.len() as u64;
        seen(block.freeze());
    }
    Ok(())
}
