//! How blocks go from tier to tier, and what they are charged for on the way.
//!
//! ```text
//! take ─▶ hot (this thread) ─ empty ─▶ cold (class) ─ empty ─▶ budget charges ─▶ store ─ no room ─▶ provider
//! put  ─▶ hot ─ full, or somebody waits ─▶ cold ─ too much, too old, or somebody waits ─▶ store, charge released
//! ```
#![forbid(unsafe_code)]

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};
use std::time::Instant;

use lock_api::Mutex;

use super::{
    budget::{Budget, Charge, Shortage},
    class::Classes,
    cold::Cold,
    config::{BlockAllocatorConfig, ZeroPolicy},
    error::BlockError,
    hot::{self, Hot},
    id::Ids,
    moving::{Moving, is_inside},
    stack::Stack,
    store::{Count, Store},
};
use crate::{
    error::{ConfigError, OutOfMemory},
    layout::align_up,
    raw::{
        region::{Extent, Keeper, MOST, Note, PAGE, Part, Region, Source, Storage, View},
        turn::Guests,
        wait::Panicked,
    },
    sync::{
        Backoff, DefaultLock, Numbers,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        default_lock,
    },
};

/// The numbers of the allocators that are there: where each thread finds its cache.
pub(super) static NUMBERS: Numbers<16> = Numbers::new();

/// The number of an allocator that got none: its threads have no caches.
pub(super) const NO_NUMBER: u32 = u32::MAX;

/// The class of a block that has a region of its own.
pub(super) const ALONE: u16 = u16::MAX;

/// What an allocator's handles, its blocks and its threads' caches have in common.
///
/// It is there while an allocator, a block or a thread's cache of it is. When the last handle goes it is
/// *closed*: its caches and its store are emptied, and what comes back later goes back to its region.
pub(super) struct Core {
    pub(super) me: Weak<Self>,
    pub(super) number: u32,
    pub(super) config: BlockAllocatorConfig,
    pub(super) classes: Arc<Classes>,
    pub(super) budget: Budget,
    /// The account of those who name none: only its blocks are cached.
    pub(super) account: u32,
    pub(super) hot: Guests<Hot>,
    pub(super) cold: Cold,
    pub(super) store: Mutex<DefaultLock, Store>,
    /// `None` once it is closed, so that the provider ends with its last region.
    pub(super) provider: Mutex<DefaultLock, Option<Arc<Source>>>,
    pub(super) closed: AtomicBool,
    pub(super) ids: Ids,
    pub(super) began: Instant,
    /// Milliseconds from `began` to when somebody looked last for what is too old.
    pub(super) swept: AtomicU64,
    /// The provider keeps what it is offered.
    pub(super) keeps: AtomicBool,
    pub(super) counts: Counts,
}

/// What calls beyond the first tier count.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) from_cold: AtomicU64,
    pub(super) from_store: AtomicU64,
    pub(super) evicted: AtomicU64,
    /// Bytes of blocks with regions of their own.
    pub(super) alone: AtomicUsize,
}

/// What the tiers hold, at one moment.
#[derive(Clone, Copy, Default)]
pub(super) struct Tiers {
    pub(super) hot_bytes: usize,
    pub(super) hot_hits: u64,
    pub(super) caches: usize,
    pub(super) cold_bytes: usize,
    pub(super) store: Count,
}

