//! Why there is no block, or why an id names none.
#![forbid(unsafe_code)]

use alloc::boxed::Box;
use core::{alloc::Layout, error::Error, fmt};

use super::budget::BudgetError;
use crate::error::OutOfMemory;

/// There is no block for a request; nothing has changed.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::blocks::BlockAllocator;
///
/// let blocks = BlockAllocator::new(1 << 20);
/// let error = blocks.try_alloc(Layout::new::<[u8; 2 << 20]>()).unwrap_err();
/// assert!(error.is_too_large());
/// assert!(error.to_string().contains("1048576"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockError {
    // Apart, so that a result with a block in it is two words.
    problem: Box<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    TooLarge { layout: Layout, most: usize },
    Budget(BudgetError),
    Memory(OutOfMemory),
    Reserved { needed: usize, reserved: usize },
    OtherBudget,
}

impl BlockError {
    pub(super) fn too_large(layout: Layout, most: usize) -> Self {
        Self {
            problem: Box::new(Problem::TooLarge { layout, most }),
        }
    }

    pub(super) fn reserved(needed: usize, reserved: usize) -> Self {
        Self {
            problem: Box::new(Problem::Reserved { needed, reserved }),
        }
    }

    pub(super) fn other_budget() -> Self {
        Self {
            problem: Box::new(Problem::OtherBudget),
        }
    }

    /// Whether no block is so large, or so aligned: waiting would not help.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(*self.problem, Problem::TooLarge { .. })
    }

    /// What the budget said, if it refused: waiting may help.
    #[must_use]
    pub fn budget(&self) -> Option<&BudgetError> {
        match &*self.problem {
            Problem::Budget(error) => Some(error),
            _ => None,
        }
    }

    /// What the provider refused, if there were bytes in the budget and no memory behind them.
    #[must_use]
    pub fn out_of_memory(&self) -> Option<OutOfMemory> {
        match *self.problem {
            Problem::Memory(error) => Some(error),
            _ => None,
        }
    }

    /// Whether a reservation had too few bytes left for a block.
    #[must_use]
    pub fn is_beyond_reservation(&self) -> bool {
        matches!(*self.problem, Problem::Reserved { .. })
    }
}

impl From<BudgetError> for BlockError {
    fn from(error: BudgetError) -> Self {
        Self {
            problem: Box::new(Problem::Budget(error)),
        }
    }
}

impl From<OutOfMemory> for BlockError {
    fn from(error: OutOfMemory) -> Self {
        Self {
            problem: Box::new(Problem::Memory(error)),
        }
    }
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.problem {
            Problem::TooLarge { layout, most } => write!(
                f,
                "no block has {} bytes aligned to {}: the largest has {most}, and the most aligned is aligned to 4096",
                layout.size(),
                layout.align(),
            ),
            Problem::Budget(error) => error.fmt(f),
            Problem::Memory(error) => error.fmt(f),
            Problem::Reserved { needed, reserved } => write!(
                f,
                "the block is charged {needed} bytes, and the reservation has {reserved} left"
            ),
            Problem::OtherBudget => {
                f.write_str("the reservation is one of another budget than the allocator's")
            }
        }
    }
}

impl Error for BlockError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.problem {
            Problem::Budget(error) => Some(error),
            Problem::Memory(error) => Some(error),
            _ => None,
        }
    }
}

/// Bytes that a block does not have were asked for; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    offset: usize,
    len: usize,
    most: usize,
}

impl OutOfBounds {
    pub(super) const fn new(offset: usize, len: usize, most: usize) -> Self {
        Self { offset, len, most }
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, len, most } = self;
        write!(
            f,
            "{len} bytes from {offset} on are beyond the block's {most}"
        )
    }
}

impl Error for OutOfBounds {}

/// An id of a block that is gone: the index is another block's now, or nobody's.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::blocks::BlockAllocator;
///
/// let blocks = BlockAllocator::new(1 << 20);
/// let id = blocks.detach(blocks.try_alloc(Layout::new::<u64>())?).unwrap();
/// blocks.free(id)?;
/// let stale = blocks.free(id).unwrap_err().stale().unwrap();
/// assert_eq!((stale.expected, stale.found), (0, 1));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "InvalidGeneration")]
pub struct StaleBlock {
    /// The generation of the id.
    pub expected: u32,
    /// The generation that its index has now.
    pub found: u32,
}

impl fmt::Display for StaleBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, found } = self;
        write!(
            f,
            "the block is gone: its id is of generation {expected}, and the index is at {found}"
        )
    }
}

impl Error for StaleBlock {}

/// An id, or a block, that cannot be used like that; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockIdError {
    problem: IdProblem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IdProblem {
    Stale(StaleBlock),
    Attached,
    Foreign,
    Bounds(OutOfBounds),
}

impl BlockIdError {
    pub(super) const fn attached() -> Self {
        Self {
            problem: IdProblem::Attached,
        }
    }

    pub(super) const fn foreign() -> Self {
        Self {
            problem: IdProblem::Foreign,
        }
    }

    /// The two generations, if the block is gone.
    #[must_use]
    pub const fn stale(&self) -> Option<StaleBlock> {
        match self.problem {
            IdProblem::Stale(stale) => Some(stale),
            _ => None,
        }
    }

    /// Whether somebody has the [`Block`](super::Block), and the id is no right to it.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        matches!(self.problem, IdProblem::Attached)
    }

    /// Whether id or block are of another allocator.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(self.problem, IdProblem::Foreign)
    }
}

impl From<StaleBlock> for BlockIdError {
    fn from(stale: StaleBlock) -> Self {
        Self {
            problem: IdProblem::Stale(stale),
        }
    }
}

impl From<OutOfBounds> for BlockIdError {
    fn from(bounds: OutOfBounds) -> Self {
        Self {
            problem: IdProblem::Bounds(bounds),
        }
    }
}

impl fmt::Display for BlockIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            IdProblem::Stale(stale) => stale.fmt(f),
            IdProblem::Attached => f.write_str("the block is not detached: somebody has it"),
            IdProblem::Foreign => f.write_str("it is of another allocator"),
            IdProblem::Bounds(bounds) => bounds.fmt(f),
        }
    }
}

impl Error for BlockIdError {}
