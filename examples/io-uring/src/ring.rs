//! Reads of one file that the kernel does meanwhile, into blocks that it knows.
//!
//! The one file of this example with `unsafe`: the kernel writes where it was told to, whatever becomes of
//! this program's values. It can be read by itself.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "the kernel is given addresses")
)]

#[cfg(target_os = "linux")]
pub use on_linux::Ring;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::Ring;

#[cfg(target_os = "linux")]
mod on_linux {
    use std::{fmt, fs::File, io, mem, os::fd::AsRawFd};

    use bytes::BufMut;
    use flagstone::blocks::{Block, BlockAllocator, BlockRegions};
    use io_uring::{IoUring, opcode::ReadFixed, types::Fd};

    /// A ring with the memory of an allocator registered.
    ///
    /// 1. While the ring is there, so is all that is registered: `regions` keep it, and are dropped later.
    /// 2. `flying[n]` is the block that the kernel may write to until it has answered `n`. Nobody else
    ///    reaches it meanwhile.
    /// 3. The ring ends after all answers, or never; then the blocks that it may write to never do, either.
    pub struct Ring {
        ring: mem::ManuallyDrop<IoUring>,
        flying: Vec<Option<Flying>>,
        regions: BlockRegions,
        file: File,
    }

    struct Flying {
        block: Block,
        at: u64,
    }

    impl Ring {
        /// A ring for up to `depth` reads of `file` at once. All memory that `blocks` has now is
        /// registered, so it should have got all of it (`initial_pool_size`), in whole slabs.
        ///
        /// # Errors
        ///
        /// If the kernel has no `io_uring`, does not let this program use it, or does not let it have so
        /// much memory registered.
        pub fn new(file: &File, blocks: &BlockAllocator, depth: u32) -> io::Result<Self> {
            let file = file.try_clone()?;
            let ring = IoUring::new(depth)?;
            let regions = blocks.regions();
            let vectors: Vec<_> = regions
                .iter()
                .map(|region| libc::iovec {
                    iov_base: region.start.as_ptr().cast(),
                    iov_len: region.len,
                })
                .collect();
            // SAFETY: mapped as long as `regions`, which outlive the ring (1).
            unsafe { ring.submitter().register_buffers(&vectors)? };
            Ok(Self {
                ring: mem::ManuallyDrop::new(ring),
                flying: (0..depth).map(|_| None).collect(),
                regions,
                file,
            })
        }

        /// How many reads are not answered.
        #[must_use]
        pub fn flying(&self) -> usize {
            self.flying.iter().flatten().count()
        }

        /// Lets the kernel read into the room that `block` has: what comes after its bytes in the file, of
        /// which the first is at `at`.
        ///
        /// # Errors
        ///
        /// The block, if as many reads as may be are under way, or it lies in memory that is not
        /// registered.
        pub fn start(&mut self, at: u64, mut block: Block) -> Result<(), Block> {
            let (region, _) = block.place();
            let registered = self.regions.iter().position(|it| it.index == region);
            let registered = registered.and_then(|place| u16::try_from(place).ok());
            let free = self.flying.iter().position(Option::is_none);
            let (Some(registered), Some(free)) = (registered, free) else {
                return Err(block);
            };
            let offset = at + block.len() as u64;
            let room = block.spare_mut();
            let len = u32::try_from(room.len()).unwrap_or(u32::MAX);
            let read = ReadFixed::new(
                Fd(self.file.as_raw_fd()),
                room.as_mut_ptr().cast(),
                len,
                registered,
            );
            let read = read.offset(offset).build().user_data(free as u64);
            // SAFETY: the room is the block's, which stays in `flying` until the answer (2, 3); the file is
            // open as long as `self`.
            let pushed = unsafe { self.ring.submission().push(&read) };
            if pushed.is_err() {
                return Err(block);
            }
            self.flying[free] = Some(Flying { block, at });
            Ok(())
        }

        /// Waits for an answer: where the block begins, the block, and how many bytes it has got, which may be
        /// fewer than there was room for and are 0 at the end of the file. `None` if nothing is under way.
        ///
        /// # Errors
        ///
        /// What the kernel says of the read, or of the ring.
        pub fn finish(&mut self) -> io::Result<Option<(u64, Block, usize)>> {
            if self.flying() == 0 {
                return Ok(None);
            }
            let answer = loop {
                if let Some(answer) = self.ring.completion().next() {
                    break answer;
                }
                match self.ring.submit_and_wait(1) {
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                    _ => {}
                }
            };
            let flying = usize::try_from(answer.user_data())
                .ok()
                .and_then(|number| self.flying.get_mut(number)?.take());
            let Some(Flying { mut block, at }) = flying else {
                return Err(io::Error::other("the kernel answers what nobody asked"));
            };
            let count = usize::try_from(answer.result())
                .map_err(|_| io::Error::from_raw_os_error(-answer.result()))?;
            // SAFETY: the kernel has written so many bytes to the start of the room, and never says more
            // than it was asked for; it is done with the block.
            unsafe { block.advance_mut(count) };
            Ok(Some((at, block, count)))
        }
    }

    impl Drop for Ring {
        fn drop(&mut self) {
            while self.flying() > 0 {
                let before = self.flying();
                if self.finish().is_err() && self.flying() == before {
                    // It was no read that failed, so nobody says when the kernel is done.
                    mem::forget(mem::take(&mut self.flying));
                    return;
                }
            }
            // SAFETY: dropped once, here.
            unsafe { mem::ManuallyDrop::drop(&mut self.ring) };
        }
    }

    impl fmt::Debug for Ring {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Ring")
                .field("regions", &self.regions)
                .field("flying", &self.flying())
                .finish_non_exhaustive()
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::{fs::File, io};

    use flagstone::blocks::{Block, BlockAllocator};

    /// There is none.
    #[derive(Debug)]
    pub enum Ring {}

    impl Ring {
        /// # Errors
        ///
        /// Always.
        pub fn new(_: &File, _: &BlockAllocator, _: u32) -> io::Result<Self> {
            let what = "only Linux has it";
            Err(io::Error::new(io::ErrorKind::Unsupported, what))
        }

        /// Nothing is.
        #[must_use]
        pub fn flying(&self) -> usize {
            match *self {}
        }

        /// # Errors
        ///
        /// Never called.
        pub fn start(&mut self, _: u64, _: Block) -> Result<(), Block> {
            match *self {}
        }

        /// # Errors
        ///
        /// Never called.
        pub fn finish(&mut self) -> io::Result<Option<(u64, Block, usize)>> {
            match *self {}
        }
    }
}
