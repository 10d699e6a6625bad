//! The door to blocks.
#![forbid(unsafe_code)]

use alloc::{sync::Arc, vec::Vec};
use core::{
    alloc::Layout,
    fmt,
    future::Future,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::NonNull,
    time::Duration,
};

use super::{
    block::{Block, read_part, write_part},
    budget::{Budget, BudgetConfig, Capacity, Charge, Reservation, Scope},
    config::{BlockAllocatorConfig, Oversize},
    core::{Core, end_part, seen},
    error::{BlockError, BlockIdError, OutOfBounds},
    id::BlockId,
    report::{BlockAuditError, BlockSnapshot, audit},
};
use crate::{
    error::{ConfigError, OutOfMemory},
    provider::Provider,
    raw::{
        region::{Region, Source},
        wait::Panicked,
    },
};

/// Blocks of bytes under a [`Budget`], pooled, for any thread and any executor. Clones share everything.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::blocks::BlockAllocator;
///
/// let blocks = BlockAllocator::new(1 << 20);
/// let mut block = blocks.try_alloc(Layout::new::<[u8; 4096]>())?;
/// block.extend_from_slice(b"request")?;
/// let view = block.freeze();
/// let copy = view.clone();
/// std::thread::spawn(move || assert_eq!(*copy, *b"request")).join().unwrap();
/// drop(blocks);
/// assert_eq!(*view, *b"request");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// What a block is charged is the size of its class: with four sizes for every doubling at most a fifth
/// more than was asked for. Free blocks stay charged while they are cached; when the budget is short, all
/// caches of all threads are emptied before anybody is refused or waits, so all of it can be had.
///
/// | call | cost |
/// |---|---|
/// | [`try_alloc`](Self::try_alloc), drop of a block | about ten nanoseconds, from and to the thread's cache |
/// | the same, every some 32 blocks (fewer of large ones) | a lock of their size, for a whole magazine |
/// | the same, when the caches are empty or full | the lock of the store, and the budget's atomic |
/// | [`snapshot`](Self::snapshot), [`trim`](Self::trim) | a system call; threads that allocate meanwhile use the second tier |
#[derive(Clone)]
#[doc(alias = "AtomAlloc")]
pub struct BlockAllocator {
    door: Arc<Door>,
}

/// What the handles of an allocator have in common; its end is that of the last one.
struct Door {
    core: Arc<Core>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.core.close();
    }
}

/// Memory that blocks lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRegion {
    /// Its number: what [`Block::place`] says.
    pub index: usize,
    /// The first byte.
    pub start: NonNull<u8>,
    /// Bytes, at most 1 GiB.
    pub len: usize,
}

/// Regions that stay as long as this does, to be registered with a device or kernel: from
/// [`BlockAllocator::regions`].
///
/// Registering makes addresses known and gives no right to the bytes: which of them a device may write
/// to says a block that somebody has, by its [`place`](Block::place).
///
/// Meanwhile their memory stays where it is, also what no block is in: it is neither purged nor trimmed,
/// and their numbers are not given to others.
pub struct BlockRegions {
    regions: Vec<Arc<Region>>,
}

impl BlockRegions {
    /// The regions, by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = BlockRegion> {
        self.regions.iter().map(|region| BlockRegion {
            index: region.number() as usize,
            start: region.start(),
            len: region.len(),
        })
    }
}

impl Drop for BlockRegions {
    fn drop(&mut self) {
        for region in &self.regions {
            region.unexport();
        }
    }
}

impl fmt::Debug for BlockRegions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The provider of those who name none.
#[cfg(all(feature = "heap", unix))]
const PROVIDER: crate::provider::OsPages = crate::provider::OsPages;
#[cfg(not(all(feature = "heap", unix)))]
const PROVIDER: crate::provider::Global = crate::provider::Global;

impl BlockAllocator {
    /// An allocator whose blocks have `max_memory` bytes at most, all other knobs unset.
    ///
    /// Asks for no memory yet: the first block does.
    ///
    /// # Panics
    ///
    /// Below 4096 bytes, and above half of what addresses can say.
    #[must_use]
    #[track_caller]
    pub fn new(max_memory: usize) -> Self {
        let config = BlockAllocatorConfig::builder().max_memory(max_memory);
        match config.build().and_then(Self::with_config) {
            Ok(allocator) => allocator,
            Err(error) => panic!("{error}"),
        }
    }

