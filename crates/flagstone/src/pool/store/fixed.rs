//! A contiguous run of slots under a strategy.

use core::{
    alloc::Layout, cell::Cell, fmt, marker::PhantomData, mem::ManuallyDrop, panic::RefUnwindSafe,
    ptr::NonNull,
};

use super::Initial;
use crate::{
    corruption::{Corruption, hooks as tools},
    error::{Allowed, ConfigError, Given},
    layout::{RunLayout, SlotLayout},
    pool::PoolConfig,
    provider::{Provider, request},
    raw::{self, Attach, Hooks, Run, Strategy},
    stats::Collector,
};

/// The memory of a fixed pool.
///
/// # Invariants
///
/// 1. `run` lies in the chunk that `provider` gave for `chunk`, if its size is not 0, and
///    `strategy` is attached to it.
/// 2. `vacant` counts the slots that are out as vacant handles.
pub struct FixedStore<T, S: Strategy, K: Hooks<T>, P: Provider> {
    pub(super) strategy: S,
    pub(super) run: Run<T>,
    pub(super) hooks: K,
    pub(super) vacant: Cell<usize>,
    pub(super) initial: Initial<T>,
    pub(super) stats: Collector,
    chunk: Layout,
    provider: ManuallyDrop<P>,
    // Owns values, and hands out `&mut` to them through `&self`: invariant in `T`.
    values: PhantomData<Cell<T>>,
}

impl<T, S: Strategy, K: Hooks<T>, P: Provider> FixedStore<T, S, K, P> {
    pub(in crate::pool) fn new(
        config: PoolConfig<T>,
        strategy: S,
        hooks: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        let value = Layout::new::<T>();
        let slot = if S::LINKED {
            SlotLayout::linked(value, config.alignment)
        } else {
            SlotLayout::plain(value, config.alignment)
        };
        Self::with_slot(config, slot, strategy, hooks, provider)
    }

    /// As [`new`](Self::new), with slots of a layout that is at least that of `T`; `None` when there
    /// is no such layout.
    pub(super) fn with_slot(
        config: PoolConfig<T>,
        slot: Option<SlotLayout>,
        mut strategy: S,
        hooks: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        check(&config, strategy.numbers())?;
        let capacity = config.capacity;
        let (slot, layout) = geometry::<T, S>(&strategy, capacity, slot)?;
        let chunk = layout.chunk();
        let (base, zeroed) = if chunk.size() == 0 {
            (
                NonNull::dangling().map_addr(|_| dangling(chunk.align())),
                true,
            )
        } else {
            let chunk = request(&provider, chunk)?;
            (chunk.ptr.cast::<u8>(), chunk.zeroed)
        };
        // SAFETY: the layout describes `capacity` such slots at the start of the chunk.
        let run = unsafe { Run::new(base, slot, capacity) };
        if config.pre_initialize && chunk.size() > 0 {
            // SAFETY: the chunk is ours and nothing uses it yet.
            unsafe { raw::touch(base, chunk.size()) };
        }
        tools::run_mapped(base, run.bytes());
        let memory = Attach {
            // SAFETY: the layout keeps room for the words there.
            words: unsafe { base.add(layout.bits_offset()) }.cast(),
            word_count: layout.bit_words(),
            zeroed,
        };
        // SAFETY: slots and words are the strategy's alone; nobody uses them yet.
        unsafe { strategy.attach(&run, memory) };
        let initial = Initial::new(config.initialization, config.pre_initialize);
        let store = Self {
            strategy,
            run,
            hooks,
            vacant: Cell::new(0),
            initial,
            stats: Collector::new(),
            chunk,
            provider: ManuallyDrop::new(provider),
            values: PhantomData,
        };
        if chunk.size() > 0 {
            store.stats.chunk_added(chunk.size());
        }
        #[cfg(feature = "alloc")]
        super::doors::fill_ahead(&store, capacity)?;
        Ok(store)
    }

    pub(in crate::pool) fn capacity(&self) -> usize {
        self.run.capacity()
    }

    pub(in crate::pool) fn in_use(&self) -> usize {
        self.strategy.in_use(&self.run) - self.initial.parked()
    }

    pub(in crate::pool) fn available(&self) -> usize {
        self.strategy.available(&self.run) + self.initial.parked()
    }

    pub(in crate::pool) fn provider(&self) -> &P {
        &self.provider
    }

    /// What was counted.
    #[inline(always)]
    pub(super) fn stats(&self) -> &Collector {
        &self.stats
    }

    /// The number of the slot that starts at `address`.
    pub(in crate::pool) fn index_at(&self, address: usize) -> Option<usize> {
        self.run.checked_index_of(address)
    }

    /// What is wrong with a slot that is said to be taken, as far as can be told at no cost to
    /// others: for debug builds.
    pub(super) fn suspect(&self, slot: NonNull<u8>) -> Option<Corruption> {
        self.strategy.suspect(&self.run, slot)
    }

