//! Where what was read waits until it is written.

use anyhow::{Context, Result, ensure};
use bytesize::ByteSize;
use flagstone::blocks::{BlockAllocator, BlockAllocatorConfig, Scope};

/// Bytes of one read, at most.
pub(crate) const CHUNK: usize = 64 << 10;

/// Least budget: a chunk guaranteed each way, and some to share.
const LEAST: usize = 16 * CHUNK;

/// The memory of a proxy.
#[derive(Clone, Debug)]
pub enum Memory {
    /// Blocks under a budget.
    Budget(Budgeted),
    /// As many buffers as it takes.
    Unbounded,
}

/// Blocks of all connections together.
#[derive(Clone, Debug)]
pub struct Budgeted {
    blocks: BlockAllocator,
    to_server: Scope,
    to_client: Scope,
    queue: usize,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

impl Budgeted {
    /// `budget` bytes for all connections, of which each may have `per_connection` each way.
    ///
    /// # Errors
    ///
    /// If the budget is too small to pass anything on, or a connection's part is not between one chunk and
    /// the budget.
    pub fn new(budget: usize, per_connection: usize) -> Result<Self> {
        let shown = |bytes: usize| ByteSize(bytes as u64);
        ensure!(
            budget >= LEAST,
            "a budget of {} is too small: at least {} are needed",
            shown(budget),
            shown(LEAST)
        );
        ensure!(
            (2 * CHUNK..=budget).contains(&per_connection),
            "a connection cannot have {}: {} to {} are possible",
            shown(per_connection),
            shown(2 * CHUNK),
            shown(budget)
        );
        let config = BlockAllocatorConfig::builder()
            .max_memory(budget)
            .max_block_size(CHUNK)
            .build()
            .context("the budget is not possible")?;
        let blocks = BlockAllocator::with_config(config)?;
        // If both ways had only what all share, one could have all of it, for a server that reads nothing
        // because nobody takes its answers, which are what the other way has no memory for.
        let way = |name| blocks.budget().scope(name).guarantee(budget / 8).build();
        Ok(Self {
            to_server: way("to the server")?,
            to_client: way("to the client")?,
            // As many again are being written.
            queue: per_connection / CHUNK / 2,
            blocks,
        })
    }

    /// The allocator.
    #[must_use]
    pub fn blocks(&self) -> &BlockAllocator {
        &self.blocks
    }

    pub(crate) fn scope(&self, way: Way) -> &Scope {
        match way {
            Way::ToServer => &self.to_server,
            Way::ToClient => &self.to_client,
        }
    }

    /// Blocks of one connection that may wait to be written, each way.
    pub(crate) fn queue(&self) -> usize {
        self.queue
    }
}