impl Core {
    pub(super) fn new(
        config: BlockAllocatorConfig,
        budget: Budget,
        provider: Arc<Source>,
    ) -> Result<Arc<Self>, ConfigError> {
        let classes = Classes::new(
            config.min_block_size(),
            config.max_block_size(),
            config.steps_per_doubling(),
            config.thread_cache_bytes().min(config.shared_cache_bytes()),
        );
        let Some(classes) = classes.map(Arc::new) else {
            return Err(OutOfMemory::of_bytes(config.max_block_size()).into());
        };
        // Nothing is charged: this asks for whom.
        let none = budget.try_charge(0);
        let account = none.as_ref().map_or(0, Charge::account);
        if let Ok(none) = none {
            budget.release(none);
        }
        let number = NUMBERS.take().map_or(NO_NUMBER, |number| number as u32);
        let core = Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            number,
            cold: Cold::new(&classes, config.shared_cache_bytes(), config.cache_age()),
            store: Mutex::from_raw(default_lock(), Store::new(Arc::clone(&classes))),
            classes,
            budget,
            account,
            config,
            hot: Guests::new(),
            provider: Mutex::from_raw(default_lock(), Some(provider)),
            closed: AtomicBool::new(false),
            ids: Ids::new(),
            began: Instant::now(),
            swept: AtomicU64::new(0),
            keeps: AtomicBool::new(false),
            counts: Counts::default(),
        });
        let shortage: Weak<Self> = Weak::clone(&core.me);
        core.budget.on_shortage(shortage);
        let mut answer = Ok(());
        let panicked = Panicked::of(|| answer = core.add_first_regions()); // USER CODE
        if panicked.is_some() || answer.is_err() {
            core.close();
        }
        panicked.resume();
        answer.map(|()| core).map_err(Into::into)
    }

    fn add_first_regions(&self) -> Result<(), OutOfMemory> {
        let mut mapped = 0;
        while mapped < self.config.initial_pool_size() {
            let number = self.store.lock().region_number();
            mapped += self.add_region(number, PAGE)?;
        }
        Ok(())
    }

    /// What the caches know it by.
    #[inline(always)]
    pub(super) fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// A block of that class, charged to those who name nobody.
    #[inline(always)]
    pub(super) fn take(&self, class: u16) -> Result<Storage, BlockError> {
        match hot::pop(self.number, self.address(), class) {
            Some(storage) => Ok(storage),
            None => self.take_slow(class),
        }
    }

    #[cold]
    fn take_slow(&self, class: u16) -> Result<Storage, BlockError> {
        if let Some(storage) = self.take_kept_slow(class) {
            return Ok(storage);
        }
        let charge = self
            .budget
            .try_charge(self.classes.get(class).size as usize)?;
        self.take_charged(class, charge).map_err(|(error, charge)| {
            self.budget.release(charge);
            error.into()
        })
    }

    /// As [`take`](Self::take), if a cache has one.
    #[inline(always)]
    pub(super) fn take_kept(&self, class: u16) -> Option<Storage> {
        match hot::pop(self.number, self.address(), class) {
            Some(storage) => Some(storage),
            None => self.take_kept_slow(class),
        }
    }

    /// As [`take_kept`](Self::take_kept), for bytes that are charged already: those that the block was charged in
    /// the cache are released, and whose waker panics meanwhile is told.
    pub(super) fn take_kept_for(&self, class: u16, charge: &Charge) -> Option<(Storage, Panicked)> {
        let mut storage = self.take_kept(class)?;
        let kept = Charge::from_parts(storage.len() as usize, self.account);
        storage.set_account(charge.account());
        let panicked = Panicked::of(|| self.budget.release(kept)); // USER CODE
        Some((storage, panicked))
    }

    #[cold]
    fn take_kept_slow(&self, class: u16) -> Option<Storage> {
        self.enter();
        let kept = hot::pop_any(self.number, self.address(), class);
        kept.or_else(|| self.take_cold(class))
    }

    /// A block that another thread left, and its neighbours for this thread's cache.
    fn take_cold(&self, class: u16) -> Option<Storage> {
        let mut magazine = self.cold.pop(class)?;
        let storage = magazine.pop()?;
        // Relaxed, here and below: numbers that publish nothing.
        self.counts.from_cold.fetch_add(1, Ordering::Relaxed);
        if magazine.len() > 0
            && let Some(rest) = hot::refill(self.number, self.address(), class, magazine)
        {
            self.keep(rest);
        }
        Some(storage)
    }

    /// A block for bytes that are charged already; they come back if there is no memory.
    pub(super) fn take_charged(
        &self,
        class: u16,
        charge: Charge,
    ) -> Result<Storage, (OutOfMemory, Charge)> {
        let need = self.classes.get(class).slab as usize;
        let account = charge.account();
        let charge = Charged::new(&self.budget, charge);
        let mut drained = false;
        let mut backoff = Backoff::default();
        loop {
            let number = {
                let mut store = self.store.lock();
                if let Some(storage) = store.take(class, account) {
                    drop(store);
                    self.counts.from_store.fetch_add(1, Ordering::Relaxed);
                    // The note has it now.
                    let _ = charge.into_charge();
                    return Ok(storage);
                }
                let others = store.is_moving() && !is_inside();
                (!others).then(|| store.region_number())
            };
            let Some(number) = number else {
                // What moves arrives in a moment, and may be all that a provider has.
                backoff.wait();
                continue;
            };
            match self.add_region(number, need) {
                Ok(_) => {}
                Err(error) if drained => return Err((error, charge.into_charge())),
                // There may be room in what caches and other classes have.
                Err(_) => {
                    drained = true;
                    self.give_back(usize::MAX);
                    self.store.lock().dissolve();
                }
            }
        }
    }

    /// A block with a region of its own for bytes that are charged already, if there is such memory.
    pub(super) fn take_alone(
        &self,
        bytes: usize,
        charge: Charge,
    ) -> Result<Storage, (OutOfMemory, Charge)> {
        let account = charge.account();
        let charge = Charged::new(&self.budget, charge);
        match self.map(u32::MAX, bytes) {
            Ok(extent) => {
                self.counts.alone.fetch_add(bytes, Ordering::Relaxed);
                let _ = charge.into_charge();
                Ok(Storage::new(
                    extent,
                    Note {
                        slab: u32::MAX,
                        account,
                        class: ALONE,
                    },
                ))
            }
            Err(error) => Err((error, charge.into_charge())),
        }
    }

    /// Bytes that a block of such size is charged, if it gets a region of its own.
    pub(super) fn alone_bytes(size: usize) -> Option<usize> {
        // Also without bytes: a provider is asked for some.
        align_up(size.max(1), PAGE).filter(|&bytes| bytes <= MOST)
    }

    /// Adds the region with that number, of at least `need` bytes; how many it has.
    fn add_region(&self, number: u32, need: usize) -> Result<usize, OutOfMemory> {
        let _moving = Moving::new(&self.store, None);
        let mut bytes = self.config.region_size().max(need);
        let region = loop {
            match self.map(number, bytes) {
                Ok(region) => break region,
                Err(error) if bytes <= need => return Err(error),
                Err(_) => bytes = align_up(bytes / 2, PAGE).unwrap_or(need).max(need),
            }
        };
        // A provider that allocates from here may have been faster; then there is room, and this region goes.
        let refused = self.store.lock().add_region(region);
        drop(refused);
        Ok(bytes)
    }

    /// Asks the provider; with nothing locked.
    fn map(&self, number: u32, bytes: usize) -> Result<Extent, OutOfMemory> {
        let provider = self.provider.lock().clone();
        let (Some(provider), Some(me)) = (provider, self.me.upgrade()) else {
            return Err(OutOfMemory::of_bytes(bytes));
        };
        let keeper: Arc<Keeper> = me;
        let wipes = self.config.zero() == ZeroPolicy::OnFree;
        Region::map(&provider, &keeper, (self.number, wipes), number, bytes) // USER CODE
    }

    /// Makes the block's bytes 0, if that is to be when it is handed out.
    #[inline(always)]
    pub(super) fn prepare(&self, storage: &mut Storage) {
        match self.config.zero() {
            ZeroPolicy::OnAlloc => storage.wipe(true),
            ZeroPolicy::WhenDirty => storage.wipe(false),
            ZeroPolicy::Never | ZeroPolicy::OnFree => {}
        }
    }

    /// Makes a cache for the calling thread, if it has none and may.
    fn enter(&self) {
        // Relaxed: who finds it open by accident finds `hot` closed.
        if self.number == NO_NUMBER
            || hot::has(self.number, self.address())
            || self.hot.len() >= self.config.max_caches()
            || self.is_closed()
        {
            return;
        }
        let Some(me) = self.me.upgrade() else {
            return;
        };
        if !hot::may_enter() {
            return;
        }
        let whom = (self.budget.clone(), self.account);
        let most = self.config.thread_cache_bytes();
        let cache = Hot::new(me, &self.classes, whom, most);
        if let Ok(cache) = self
            .hot
            .add(cache, self.address(), self.config.max_caches())
        {
            hot::enter(self.number, cache);
        }
    }

    fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`.
        self.closed.load(Ordering::Acquire)
    }

    /// Charges a block of a scope, or one that was granted beside others, as cached ones are, if nobody waits and
    /// so much is there; what it was charged until now.
    fn adopt(&self, storage: &mut Storage) -> Option<Charge> {
        let Note { account, class, .. } = storage.note();
        let bytes = storage.len() as usize;
        if account == self.account || class == ALONE || !self.budget.charge_at_once(bytes) {
            return None;
        }
        storage.set_account(self.account);
        Some(Charge::from_parts(bytes, account))
    }

    /// What neither the block's user nor a cache wants.
    fn take_back(&self, storage: Storage) {
        let Note { account, class, .. } = storage.note();
        let bytes = storage.len() as usize;
        let mut stack = Stack::default();
        if class == ALONE {
            self.counts.alone.fetch_sub(bytes, Ordering::Relaxed);
            let charge = Charged::new(&self.budget, Charge::from_parts(bytes, account));
            drop(storage); // USER CODE
            drop(charge); // USER CODE
        } else if account == self.account {
            stack.push(storage);
            self.keep(stack);
        } else {
            stack.push(storage);
            self.discard(stack);
        }
    }

    /// Keeps blocks of one class for other threads, or discards them.
    fn keep(&self, stack: Stack) {
        let class = stack.top().map_or(0, |top| top.note().class);
        let refused = || self.budget.is_wanted() || self.is_closed();
        if let Err(stack) = self.cold.push(stack, refused) {
            return self.discard(stack);
        }
        let now = Instant::now();
        while let Some(stack) = self.cold.evict(class, now) {
            self.counts
                .evicted
                .fetch_add(u64::from(stack.len()), Ordering::Relaxed);
            self.discard(stack);
        }
        self.sweep(now);
    }

    /// Puts blocks of one account into the store, and releases what they are charged for.
    fn discard(&self, mut stack: Stack) {
        let account = stack.top().map_or(self.account, |top| top.note().account);
        let mut freed = Freed::default();
        {
            let mut store = self.store.lock();
            while let Some(storage) = stack.pop() {
                freed.put(&mut store, storage);
            }
        }
        self.settle(freed, account);
    }

    /// Puts a cached block into the store; what it was charged is released by [`settle`](Self::settle).
    pub(super) fn put(&self, freed: &mut Freed, storage: Storage) {
        freed.put(&mut self.store.lock(), storage);
    }

    /// Releases what blocks were charged that are in the store now; how much. With nothing locked.
    pub(super) fn settle(&self, freed: Freed, account: u32) -> usize {
        let Freed { bytes, left, .. } = freed;
        if bytes == 0 {
            return 0;
        }
        let charge = Charged::new(&self.budget, Charge::from_parts(bytes, account));
        // Of a closed allocator this may be the end of a region.
        drop(left); // USER CODE
        drop(charge); // USER CODE
        self.purge(self.config.idle_bytes());
        bytes
    }

    /// Sums over all tiers, which stand still meanwhile but for blocks that are on their way.
    pub(super) fn tiers(&self) -> Tiers {
        let mut tiers = Tiers::default();
        self.hot.visit(|hot| {
            tiers.hot_bytes += hot.bytes();
            tiers.hot_hits += hot.hits();
            tiers.caches += 1;
            true
        });
        tiers.cold_bytes = self.cold.bytes();
        tiers.store = self.store.lock().count();
        tiers
    }

    /// Counts the store once more, by looking at it; what is wrong.
    pub(super) fn validate(&self) -> Result<(), &'static str> {
        self.store.lock().validate()
    }

    /// Shares of all regions, whose memory stays until they are said to be exported no longer.
    pub(super) fn regions(&self) -> Vec<Arc<Region>> {
        let regions = self.store.lock().export();
        // What was taken out before is purged before anybody knows the addresses.
        let mut backoff = Backoff::default();
        while self.store.lock().is_moving() && !is_inside() {
            backoff.wait();
        }
        regions
    }
}

/// A charge while others' code runs, which may panic: released unless it is taken out.
struct Charged<'b> {
    budget: &'b Budget,
    bytes: usize,
    account: u32,
}

impl<'b> Charged<'b> {
    fn new(budget: &'b Budget, charge: Charge) -> Self {
        let (bytes, account) = (charge.bytes(), charge.account());
        Self {
            budget,
            bytes,
            account,
        }
    }

    fn into_charge(self) -> Charge {
        let charge = Charge::from_parts(self.bytes, self.account);
        core::mem::forget(self);
        charge
    }
}

impl Drop for Charged<'_> {
    fn drop(&mut self) {
        let charge = Charge::from_parts(self.bytes, self.account);
        self.budget.release(charge); // USER CODE
    }
}

/// What left the caches and is charged still.
#[derive(Default)]
pub(super) struct Freed {
    pub(super) bytes: usize,
    pub(super) blocks: u64,
    /// What the store did not take, because it is at its end.
    left: Stack,
}

impl Freed {
    fn put(&mut self, store: &mut Store, storage: Storage) {
        self.bytes += storage.len() as usize;
        self.blocks += 1;
        if let Some(storage) = store.put(storage) {
            self.left.push(storage);
        }
    }
}

/// Where a block's storage goes when the last part or view of it is gone.
#[inline(always)]
pub(super) fn put(storage: Option<Storage>) {
    let Some(mut storage) = storage else {
        return;
    };
    if storage.wipes() {
        storage.wipe(false);
    }
    let mut storage = Some(storage);
    hot::push(&mut storage);
    if let Some(storage) = storage {
        put_slow(storage);
    }
}

#[cold]
fn put_slow(storage: Storage) {
    // Kept, because the storage may be what keeps it.
    let Some(core) = of(storage.keeper()) else {
        debug_assert!(false, "regions are made by cores");
        return;
    };
    core.enter();
    let mut storage = storage;
    let before = core
        .adopt(&mut storage)
        .map(|it| Charged::new(&core.budget, it));
    let mut storage = Some(storage);
    let magazine = hot::push_any(&mut storage);
    // All of it, whoever's code panics.
    let mut panicked = Panicked::of(|| {
        if let Some(magazine) = magazine {
            core.keep(magazine); // USER CODE
        }
    });
    panicked.add(Panicked::of(|| {
        if let Some(storage) = storage {
            core.take_back(storage); // USER CODE
        }
    }));
    panicked.add(Panicked::of(|| {
        if core.budget.is_wanted() {
            // Empty already, unless the system kept who waits from emptying it.
            let mut freed = Freed::default();
            core.drain_own(&mut freed);
            core.settle(freed, core.account); // USER CODE
        }
    }));
    panicked.add(Panicked::of(|| drop(before))); // USER CODE
    panicked.resume();
}

/// Whose a region is.
pub(super) fn of(keeper: &Arc<Keeper>) -> Option<Arc<Core>> {
    Arc::downcast(Arc::clone(keeper)).ok()
}

/// As [`of`], for a moment.
pub(super) fn seen(keeper: &Arc<Keeper>) -> Option<&Core> {
    (**keeper).downcast_ref()
}

/// Ends a part.
#[inline(always)]
pub(super) fn end_part(part: Part) {
    put(part.release());
}

/// Ends a view.
#[inline(always)]
pub(super) fn end_view(view: View) {
    put(view.release());
}