    /// Slot `index` if it is taken, for strategies that know, and not by a value made ahead.
    pub(in crate::pool) fn taken_slot(&self, index: usize) -> Option<NonNull<T>> {
        let slot = self.run.slot(index)?;
        let taken = self.strategy.is_taken(index) == Some(true);
        (taken && !self.initial.holds(slot)).then_some(slot.cast())
    }
}

/// Refuses what a fixed pool cannot do.
fn check<T>(config: &PoolConfig<T>, numbers: Option<(usize, usize)>) -> Result<(), ConfigError> {
    config.check_slot_pool()?;
    if let Some(growth) = &config.growth
        && growth.allows_growth()
    {
        return Err(ConfigError::knob_out_of_range(
            "growth_strategy",
            Given::Choice(growth.name()),
            Allowed::Only("None for a fixed pool"),
        ));
    }
    if let Some(max) = config.max_capacity
        && max != config.capacity
    {
        return Err(ConfigError::knob_out_of_range(
            "max_capacity",
            Given::Number(max),
            Allowed::Only("the capacity, or nothing, for a fixed pool"),
        ));
    }
    let Some((numbers, free)) = numbers else {
        return Ok(());
    };
    if numbers != config.capacity {
        return Err(ConfigError::knob_out_of_range(
            "capacity",
            Given::Number(config.capacity),
            Allowed::Range {
                least: numbers,
                most: numbers,
                unit: "slots, the index allocator's",
            },
        ));
    }
    if free != numbers {
        // A number in use would be a slot in use that holds nothing.
        return Err(ConfigError::knob_out_of_range(
            "free numbers of the index allocator",
            Given::Number(free),
            Allowed::Range {
                least: numbers,
                most: numbers,
                unit: "numbers, all of them",
            },
        ));
    }
    Ok(())
}

fn geometry<T, S: Strategy>(
    strategy: &S,
    capacity: usize,
    slot: Option<SlotLayout>,
) -> Result<(SlotLayout, RunLayout), ConfigError> {
    let most = slot.map_or(0, |slot| {
        let fit = isize::MAX as usize / slot.stride();
        if S::LINKED {
            fit.min(Run::<T>::linkable(slot.stride()))
        } else {
            fit
        }
    });
    let too_many = ConfigError::knob_out_of_range(
        "capacity",
        Given::Number(capacity),
        Allowed::Range {
            least: 0,
            most,
            unit: "slots of this type",
        },
    );
    // Checked before the bits are counted, which a capacity that is too large would overflow.
    let slot = slot.filter(|_| capacity <= most).ok_or(too_many)?;
    let layout = RunLayout::new(slot, capacity, strategy.bits(capacity)).ok_or(too_many)?;
    Ok((slot, layout))
}

fn dangling(align: usize) -> core::num::NonZero<usize> {
    core::num::NonZero::new(align).unwrap_or(core::num::NonZero::<usize>::MIN)
}

impl<T, S: Strategy, K: Hooks<T>, P: Provider> Drop for FixedStore<T, S, K, P> {
    fn drop(&mut self) {
        /// Gives the memory back even if a destructor panics.
        struct End<'a, T, S: Strategy, K: Hooks<T>, P: Provider>(&'a mut FixedStore<T, S, K, P>);

        impl<T, S: Strategy, K: Hooks<T>, P: Provider> Drop for End<'_, T, S, K, P> {
            fn drop(&mut self) {
                let store = &mut *self.0;
                if store.chunk.size() > 0 {
                    tools::run_unmapped(store.run.base(), store.run.bytes());
                    // SAFETY: invariant 1; this is the end of the store.
                    unsafe { store.provider.free(store.run.base(), store.chunk) }; // USER CODE
                }
                // SAFETY: taken once, at the end of the store.
                unsafe { ManuallyDrop::drop(&mut store.provider) };
            }
        }

        if self.vacant.get() != 0 {
            // Forgotten vacant handles: what is initialised is not known. Leak rather than guess.
            return;
        }
        let end = End(self);
        super::walk::drop_all(end.0);
    }
}

impl<T, S: Strategy, K: Hooks<T>, P: Provider> fmt::Debug for FixedStore<T, S, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedStore").finish_non_exhaustive()
    }
}

// SAFETY: the store owns its chunk and everything in it; the strategy's pointers lead into the
// chunk. Sending it sends values, hooks and provider. It stays `!Sync`: a method that uses cells
// through `&self` from two threads must not be added.
unsafe impl<T: Send, S: Strategy + Send, K: Hooks<T> + Send, P: Provider + Send> Send
    for FixedStore<T, S, K, P>
{
}

// A panic in user code leaves the pool exact, so looking at it afterwards is fine.
impl<T, S, K, P> RefUnwindSafe for FixedStore<T, S, K, P>
where
    T: RefUnwindSafe,
    S: Strategy,
    K: Hooks<T> + RefUnwindSafe,
    P: Provider + RefUnwindSafe,
{
}