    /// An allocator with these knobs, on pages of the operating system, or on the global allocator
    /// where there are none.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is no memory for `initial_pool_size`.
    pub fn with_config(config: BlockAllocatorConfig) -> Result<Self, ConfigError> {
        let capacity = Capacity::Bytes(config.max_memory());
        let budget = BudgetConfig::new(capacity).order(config.order()).build()?;
        Self::with_parts(config, budget, PROVIDER)
    }

    /// An allocator that charges its blocks to a budget that others use, too, and takes memory from
    /// `provider`. The budget's capacity counts, not `max_memory`.
    ///
    /// ```
    /// use flagstone::blocks::{BlockAllocator, BlockAllocatorConfig, Budget};
    /// use flagstone::provider::Global;
    ///
    /// let budget = Budget::new(1 << 20)?;
    /// let config = BlockAllocatorConfig::builder().max_memory(1 << 20).build()?;
    /// let requests = BlockAllocator::with_parts(config, budget.clone(), Global)?;
    /// let responses = BlockAllocator::with_parts(config, budget, Global)?;
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is no memory for `initial_pool_size`.
    pub fn with_parts<P: Provider + Send + Sync + 'static>(
        config: BlockAllocatorConfig,
        budget: Budget,
        provider: P,
    ) -> Result<Self, ConfigError> {
        let provider: Arc<Source> = Arc::new(provider);
        let core = Core::new(config, budget, provider)?;
        Ok(Self {
            door: Arc::new(Door { core }),
        })
    }

    #[inline(always)]
    fn core(&self) -> &Core {
        &self.door.core
    }

    /// The knobs.
    #[must_use]
    pub fn config(&self) -> &BlockAllocatorConfig {
        &self.core().config
    }

    /// The budget that blocks are charged to.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.core().budget
    }

    /// A block for `layout.size()` bytes, aligned to `layout.align()`, without waiting. A size of 0 is a
    /// block of the smallest size, without room.
    ///
    /// # Errors
    ///
    /// [`BlockError`] says whether there is no such block, whether the budget is short (or others wait for
    /// it already), or whether there is no memory.
    #[inline]
    #[doc(alias = "allocate")]
    pub fn try_alloc(&self, layout: Layout) -> Result<Block, BlockError> {
        let core = self.core();
        match core.classes.fit(layout) {
            Some(class) => {
                let mut storage = core.take(class)?;
                core.prepare(&mut storage);
                Ok(Block::new(storage.open(layout.size() as u32)))
            }
            None => self.try_alloc_alone(layout),
        }
    }

    /// A block that some cache has.
    #[inline(always)]
    fn take_kept(&self, layout: Layout) -> Option<Block> {
        let core = self.core();
        let mut storage = core.take_kept(core.classes.fit(layout)?)?;
        core.prepare(&mut storage);
        Some(Block::new(storage.open(layout.size() as u32)))
    }

    #[cold]
    fn try_alloc_alone(&self, layout: Layout) -> Result<Block, BlockError> {
        let bytes = self.charged_for(layout)?;
        let charge = self.budget().try_charge(bytes)?;
        self.finish_charged(layout, charge)
    }

    /// A block for bytes that are charged already; they come back if there is no memory.
    fn place(&self, layout: Layout, charge: Charge) -> Result<Block, (OutOfMemory, Charge)> {
        let core = self.core();
        let mut panicked = Panicked::default();
        let mut storage = match core.classes.fit(layout) {
            Some(class) => match core.take_kept_for(class, &charge) {
                Some((storage, later)) => {
                    panicked.add(later);
                    storage
                }
                None => core.take_charged(class, charge)?,
            },
            None => core.take_alone(charge.bytes(), charge)?,
        };
        core.prepare(&mut storage);
        let block = Block::new(storage.open(layout.size() as u32));
        // With the block in hand, which goes back then.
        panicked.resume();
        Ok(block)
    }

    /// Bytes that a block for `layout` is charged.
    ///
    /// # Errors
    ///
    /// [`BlockError`] if there is no such block.
    pub fn charged_for(&self, layout: Layout) -> Result<usize, BlockError> {
        let core = self.core();
        if let Some(class) = core.classes.fit(layout) {
            return Ok(core.classes.get(class).size as usize);
        }
        let fits = core.config.oversize() == Oversize::Dedicated && layout.align() <= 4096;
        fits.then(|| Core::alone_bytes(layout.size()))
            .flatten()
            .ok_or(BlockError::too_large(layout, core.classes.most()))
    }

    /// A block that is charged to bytes that were reserved before: it never waits, and is refused only
    /// without memory. The reservation has fewer bytes afterwards.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use flagstone::blocks::BlockAllocator;
    ///
    /// let blocks = BlockAllocator::new(1 << 20);
    /// let mut reserved = blocks.budget().try_reserve(10_240)?;
    /// let header = blocks.acquire(&mut reserved, Layout::new::<[u8; 2048]>())?;
    /// let body = blocks.acquire(&mut reserved, Layout::new::<[u8; 8192]>())?;
    /// assert_eq!(reserved.bytes(), 0);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BlockError`], and the reservation is as it was, if it has too few bytes left, is one of another
    /// budget, or if there is no memory.
    pub fn acquire(
        &self,
        reservation: &mut Reservation,
        layout: Layout,
    ) -> Result<Block, BlockError> {
        let needed = self.charged_for(layout)?;
        if !self.budget().admitted(reservation) {
            return Err(BlockError::other_budget());
        }
        let left = reservation.bytes();
        let charge = reservation.charge_mut().split(needed);
        let charge = charge.ok_or(BlockError::reserved(needed, left))?;
        self.place(layout, charge).map_err(|(error, charge)| {
            let merged = reservation.charge_mut().merge(charge);
            debug_assert!(merged.is_ok(), "it was split off");
            error.into()
        })
    }

    /// A block, when there is room in the budget; which the first poll finds out, without an allocation and
    /// without waking anybody. Works on any executor, and is `Send`.
    ///
    /// A future that is dropped has nothing and is in nobody's way. Who waits is served in the
    /// [order](super::Order) of the budget; what is freed meanwhile goes to those who wait, past all caches.
    ///
    /// ```
    /// use core::{alloc::Layout, future::Future, pin::pin, task::{Context, Poll, Waker}};
    /// use flagstone::blocks::BlockAllocator;
    ///
    /// let blocks = BlockAllocator::new(1 << 20);
    /// let layout = Layout::new::<[u8; 1 << 20]>();
    /// let all = blocks.try_alloc(layout)?;
    /// let mut waits = pin!(blocks.alloc(layout));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(waits.as_mut().poll(&mut context).is_pending());
    /// drop(all);
    /// let Poll::Ready(block) = waits.as_mut().poll(&mut context) else {
    ///     panic!("it was woken");
    /// };
    /// assert_eq!(block?.capacity(), 1 << 20);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BlockError`] if there is no such block, if there could never be room for it, when the budget is
    /// closed, and without memory.
    pub async fn alloc(&self, layout: Layout) -> Result<Block, BlockError> {
        if let Some(block) = self.take_kept(layout) {
            return Ok(block);
        }
        let bytes = self.charged_for(layout)?;
        self.finish(layout, self.budget().reserve(bytes).await?)
    }

    /// As [`alloc`](Self::alloc), until `timer` is ready: any future, such as a runtime's sleep.
    ///
    /// # Errors
    ///
    /// As for `alloc`; and when the timer is ready first.
    pub async fn alloc_timeout<T: Future>(
        &self,
        layout: Layout,
        timer: T,
    ) -> Result<Block, BlockError> {
        if let Some(block) = self.take_kept(layout) {
            return Ok(block);
        }
        let bytes = self.charged_for(layout)?;
        let reserved = self.budget().reserve_timeout(bytes, timer).await?;
        self.finish(layout, reserved)
    }

    /// As [`alloc`](Self::alloc), and blocks the thread while it waits. Not for tasks.
    ///
    /// # Errors
    ///
    /// As for `alloc`.
    pub fn alloc_blocking(&self, layout: Layout) -> Result<Block, BlockError> {
        if let Some(block) = self.take_kept(layout) {
            return Ok(block);
        }
        let bytes = self.charged_for(layout)?;
        self.finish(layout, self.budget().reserve_blocking(bytes)?)
    }

    /// As [`alloc_blocking`](Self::alloc_blocking), for `most` at most.
    ///
    /// # Errors
    ///
    /// As there; and when the time is over.
    pub fn alloc_blocking_for(&self, layout: Layout, most: Duration) -> Result<Block, BlockError> {
        if let Some(block) = self.take_kept(layout) {
            return Ok(block);
        }
        let bytes = self.charged_for(layout)?;
        self.finish(layout, self.budget().reserve_blocking_for(bytes, most)?)
    }

    /// A block for bytes that were waited for.
    fn finish(&self, layout: Layout, reserved: Reservation) -> Result<Block, BlockError> {
        if !self.budget().admitted(&reserved) {
            return Err(BlockError::other_budget());
        }
        self.finish_charged(layout, reserved.into_charge())
    }

    fn finish_charged(&self, layout: Layout, charge: Charge) -> Result<Block, BlockError> {
        self.place(layout, charge).map_err(|(error, charge)| {
            self.budget().release(charge);
            error.into()
        })
    }

    /// A block that may not be there, for what must go on: an acknowledgement, a shutdown. It never waits
    /// and also works when the budget is closed. Beyond all memory it is counted as
    /// [forced](super::BudgetSnapshot), and nobody else gets anything until it is made up for.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use flagstone::blocks::BlockAllocator;
    ///
    /// let blocks = BlockAllocator::new(1 << 20);
    /// let all = blocks.try_alloc(Layout::new::<[u8; 1 << 20]>())?;
    /// let more = blocks.force_alloc(Layout::new::<[u8; 100]>())?;
    /// assert_eq!(blocks.budget().charged(), (1 << 20) + 128);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BlockError`] if there is no such block, without memory, and beyond the `overdraft`.
    pub fn force_alloc(&self, layout: Layout) -> Result<Block, BlockError> {
        match self.try_alloc(layout) {
            Err(error) if error.budget().is_some() => {
                let bytes = self.charged_for(layout)?;
                let most = self.config().overdraft();
                match self.budget().force_charge(bytes, most) {
                    Ok(charge) => self.finish_charged(layout, charge),
                    Err(_) => Err(error),
                }
            }
            done => done,
        }
    }

    /// As [`try_alloc`](Self::try_alloc), charged to a scope. Free blocks in caches are charged to nobody's
    /// scope: one that comes from there, or goes there, changes hands, which is some atomic operations more.
    ///
    /// # Errors
    ///
    /// As there; also when the scope is short, or one of another budget.
    pub fn try_alloc_in(&self, scope: &Scope, layout: Layout) -> Result<Block, BlockError> {
        let bytes = self.charged_for(layout)?;
        self.finish(layout, scope.try_reserve(bytes)?)
    }

    /// As [`alloc`](Self::alloc), charged to a scope; see [`try_alloc_in`](Self::try_alloc_in).
    ///
    /// # Errors
    ///
    /// As for `alloc`; also when the scope is one of another budget.
    pub async fn alloc_in(&self, scope: &Scope, layout: Layout) -> Result<Block, BlockError> {
        let bytes = self.charged_for(layout)?;
        self.finish(layout, scope.reserve(bytes).await?)
    }

    /// Closes the budget: who waits is told so, and blocks that are not cached are refused from now on.
    /// Blocks that are out stay as they are.
    pub fn close(&self) {
        self.budget().close();
    }

    /// Leaves a block with the allocator; its id is how to get at it. Blocks that are left when the last
    /// handle of the allocator goes are freed then.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use flagstone::blocks::BlockAllocator;
    ///
    /// let blocks = BlockAllocator::new(1 << 20);
    /// let id = blocks.detach(blocks.try_alloc(Layout::new::<[u8; 100]>())?).unwrap();
    /// blocks.write(id, 0, b"kept")?;
    /// let mut bytes = [0; 4];
    /// blocks.read(id, 0, &mut bytes)?;
    /// assert_eq!(bytes, *b"kept");
    /// assert_eq!(*blocks.attach(id)?, *b"kept");
    /// assert!(blocks.free(id).unwrap_err().stale().is_some()); // the block was dropped
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// One lock.
    ///
    /// # Errors
    ///
    /// The block, if it is of another allocator.
    pub fn detach(&self, mut block: Block) -> Result<BlockId, Block> {
        if !self.is_of(&block) {
            return Err(block);
        }
        let id = block.id();
        self.core().ids.detach(id, block.detach());
        Ok(id)
    }

    /// Takes a block that was left with the allocator. Its id stays its name.
    ///
    /// # Errors
    ///
    /// [`BlockIdError`] if the block is gone, or if somebody has it.
    pub fn attach(&self, id: BlockId) -> Result<Block, BlockIdError> {
        let part = self.core().ids.attach(id)?;
        Ok(Block::new(part))
    }

    /// Frees a block that was left with the allocator.
    ///
    /// # Errors
    ///
    /// [`BlockIdError`] if the block is gone, or if somebody has it: an id is no right to a block that a
    /// [`Block`] owns.
    #[doc(alias = "deallocate")]
    pub fn free(&self, id: BlockId) -> Result<(), BlockIdError> {
        end_part(self.core().ids.free(id)?);
        Ok(())
    }

    /// Copies bytes of a block that was left with the allocator.
    ///
    /// The block is locked meanwhile, others are not.
    ///
    /// # Errors
    ///
    /// [`BlockIdError`] if the block is gone, if somebody has it, or if fewer bytes were written.
    pub fn read(&self, id: BlockId, offset: usize, to: &mut [u8]) -> Result<(), BlockIdError> {
        let copied = self.core().ids.with(id, |part| {
            let from = read_part(part, offset, to.len())?;
            to.copy_from_slice(from);
            Ok(())
        })?;
        copied.map_err(|bounds: OutOfBounds| bounds.into())
    }

    /// Writes bytes to a block that was left with the allocator, as [`Block::write`] does.
    ///
    /// The block is locked meanwhile, others are not.
    ///
    /// # Errors
    ///
    /// [`BlockIdError`] if the block is gone, if somebody has it, or if they do not fit.
    pub fn write(&self, id: BlockId, offset: usize, bytes: &[u8]) -> Result<(), BlockIdError> {
        let written = self
            .core()
            .ids
            .with(id, |part| write_part(part, offset, bytes))?;
        written.map_err(Into::into)
    }

    /// Whether an id still names a block: one compare, under the lock of the id.
    ///
    /// # Errors
    ///
    /// [`BlockIdError`] if the block is gone.
    pub fn verify(&self, id: BlockId) -> Result<(), BlockIdError> {
        self.core().ids.verify(id)
    }

    /// Whether a block is of this allocator, and its name, if it has one, good. Who has a [`Block`] has the
    /// right to it, so within one allocator this never fails; ids are what can be stale.
    ///
    /// # Errors
    ///
    /// [`BlockIdError`] for a block of another allocator.
    pub fn verify_generation(&self, block: &Block) -> Result<(), BlockIdError> {
        if !self.is_of(block) {
            return Err(BlockIdError::foreign());
        }
        match block.known_id() {
            Some(id) => self.verify(id),
            None => Ok(()),
        }
    }

    fn is_of(&self, block: &Block) -> bool {
        seen(block.part().keeper()).is_some_and(|core| core::ptr::eq(core, self.core()))
    }

    /// Memory that blocks lie in, or will, to be registered. It stays as long as the answer does.
    ///
    /// With an `initial_pool_size` of all memory there are no others later, if blocks have one size that fills
    /// it without a gap: 32 KiB or more, a share of all memory. Else another may be needed.
    ///
    /// O(regions), under the lock of the store. Waits until memory has gone that is on its way back to the
    /// provider; not for a provider's calls.
    #[must_use]
    pub fn regions(&self) -> BlockRegions {
        BlockRegions {
            regions: self.core().regions(),
        }
    }

    /// Empties all caches, releases what is in them to the budget, and gives all memory that nothing is in
    /// back to the provider; bytes that were in the caches.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn trim(&self) -> usize {
        self.core().trim()
    }

    /// Where the bytes are. With other threads at work, blocks that are on their way may be counted
    /// nowhere or twice.
    #[must_use]
    #[doc(alias = "stats")]
    pub fn snapshot(&self) -> BlockSnapshot {
        BlockSnapshot::of(self.core())
    }

    /// How much of what no block uses is in other than its largest piece, from 0 to 1; freed blocks of all
    /// sizes are joined again.
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        self.snapshot().fragmentation()
    }

    /// Counts everything once more, by looking at it. O(slabs), under the lock of the store.
    ///
    /// # Errors
    ///
    /// [`BlockAuditError`] if something does not add up.
    pub fn audit(&self) -> Result<BlockSnapshot, BlockAuditError> {
        audit(self.core())
    }
}

// A panic in user code leaves the tiers exact, so looking at them afterwards is fine.
impl UnwindSafe for BlockAllocator {}
impl RefUnwindSafe for BlockAllocator {}

impl fmt::Debug for BlockAllocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockAllocator")
            .field("config", self.config())
            .finish_non_exhaustive()
    }
}
