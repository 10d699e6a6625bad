//! Slots of a size that is known when the program runs, in slabs that come and go.

use core::{alloc::Layout, cell::Cell, ptr, ptr::NonNull};

use super::growing::{ADDRESSES, GROWTH_STEP};
use crate::{
    corruption::Corruption,
    error::{Allowed, Cause, ConfigError, Given, OutOfMemory},
    layout::{SlabLayout, SlotLayout, clamp_growth},
    pool::{GrowthStrategy, PoolConfig},
    provider::Provider,
    raw::{Slab, SlabCursor, SlabShape, Slabs},
    stats::Collector,
};

/// Bytes of a slab at least.
const SLAB_BYTES: usize = 64 * 1024;

/// Slots in slabs: what a [`GrowingStore`](super::GrowingStore) is to the values of one type. Its
/// slots hold an address and a count at least, so their links are wide.
///
/// # Invariants
///
/// 1. `slabs` came from `Slabs::create` and is destroyed with this.
/// 2. `current` is null or a slab of ours on no shelf.
/// 3. The sum of all slots never exceeds `max_capacity`.
/// 4. `size` and `stride` are those of the slabs.
pub(super) struct SlabSlots<P: Provider> {
    current: Cell<*mut Slab>,
    size: usize,
    stride: u32,
    slabs: NonNull<Slabs<P, ()>>,
    max_capacity: Option<usize>,
    growth: GrowthStrategy,
}

/// The slabs for such slots; `None` when even the largest slab holds none, or `slot` is too small.
pub(super) fn shape(slot: SlotLayout) -> Option<SlabShape> {
    let size = SlabLayout::size_for(SLAB_BYTES, slot)?;
    let layout = SlabLayout::new(size, Layout::new::<Slab>(), slot)?;
    SlabShape::new(layout, slot, true).filter(|_| SlabShape::is_wide(slot))
}

impl<P: Provider> SlabSlots<P> {
    pub(super) fn new<T>(
        config: PoolConfig<T>,
        shape: SlabShape,
        provider: P,
    ) -> Result<Self, ConfigError> {
        let most = ADDRESSES / shape.slab_bytes() * shape.slots();
        if config.capacity > most {
            return Err(ConfigError::knob_out_of_range(
                "capacity",
                Given::Number(config.capacity),
                Allowed::Range {
                    least: 0,
                    most,
                    unit: "buffers of this size",
                },
            ));
        }
        let slots = Self {
            current: Cell::new(ptr::null_mut()),
            size: shape.slab_bytes(),
            stride: shape.stride(),
            slabs: Slabs::create(provider, (), shape, config.capacity)?,
            max_capacity: config.max_capacity,
            growth: config.growth.unwrap_or(GrowthStrategy::None),
        };
        while slots.slabs().capacity() < config.capacity && slots.add_slab()? {}
        if config.pre_initialize {
            slots.slabs().touch();
        }
        Ok(slots)
    }

    pub(super) fn slabs(&self) -> &Slabs<P, ()> {
        // SAFETY: invariant 1: alive until this is dropped, and never borrowed mutably.
        unsafe { self.slabs.as_ref() }
    }

    fn current(&self) -> Option<&Slab> {
        // SAFETY: invariant 2: null or a slab that exists; all its changing fields are cells.
        unsafe { self.current.get().as_ref() }
    }

    pub(super) fn stats(&self) -> &Collector {
        self.slabs().stats()
    }

    /// A slot that is at hand.
    #[inline]
    pub(super) fn take(&self) -> Option<NonNull<u8>> {
        let slab = NonNull::new(self.current.get())?;
        // SAFETY: invariants 2 and 4: a slab of ours, and so large.
        unsafe { Slab::take(slab, self.size, self.stride, true) }
    }

    /// Files the exhausted current slab, and makes the fullest one with room current, growing if
    /// there is none.
    #[cold]
    pub(super) fn take_slow(&self) -> Result<NonNull<u8>, Cause> {
        // Somebody may have forgotten a walk; nobody walks while slots are taken.
        self.slabs().forget_walk();
        loop {
            if let Some(exhausted) = NonNull::new(self.current.replace(ptr::null_mut())) {
                self.slabs().file(exhausted);
            }
            if let Some(slab) = self.slabs().pick() {
                self.current.set(slab.as_ptr());
                if let Some(slot) = self.take() {
                    return Ok(slot);
                }
            } else {
                self.grow()?;
                // The growth closure or the provider may have used the pool meanwhile: look again.
            }
        }
    }

    /// Takes a slot back.
    ///
    /// # Safety
    ///
    /// The slot was taken from here, is the caller's, and is not used any more.
    #[inline]
    pub(super) unsafe fn put(&self, slot: NonNull<u8>) {
        // SAFETY: a slot of one of our slabs (invariant 4).
        let slab = unsafe { Slab::of(slot, self.size) };
        // SAFETY: as above; the slot is the caller's.
        if unsafe { Slab::put(slab, slot, self.size, self.stride, true) } {
            self.slabs().notified(slab);
        }
    }

    fn add_slab(&self) -> Result<bool, OutOfMemory> {
        self.slabs().add(|| {
            self.max_capacity
                .map_or(usize::MAX, |max| max - self.slabs().capacity())
        })
    }

    /// Adds slabs as the strategy says; an error only if not even one could be added.
    fn grow(&self) -> Result<(), Cause> {
        let before = self.slabs().capacity();
        if !self.growth.allows_growth() {
            return Err(Cause::exhausted(before));
        }
        let wanted = self.growth.compute_growth(before); // USER CODE
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
            self.stats().grew();
        }
        if added || self.has_free() {
            Ok(())
        } else {
            Err(Cause::exhausted(self.slabs().capacity()))
        }
    }

    pub(super) fn has_free(&self) -> bool {
        self.slabs().has_room() || self.current().is_some_and(Slab::has_free)
    }

    pub(super) fn shrink_to_fit(&self) -> usize {
        self.slabs().forget_walk();
        if let Some(slab) = NonNull::new(self.current.get())
            && self.slabs().live(slab) == 0
        {
            self.current.set(ptr::null_mut());
            self.slabs().file(slab);
        }
        self.slabs().return_empty(usize::MAX, |_| true)
    }

    /// What is wrong with a slot that is said to be in use, as far as a debug build looks.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of some slab of this size.
    pub(super) unsafe fn suspect(&self, slot: NonNull<u8>, most: usize) -> Option<Corruption> {
        // SAFETY: the caller's promise.
        let slab = unsafe { Slab::of(slot, self.size) };
        // SAFETY: as above; its changing fields are cells.
        let owner = unsafe { slab.as_ref() }.owner();
        let address = slot.as_ptr().addr();
        if owner != self.slabs.cast() {
            return Some(Corruption::ForeignPointer { address });
        }
        let freed = self.slabs().recently_freed(slab, slot, most);
        freed.then_some(Corruption::DoubleFree { address })
    }

    pub(super) fn walk(&mut self) -> SlabCursor {
        self.slabs().walk()
    }
}

impl<P: Provider> Drop for SlabSlots<P> {
    fn drop(&mut self) {
        // SAFETY: invariant 1; this is the end of the slots.
        unsafe { Slabs::destroy(self.slabs) };
    }
}

// SAFETY: the slots own their slabs. Sending them sends the provider and the strategy, which is
// `Send`. They stay `!Sync`: a method that uses cells through `&self` from two threads must not be
// added.
unsafe impl<P: Provider + Send> Send for SlabSlots<P> {}
