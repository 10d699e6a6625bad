//! What is known of a guarded block.

use core::fmt;

use crate::raw::heap::Guarded;

/// A block of the few that are guarded, as it is, or was when it was freed: what a program did to it can be told.
///
/// Blocks are guarded with [`HeapOptions::sampled`](super::HeapOptions::sampled).
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::heap::{HeapOptions, LocalHeap};
/// use flagstone::provider::OsPages;
///
/// let heap = LocalHeap::with_options_in(HeapOptions::new().sampled(1), OsPages);
/// let layout = Layout::new::<[u64; 3]>();
/// let blocks: Vec<_> = (0..300).map(|_| heap.alloc(layout).unwrap().cast::<u8>()).collect();
/// let guarded = blocks.iter().find_map(|block| heap.guarded_block(block.as_ptr()));
/// if cfg!(target_os = "linux") {
///     let guarded = guarded.expect("at least one of 300 is");
///     assert_eq!(guarded.size(), 24);
///     assert!(!guarded.is_freed());
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GuardedBlock {
    guarded: Guarded,
}

impl GuardedBlock {
    pub(super) const fn new(guarded: Guarded) -> Self {
        Self { guarded }
    }

    /// Where it begins.
    #[must_use]
    pub const fn address(&self) -> usize {
        self.guarded.block
    }

    /// How many bytes it was allocated with.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.guarded.size
    }

    /// Whether it was freed.
    #[must_use]
    pub const fn is_freed(&self) -> bool {
        self.guarded.is_freed
    }

    /// Return addresses of the calls in which it was allocated, the innermost first, 16 at most. None where there
    /// is no unwinder.
    pub fn allocated_at(&self) -> impl Iterator<Item = usize> + use<> {
        self.guarded
            .made
            .into_iter()
            .take_while(|&frame| frame != 0)
    }

    /// The same of the call that freed it.
    pub fn freed_at(&self) -> impl Iterator<Item = usize> + use<> {
        self.guarded
            .freed
            .into_iter()
            .take_while(|&frame| frame != 0)
    }

    /// What a program did that touched `address`, which is in the block's slice.
    pub(super) fn touched(&self, address: usize) -> Touched<'_> {
        Touched {
            block: self,
            address,
        }
    }
}

impl fmt::Display for GuardedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_freed() { "freed" } else { "in use" };
        write!(
            f,
            "a block of {} bytes at {:#x}, {state}",
            self.size(),
            self.address()
        )
    }
}

/// Where a block was touched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched<'b> {
    block: &'b GuardedBlock,
    address: usize,
}

impl fmt::Display for Touched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (
            self.block.address(),
            self.block.address() + self.block.size(),
        );
        let address = self.address;
        if address < start {
            write!(f, "{address:#x} is {} bytes before ", start - address)?;
        } else if address >= end {
            write!(
                f,
                "{address:#x} is {} bytes behind the end of ",
                address - end
            )?;
        } else {
            write!(f, "{address:#x} is byte {} of ", address - start)?;
        }
        self.block.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn where_a_block_was_touched_is_said() {
        let guarded = |is_freed| {
            GuardedBlock::new(Guarded {
                block: 0x1000,
                size: 24,
                is_freed,
                made: [0; _],
                freed: [0; _],
            })
        };
        for (address, freed, expected) in [
            (
                0xffe,
                false,
                "0xffe is 2 bytes before a block of 24 bytes at 0x1000, in use",
            ),
            (
                0x1017,
                true,
                "0x1017 is byte 23 of a block of 24 bytes at 0x1000, freed",
            ),
            (
                0x1018,
                false,
                "0x1018 is 0 bytes behind the end of a block of 24 bytes at 0x1000, in use",
            ),
        ] {
            assert_eq!(guarded(freed).touched(address).to_string(), expected);
        }
    }
}
