//! Slots in slabs that come and go.

use core::{
    alloc::Layout, cell::Cell, fmt, marker::PhantomData, panic::RefUnwindSafe, ptr, ptr::NonNull,
};

use super::{Initial, Store};
use crate::{
    error::{Allowed, Cause, ConfigError, Given, OutOfMemory},
    layout::{SlabLayout, SlotLayout, clamp_growth},
    pool::{GrowthStrategy, PoolConfig},
    provider::Provider,
    raw::{Hooks, Slab, SlabShape, Slabs},
};

/// Bytes of slots that one step of growth adds at most, and at least one slab: 1 GiB.
pub(super) const GROWTH_STEP: usize = 1 << 30;

/// Bytes of all slabs of a new pool at most: what a program can address on today's machines.
pub(super) const ADDRESSES: usize = if usize::BITS < 48 {
    isize::MAX as usize
} else {
    1 << (usize::BITS / 2 + 15)
};

/// Bytes of the largest value, eight of which make a slab: offsets in a slab have 32 bits.
const MOST_BYTES: usize = 1 << 28;

/// What a slot reaches through its slab, beside the slabs.
pub(super) struct Beside<K> {
    pub(super) hooks: K,
    pub(super) vacant: Cell<usize>,
}

/// The memory of a growing pool.
///
/// # Invariants
///
/// 1. `slabs` came from `Slabs::create` with the geometry of `T` and `SLAB_BYTES`, and is destroyed
///    with the store.
/// 2. `current` is null or a slab of ours on no shelf.
/// 3. The sum of all slots never exceeds `max_capacity`.
pub struct GrowingStore<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> {
    pub(super) current: Cell<*mut Slab>,
    pub(super) stride: u32,
    pub(super) slabs: NonNull<Slabs<P, Beside<K>>>,
    max_capacity: Option<usize>,
    growth: GrowthStrategy,
    pub(super) initial: Initial<T>,
    // Owns values, and hands out `&mut` to them through `&self`: invariant in `T`.
    values: PhantomData<Cell<T>>,
}

/// Slabs for values of `T`.
pub(super) struct SlabOf<T, const SLAB_BYTES: usize>(PhantomData<T>);

impl<T, const SLAB_BYTES: usize> SlabOf<T, SLAB_BYTES> {
    /// Bytes of a slab, a constant of the type because the free path has nothing but an address;
    /// 0 when no slab can hold such values.
    pub(super) const SIZE: usize = {
        assert!(
            SLAB_BYTES.is_power_of_two() && SLAB_BYTES >= 1024 && SLAB_BYTES <= 1 << 31,
            "SLAB_BYTES must be a power of two from 1024 to 2^31 bytes"
        );
        match SlotLayout::linked(Layout::new::<T>(), 1) {
            Some(slot) => match SlabLayout::size_for(SLAB_BYTES, slot) {
                Some(size) => size,
                None => 0,
            },
            None => 0,
        }
    };

