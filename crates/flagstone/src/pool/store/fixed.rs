//! A contiguous run of slots under a strategy.

use core::{
    alloc::Layout, cell::Cell, fmt, marker::PhantomData, mem::ManuallyDrop, panic::RefUnwindSafe,
    ptr, ptr::NonNull,
};

use super::{Initial, Store};
use crate::{
    corruption::{hooks as tools, report},
    error::{Allowed, Cause, ConfigError, Given},
    handle::{OwnedHandle, VacantHandle},
    layout::{RunLayout, SlotLayout},
    pool::PoolConfig,
    provider::{Global, Provider, request},
    raw::{
        self, Attach, Cursor, Home, Hooks, Intrusive, NoHooks, PinHome, Run, Strategy, release,
        retire, welcome,
    },
};

/// The memory of a fixed pool.
///
/// # Invariants
///
/// 1. `run` lies in the chunk that `provider` gave for `chunk`, if its size is not 0, and
///    `strategy` is attached to it.
/// 2. `vacant` counts the slots that are out as vacant handles.
pub struct FixedStore<T, S: Strategy, K: Hooks<T>, P: Provider> {
    strategy: S,
    run: Run<T>,
    hooks: K,
    vacant: Cell<usize>,
    initial: Initial<T>,
    chunk: Layout,
    provider: ManuallyDrop<P>,
    // Owns values, and hands out `&mut` to them through `&self`: invariant in `T`.
    values: PhantomData<Cell<T>>,
}

impl<T, S: Strategy, K: Hooks<T>, P: Provider> FixedStore<T, S, K, P> {
    pub(in crate::pool) fn new(
        config: PoolConfig<T>,
        mut strategy: S,
        hooks: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        check(&config, strategy.numbers())?;
        let capacity = config.capacity;
        let (slot, layout) = geometry::<T, S>(&strategy, capacity, config.alignment)?;
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
            chunk,
            provider: ManuallyDrop::new(provider),
            values: PhantomData,
        };
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

    /// The number of the slot that starts at `address`.
    pub(in crate::pool) fn index_at(&self, address: usize) -> Option<usize> {
        self.run.checked_index_of(address)
    }

    /// Slot `index` if it is taken, for strategies that know, and not by a value made ahead.
    pub(in crate::pool) fn taken_slot(&self, index: usize) -> Option<NonNull<T>> {
        let slot = self.run.slot(index)?;
        let taken = self.strategy.is_taken(index) == Some(true);
        (taken && !self.initial.holds(slot)).then_some(slot.cast())
    }

    /// Makes a handle again.
    ///
    /// # Safety
    ///
    /// `slot` holds a live value of this pool that no other handle owns.
    pub(in crate::pool) unsafe fn adopt(&self, slot: NonNull<T>) -> FixedHandle<'_, T, S, K, P> {
        if cfg!(debug_assertions)
            && let Some(found) = self.strategy.suspect(&self.run, slot.cast())
        {
            report(found);
        }
        // SAFETY: the caller's promise; the home is ours.
        unsafe { OwnedHandle::new(slot, self.home()) }
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
    alignment: usize,
) -> Result<(SlotLayout, RunLayout), ConfigError> {
    let value = Layout::new::<T>();
    let slot = if S::LINKED {
        SlotLayout::linked(value, alignment)
    } else {
        SlotLayout::plain(value, alignment)
    };
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

// SAFETY: the strategy hands out slots of the run, which are made for `T`; the home is this store,
// borrowed; the walk is the strategy's.
unsafe impl<T, S: Strategy, K: Hooks<T>, P: Provider> Store for FixedStore<T, S, K, P> {
    type Value = T;
    type Hooks = K;
    type Home<'p>
        = FixedHome<'p, T, S, K, P>
    where
        Self: 'p;
    type Cursor = Cursor;

    #[inline(always)]
    fn take(&self) -> Option<NonNull<u8>> {
        self.strategy.take(&self.run)
    }

    fn take_slow(&self) -> Result<NonNull<u8>, Cause> {
        Err(Cause::exhausted(self.run.capacity()))
    }

    #[inline(always)]
    unsafe fn put(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.strategy.put(&self.run, slot) }
    }

    #[inline(always)]
    fn hooks(&self) -> &K {
        &self.hooks
    }

    fn initial(&self) -> &Initial<T> {
        &self.initial
    }

    fn vacant(&self) -> &Cell<usize> {
        &self.vacant
    }

    #[inline(always)]
    fn home(&self) -> FixedHome<'_, T, S, K, P> {
        FixedHome(self)
    }

    fn walk(&mut self) -> Cursor {
        self.initial.sort();
        self.strategy.walk(&self.run)
    }

    fn next_taken(&self, cursor: &mut Cursor) -> Option<NonNull<u8>> {
        self.strategy.next_taken(&self.run, cursor)
    }

    fn end_walk(&self) {}
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

/// How a slot of a [`FixedPool`](crate::FixedPool) is returned: a reference to the pool.
pub struct FixedHome<'p, T, S: Strategy = Intrusive, K: Hooks<T> = NoHooks, P: Provider = Global>(
    &'p FixedStore<T, S, K, P>,
);

impl<T, S: Strategy, K: Hooks<T>, P: Provider> fmt::Debug for FixedHome<'_, T, S, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FixedHome({:p})", ptr::from_ref(self.0))
    }
}

// SAFETY: `NoHooks` never sees a value; a provider that is `'static` keeps the memory of a forgotten
// pool for ever; walks that give out `&mut T` or move a value ask for `T: Unpin`.
unsafe impl<T, S: Strategy, P: Provider + 'static> PinHome for FixedHome<'_, T, S, NoHooks, P> {}

// SAFETY: the store is borrowed for 'p, so it and its memory stay; the order of things, whatever
// panics, is that of `raw`.
unsafe impl<T, S: Strategy, K: Hooks<T>, P: Provider> Home for FixedHome<'_, T, S, K, P> {
    #[inline]
    unsafe fn welcome(&self, slot: NonNull<u8>) {
        // SAFETY: a live value that is the caller's; if the hook panics nobody uses the slot.
        unsafe { welcome(&self.0.hooks, slot.cast::<T>(), || self.0.put(slot)) }
    }

    #[inline(always)]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        // SAFETY: a live value that is the caller's, gone when the slot goes back.
        unsafe { retire(&self.0.hooks, slot.cast::<T>(), || self.0.put(slot)) }
    }

    #[inline]
    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: as for `retire`; `into` has room for a `T`.
        unsafe {
            release(&self.0.hooks, slot.cast::<T>(), into.cast(), || {
                self.0.put(slot)
            })
        }
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        self.0.vacant.set(self.0.vacant.get() - 1);
        // SAFETY: handed out empty, and not used any more.
        unsafe { self.0.put(slot) }
    }

    unsafe fn occupy(&self, _slot: NonNull<u8>) {
        self.0.vacant.set(self.0.vacant.get() - 1);
    }
}

/// An owned value in a [`FixedPool`](crate::FixedPool): two words.
pub type FixedHandle<'p, T, S = Intrusive, K = NoHooks, P = Global> =
    OwnedHandle<'p, T, FixedHome<'p, T, S, K, P>>;

/// An empty slot of a [`FixedPool`](crate::FixedPool).
pub type FixedVacant<'p, T, S = Intrusive, K = NoHooks, P = Global> =
    VacantHandle<'p, T, FixedHome<'p, T, S, K, P>>;
