//! Slots that threads share without a lock.

use core::{alloc::Layout, fmt, marker::PhantomData, panic::RefUnwindSafe, ptr::NonNull};

use super::{
    Initial,
    growing::{check_capacity, geometry},
    rule::{Growth, GrowthRule},
};
#[cfg(feature = "stats")]
use crate::stats::{Collector, Metric, Snapshot};
use crate::{
    error::{Allowed, Cause, ConfigError, Given, OutOfMemory},
    pool::PoolConfig,
    provider::{Provider, request},
    raw::{
        Hooks,
        depot::{Depot, NO_POOL, SharedShape, SharedSlab},
    },
    sync::Numbers,
};

/// The numbers of the pools that are there: where each thread finds its cache.
static POOLS: Numbers<1024> = Numbers::new();

/// A magazine is this share of a pool, which strands two of them in each thread at most. With a
/// quarter of it, values that go to another thread cost three times as much in a pool of 512 slots.
const SHARE: usize = 16;

/// A pool that counts exactly and has at most so many slots makes room at once for what it knows of
/// each.
const SMALL: usize = 1 << 16;

/// What the slots of a pool reach through their slabs.
pub(super) struct Core<T, K, P> {
    pub(super) depot: Depot,
    pub(super) hooks: K,
    pub(super) provider: P,
    pub(super) initial: Initial<T>,
    rule: GrowthRule,
}

/// The memory of a pool that threads share without a lock.
///
/// # Invariants
///
/// 1. `core` lies in a chunk of its own provider. It ends when the store is dropped and no slot is out
///    any more, whichever is later.
/// 2. `pool` is the number of its depot.
#[cfg_attr(
    not(feature = "async"),
    expect(unreachable_pub, reason = "futures name it, where there are any")
)]
pub struct LockFreeStore<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> {
    core: NonNull<Core<T, K, P>>,
    pool: u32,
    // Owns values, and hands out `&mut` to them through `&self`: invariant in `T`.
    values: PhantomData<core::cell::Cell<(T, K, P)>>,
}

/// Whether threads keep slots at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pool) enum Counting {
    /// They do.
    Relaxed,
    /// They do not, so that it is known how many are free.
    Exact,
}

impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize>
    LockFreeStore<T, K, P, SLAB_BYTES>
{
    pub(in crate::pool) fn new(
        config: PoolConfig<T>,
        hooks: K,
        provider: P,
        counting: Counting,
    ) -> Result<Self, ConfigError> {
        config.check_slot_pool()?;
        config.check_makes_none_ahead()?;
        let descriptor = Layout::new::<SharedSlab>();
        let (layout, slot) = geometry::<T, SLAB_BYTES>(config.alignment, descriptor)?;
        let shape = SharedShape::new(layout, slot);
        check_capacity(config.capacity, shape.slab_bytes(), shape.slots())?;
        if counting == Counting::Exact && config.capacity > Depot::MOST_COUNTED {
            return Err(ConfigError::knob_out_of_range(
                "capacity",
                Given::Number(config.capacity),
                Allowed::Range {
                    least: 0,
                    most: Depot::MOST_COUNTED,
                    unit: "slots",
                },
            ));
        }
        let (growth, max_capacity) = (config.growth, config.max_capacity);
        let rule = GrowthRule::new(growth, config.capacity, max_capacity, shape.stride())?;
        let most = rule.max_capacity();
        let magazine = most.map_or(usize::MAX, |max| max / SHARE);
        let place = request(&provider, Layout::new::<Core<T, K, P>>())?
            .ptr
            .cast();
        let (pool, depot) = match counting {
            Counting::Relaxed => {
                let pool = POOLS.take().map_or(NO_POOL, |number| number as u32);
                (pool, Depot::new(shape, pool, magazine))
            }
            Counting::Exact => {
                let soon = most.filter(|&most| most <= SMALL);
                let first = soon.unwrap_or(config.capacity.max(shape.slots()));
                (NO_POOL, Depot::exact(shape, first, most))
            }
        };
        let core = Core {
            depot,
            hooks,
            provider,
            initial: Initial::new(config.initialization, false),
            rule,
        };
        // SAFETY: a fresh chunk of this very layout.
        unsafe { place.write(core) };
        let store = Self {
            core: place,
            pool,
            values: PhantomData,
        };
        while store.capacity() < config.capacity && store.add_slab()? {}
        if config.pre_initialize {
            store.core().depot.fresh().touch();
        }
        Ok(store)
    }

    #[inline(always)]
    pub(super) fn core(&self) -> &Core<T, K, P> {
        // SAFETY: invariant 1: there until the store is dropped at least.
        unsafe { self.core.as_ref() }
    }

    #[inline(always)]
    pub(super) fn pool(&self) -> u32 {
        self.pool
    }

    fn add_slab(&self) -> Result<bool, OutOfMemory> {
        let Core {
            depot,
            provider,
            rule,
            ..
        } = self.core();
        depot.add(provider, self.core.cast(), rule.max_capacity())
    }

    /// Adds slabs as the strategy says, or finds slots that other threads have at hand; an error only
    /// if there is nothing.
    pub(super) fn find_more(&self) -> Result<(), Cause> {
        let Core { depot, rule, .. } = self.core();
        let grown = rule.grow(|| self.capacity(), || self.add_slab());
        match grown {
            Ok(Growth::Added) => {
                #[cfg(feature = "stats")]
                depot.count(Collector::grew);
                Ok(())
            }
            Ok(Growth::AddedByOthers) => Ok(()),
            Ok(Growth::None(_)) | Err(_) if depot.reclaim() => Ok(()),
            Ok(Growth::None(capacity)) => Err(Cause::exhausted(capacity)),
            Err(cause) => Err(cause),
        }
    }

    /// Nobody waits from now on.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(in crate::pool) fn close(&self) {
        self.core().depot.close_line();
    }

    pub(in crate::pool) fn capacity(&self) -> usize {
        self.core().depot.fresh().capacity()
    }

    pub(in crate::pool) fn max_capacity(&self) -> Option<usize> {
        self.core().rule.max_capacity()
    }

    pub(in crate::pool) fn available(&self) -> usize {
        let available = self.core().depot.available();
        match self.core().depot.most_cached() {
            // Exact, and no lock is taken to see it confirmed.
            0 => available,
            _ => available.min(self.capacity()),
        }
    }

    /// Slots that a thread has at hand at most.
    pub(in crate::pool) fn most_cached(&self) -> usize {
        self.core().depot.most_cached()
    }

    pub(in crate::pool) fn slab_count(&self) -> usize {
        self.core().depot.fresh().slab_count()
    }

    pub(in crate::pool) fn slots_per_slab(&self) -> usize {
        self.core().depot.fresh().shape().slots()
    }

    pub(in crate::pool) fn slab_bytes(&self) -> usize {
        self.core().depot.fresh().shape().slab_bytes()
    }

    pub(in crate::pool) fn provider(&self) -> &P {
        &self.core().provider
    }

    /// What all threads counted since counting began anew.
    #[cfg(feature = "stats")]
    pub(in crate::pool) fn snapshot(&self) -> Snapshot {
        self.core().depot.since_restart(self.total())
    }

    #[cfg(feature = "stats")]
    pub(in crate::pool) fn restart_stats(&self) {
        self.core().depot.restart_stats(self.total());
    }

    /// What all threads ever counted.
    #[cfg(feature = "stats")]
    fn total(&self) -> Snapshot {
        let sum = Collector::new();
        self.core().depot.counted(|counted| sum.absorb(counted));
        let counted = sum.snapshot();
        let allocations = counted.get(Metric::Allocations);
        let in_use = allocations.saturating_sub(counted.get(Metric::Frees));
        let fresh = self.core().depot.fresh();
        let slabs = fresh.slab_count() as u64;
        let bytes = slabs * fresh.shape().slab_bytes() as u64;
        counted
            .with(Metric::Capacity, fresh.capacity() as u64)
            .with(Metric::InUse, in_use)
            .with(Metric::ChunksAdded, slabs)
            .with(Metric::BytesReserved, bytes)
            .with(Metric::PeakBytesReserved, bytes)
    }
}

impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> Drop
    for LockFreeStore<T, K, P, SLAB_BYTES>
{
    fn drop(&mut self) {
        /// Ends the pool even if a waker panics.
        struct End<T, K, P: Provider>(NonNull<Core<T, K, P>>, u32);

        impl<T, K, P: Provider> Drop for End<T, K, P> {
            fn drop(&mut self) {
                let End(core, pool) = *self;
                // SAFETY: invariant 1: a part of the core, which is there.
                let depot = unsafe { NonNull::new_unchecked(&raw mut (*core.as_ptr()).depot) };
                // SAFETY: the store is at its end, so nobody takes a slot any more.
                let ended = unsafe { Depot::close(depot) };
                // Caches of the number are closed, in whatever thread's table they are.
                POOLS.give_back(pool as usize);
                if ended {
                    // SAFETY: the depot says so, to one caller.
                    unsafe { end(core) };
                }
            }
        }

        let _end = End(self.core, self.pool);
        // Futures that were forgotten are in nobody's way.
        #[cfg(all(feature = "async", target_has_atomic = "64"))]
        self.core().depot.close_line(); // USER CODE
    }
}

/// Gives the memory of a pool back.
///
/// # Safety
///
/// The depot of `core` said that it is to be ended.
#[cold]
pub(super) unsafe fn end<T, K, P: Provider>(core: NonNull<Core<T, K, P>>) {
    // SAFETY: initialised; moved out once, and only its chunk is used below.
    let Core {
        depot,
        hooks,
        provider,
        initial,
        ..
    } = unsafe { core.read() };
    // SAFETY: the caller's promise; the depot is where it is by its caches' word only, and those are
    // closed.
    unsafe { depot.end(&provider) };
    // Before anything is dropped that could panic.
    // SAFETY: the chunk that `new` asked this provider for.
    unsafe { provider.free(core.cast(), Layout::new::<Core<T, K, P>>()) }; // USER CODE
    drop((hooks, initial)); // USER CODE
}

impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> fmt::Debug
    for LockFreeStore<T, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockFreeStore").finish_non_exhaustive()
    }
}

// SAFETY: values come in on one thread and leave on another, hooks and provider are called and dropped
// by whichever thread it is; the depot is made for that.
unsafe impl<T, K, P, const SLAB_BYTES: usize> Send for LockFreeStore<T, K, P, SLAB_BYTES>
where
    T: Send,
    K: Hooks<T> + Send + Sync,
    P: Provider + Send + Sync,
{
}

// SAFETY: as above; nobody gets `&T` through the store, so values need not be `Sync`.
unsafe impl<T, K, P, const SLAB_BYTES: usize> Sync for LockFreeStore<T, K, P, SLAB_BYTES>
where
    T: Send,
    K: Hooks<T> + Send + Sync,
    P: Provider + Send + Sync,
{
}

// A panic in user code leaves the pool exact, so looking at it afterwards is fine.
impl<T, K, P, const SLAB_BYTES: usize> RefUnwindSafe for LockFreeStore<T, K, P, SLAB_BYTES>
where
    T: RefUnwindSafe,
    K: Hooks<T> + RefUnwindSafe,
    P: Provider + RefUnwindSafe,
{
}