    /// Whether links are addresses: decided by the type alone, too, whatever the alignment.
    pub(super) const WIDE: bool = match SlotLayout::linked(Layout::new::<T>(), 1) {
        Some(slot) => SlabShape::is_wide(slot),
        None => false,
    };
}

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> GrowingStore<T, K, P, SLAB_BYTES> {
    pub(in crate::pool) fn new(
        config: PoolConfig<T>,
        hooks: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        config.check_slot_pool()?;
        let shape = shape::<T, SLAB_BYTES>(config.alignment)?;
        check_capacity(config.capacity, shape.slab_bytes(), shape.slots())?;
        let beside = Beside {
            hooks,
            vacant: Cell::new(0),
        };
        let slabs = Slabs::create(provider, beside, shape, config.capacity)?;
        let store = Self {
            current: Cell::new(ptr::null_mut()),
            stride: shape.stride(),
            slabs,
            max_capacity: config.max_capacity,
            growth: config
                .growth
                .unwrap_or(GrowthStrategy::Exponential { factor: 2.0 }),
            initial: Initial::new(config.initialization, config.pre_initialize),
            values: PhantomData,
        };
        while store.slabs().capacity() < config.capacity && store.add_slab()? {}
        if config.pre_initialize {
            store.slabs().touch();
        }
        #[cfg(feature = "alloc")]
        super::doors::fill_ahead(&store, config.capacity)?;
        Ok(store)
    }

    pub(super) fn slabs(&self) -> &Slabs<P, Beside<K>> {
        // SAFETY: invariant 1: alive until the store is dropped, and never borrowed mutably.
        unsafe { self.slabs.as_ref() }
    }

    fn current(&self) -> Option<&Slab> {
        // SAFETY: invariant 2: null or a slab that exists; all its changing fields are cells.
        unsafe { self.current.get().as_ref() }
    }

    fn add_slab(&self) -> Result<bool, OutOfMemory> {
        self.slabs().add(|| {
            self.max_capacity
                .map_or(usize::MAX, |max| max - self.slabs().capacity())
        })
    }

    /// Adds slabs as the strategy says; an error only if not even one could be added.
    pub(super) fn grow(&self) -> Result<(), Cause> {
        let before = self.slabs().capacity();
        if !self.growth.allows_growth() {
            return Err(Cause::exhausted(before));
        }
        let wanted = self.growth.compute_growth(before); // USER CODE
        // What an absurd strategy wants at once would take all memory before it is refused.
        let wanted = wanted.min(GROWTH_STEP / self.stride as usize);
        let target = before.saturating_add(clamp_growth(before, wanted, self.max_capacity));
        let mut added = false;
        while self.slabs().capacity() < target {
            match self.add_slab() {
                Ok(true) => added = true,
                Ok(false) => break,
                Err(error) if !added => return Err(error.into()),
                Err(_) => break,
            }
        }
        if added {
            self.slabs().stats().grew();
        }
        if added || self.slabs().has_room() || self.current().is_some_and(Slab::has_free) {
            Ok(())
        } else {
            Err(Cause::exhausted(self.slabs().capacity()))
        }
    }

    pub(in crate::pool) fn capacity(&self) -> usize {
        self.slabs().capacity()
    }

    pub(in crate::pool) fn max_capacity(&self) -> Option<usize> {
        self.max_capacity
    }

    pub(in crate::pool) fn in_use(&self) -> usize {
        self.slabs().usage().0 - self.initial.parked()
    }

    pub(in crate::pool) fn has_free(&self) -> bool {
        self.current().is_some_and(Slab::has_free)
            || self.slabs().has_room()
            || self.initial.parked() > 0 && !self.may_grow()
    }

    fn may_grow(&self) -> bool {
        let room = self
            .max_capacity
            .is_none_or(|max| self.slabs().capacity() < max);
        room && self.growth.allows_growth()
    }

    pub(in crate::pool) fn fragmentation(&self) -> f64 {
        let (live, slots) = self.slabs().usage();
        if slots == 0 {
            return 0.0;
        }
        1.0 - live as f64 / slots as f64
    }

    pub(in crate::pool) fn slab_count(&self) -> usize {
        self.slabs().slab_count()
    }

    pub(in crate::pool) fn slots_per_slab(&self) -> usize {
        self.slabs().shape().slots()
    }

    pub(in crate::pool) fn slab_bytes(&self) -> usize {
        self.slabs().shape().slab_bytes()
    }

    pub(in crate::pool) fn provider(&self) -> &P {
        self.slabs().provider()
    }

    pub(in crate::pool) fn shrink_to_fit(&self) -> usize {
        // Somebody may have forgotten a `Drain`; nobody walks now.
        self.slabs().forget_walk();
        if let Some(slab) = NonNull::new(self.current.get())
            && self.slabs().live(slab) == 0
        {
            self.current.set(ptr::null_mut());
            self.slabs().file(slab);
        }
        self.slabs().return_empty(usize::MAX, |_| true)
    }
}

/// Refuses more slots than a program could address.
pub(super) fn check_capacity(
    capacity: usize,
    slab_bytes: usize,
    slots: usize,
) -> Result<(), ConfigError> {
    let most = ADDRESSES / slab_bytes * slots;
    if capacity <= most {
        return Ok(());
    }
    Err(ConfigError::knob_out_of_range(
        "capacity",
        Given::Number(capacity),
        Allowed::Range {
            least: 0,
            most,
            unit: "slots of this type",
        },
    ))
}

/// The slabs of a pool with that alignment.
pub(super) fn shape<T, const SLAB_BYTES: usize>(
    alignment: usize,
) -> Result<SlabShape, ConfigError> {
    let (layout, slot) = geometry::<T, SLAB_BYTES>(alignment, Layout::new::<Slab>())?;
    SlabShape::new(layout, slot, SlabOf::<T, SLAB_BYTES>::WIDE).ok_or(too_large::<T>())
}

fn too_large<T>() -> ConfigError {
    ConfigError::knob_out_of_range(
        "size of a value",
        Given::Number(size_of::<T>()),
        Allowed::Range {
            least: 0,
            most: MOST_BYTES,
            unit: "bytes, so that a slab of 2 GiB holds eight",
        },
    )
}

/// Where the parts of slabs with that descriptor and alignment lie.
pub(super) fn geometry<T, const SLAB_BYTES: usize>(
    alignment: usize,
    descriptor: Layout,
) -> Result<(SlabLayout, SlotLayout), ConfigError> {
    let size = SlabOf::<T, SLAB_BYTES>::SIZE;
    let too_large = too_large::<T>();
    let slot = SlotLayout::linked(Layout::new::<T>(), alignment).ok_or(too_large)?;
    if size == 0 {
        return Err(too_large);
    }
    match SlabLayout::new(size, descriptor, slot) {
        Some(layout) => Ok((layout, slot)),
        None if alignment > align_of::<T>() => Err(ConfigError::knob_out_of_range(
            "alignment",
            Given::Number(alignment),
            Allowed::PowerOfTwo {
                least: align_of::<T>(),
                most: largest_alignment::<T>(size),
            },
        )),
        None => Err(too_large),
    }
}

/// The largest alignment with which a slab of `size` bytes holds a value.
fn largest_alignment<T>(size: usize) -> usize {
    let fits = |align: &usize| {
        SlotLayout::linked(Layout::new::<T>(), *align)
            .and_then(|slot| SlabLayout::new(size, Layout::new::<Slab>(), slot))
            .is_some()
    };
    let halves = core::iter::successors(Some(size / 2), |align| Some(align / 2));
    halves
        .take_while(|&align| align > align_of::<T>())
        .find(fits)
        .unwrap_or(align_of::<T>())
}

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Drop
    for GrowingStore<T, K, P, SLAB_BYTES>
{
    fn drop(&mut self) {
        /// Gives the memory back even if a destructor panics.
        struct End<'a, T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>(
            &'a mut GrowingStore<T, K, P, SLAB_BYTES>,
        );

        impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Drop for End<'_, T, K, P, SLAB_BYTES> {
            fn drop(&mut self) {
                // SAFETY: invariant 1; this is the end of the store.
                unsafe { Slabs::destroy(self.0.slabs) };
            }
        }

        if self.vacant() != 0 {
            // Forgotten vacant handles: what is initialised is not known. Leak rather than guess.
            return;
        }
        let end = End(self);
        super::walk::drop_all(end.0);
    }
}

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> fmt::Debug
    for GrowingStore<T, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrowingStore").finish_non_exhaustive()
    }
}

// SAFETY: the store owns its slabs and everything in them. Sending it sends values, hooks and
// provider. It stays `!Sync`: a method that uses cells through `&self` from two threads must not be
// added.
unsafe impl<T: Send, K: Hooks<T> + Send, P: Provider + Send, const SLAB_BYTES: usize> Send
    for GrowingStore<T, K, P, SLAB_BYTES>
{
}

// A panic in user code leaves the pool exact, so looking at it afterwards is fine.
impl<T, K, P, const SLAB_BYTES: usize> RefUnwindSafe for GrowingStore<T, K, P, SLAB_BYTES>
where
    T: RefUnwindSafe,
    K: Hooks<T> + RefUnwindSafe,
    P: Provider + RefUnwindSafe,
{
}
