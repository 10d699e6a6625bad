//! Slots for runs of elements: one run of slots, or slabs.

use core::{
    alloc::Layout, cell::Cell, fmt, marker::PhantomData, mem, panic::RefUnwindSafe, ptr,
    ptr::NonNull,
};

use super::{
    FixedStore, Store, Walked,
    slab_slots::{self, SlabSlots},
};
use crate::{
    corruption::report,
    error::{AllocError, Allowed, Cause, ConfigError, Given},
    layout::BufferLayout,
    pool::PoolConfig,
    provider::Provider,
    raw::{Cursor, Intrusive, NoHooks, PutBack, SlabCursor},
    stats::Collector,
};

/// How many free slots of a slab a debug build looks through for a double free.
const DEBUG_SEARCH: usize = 32;

/// What fixed slots are said to hold: enough for the widest link. They are larger.
type Unit = mem::MaybeUninit<[u8; 16]>;

/// The memory of a buffer pool.
///
/// # Invariants
///
/// 1. Every slot has room for `elements` of `T`, and for the note if `NOTED`.
/// 2. If `NOTED`, the note of a taken slot says how many of its first elements are initialised.
pub(crate) struct BufferStore<T, P: Provider> {
    elements: usize,
    note: usize,
    slots: Slots<P>,
    // Owns elements, and hands out `&mut` to them through `&self`: invariant in `T`.
    values: PhantomData<Cell<T>>,
}

#[cfg_attr(
    all(feature = "stats", feature = "alloc"),
    expect(
        clippy::large_enum_variant,
        reason = "the counters of a run; a pool is not moved around"
    )
)]
enum Slots<P: Provider> {
    /// As many as there will ever be, one after the other.
    Run(FixedStore<Unit, Intrusive, NoHooks, P>),
    /// In slabs that are added and returned.
    Slabs(SlabSlots<P>),
}

enum Walk {
    Run(Cursor),
    Slabs(SlabCursor),
}

impl<T, P: Provider> BufferStore<T, P> {
    /// Whether the number of elements is noted in the slot, so that those of a forgotten buffer can
    /// be dropped.
    const NOTED: bool = mem::needs_drop::<T>();

    pub(in crate::pool) fn new(
        elements: usize,
        config: PoolConfig<T>,
        provider: P,
    ) -> Result<Self, ConfigError> {
        if config.makes_values() {
            return Err(ConfigError::knob_out_of_range(
                "initialization",
                Given::Choice("an initializer"),
                Allowed::Only("Lazy, because buffers begin empty"),
            ));
        }
        let grows = config
            .growth
            .as_ref()
            .is_some_and(|growth| growth.allows_growth());
        // The layout of a buffer, and for a pool that grows the slabs for it.
        let geometry = |elements: usize| {
            let (element, alignment) = (Layout::new::<T>(), config.alignment);
            let layout = BufferLayout::new(element, elements, Self::NOTED, alignment)?;
            if grows {
                Some((layout, Some(slab_slots::shape(layout.slot())?)))
            } else {
                Some((layout, None))
            }
        };
        let Some((layout, shape)) = geometry(elements) else {
            return Err(ConfigError::knob_out_of_range(
                "elements",
                Given::Number(elements),
                Allowed::Range {
                    least: 0,
                    most: BufferLayout::most(elements, |elements| geometry(elements).is_some()),
                    unit: "elements of this type",
                },
            ));
        };
        let slots = if let Some(shape) = shape {
            Slots::Slabs(SlabSlots::new(config, shape, provider)?)
        } else {
            let config = PoolConfig::<Unit> {
                capacity: config.capacity,
                max_capacity: config.max_capacity,
                growth: config.growth,
                initialization: crate::pool::InitializationStrategy::Lazy,
                alignment: config.alignment,
                pre_initialize: config.pre_initialize,
            };
            let slot = Some(layout.slot());
            Slots::Run(FixedStore::with_slot(
                config,
                slot,
                Intrusive::default(),
                NoHooks,
                provider,
            )?)
        };
        Ok(Self {
            elements,
            note: layout.note(),
            slots,
            values: PhantomData,
        })
    }

    /// An empty slot, with the note that it is.
    #[inline]
    pub(in crate::pool) fn take(&self) -> Result<NonNull<T>, AllocError> {
        let at_hand = match &self.slots {
            Slots::Run(slots) => slots.take(),
            Slots::Slabs(slots) => slots.take(),
        };
        let slot = match at_hand {
            Some(slot) => slot.cast(),
            None => self.take_slow()?,
        };
        self.stats().allocated();
        // SAFETY: taken, and ours.
        unsafe { self.write_note(slot, 0) };
        Ok(slot)
    }

    #[cold]
    #[inline(never)]
    fn take_slow(&self) -> Result<NonNull<T>, AllocError> {
        let slot = match &self.slots {
            Slots::Run(slots) => slots.take_slow(),
            Slots::Slabs(slots) => slots.take_slow(),
        };
        slot.map(NonNull::cast).map_err(|cause: Cause| {
            self.stats().refused(cause.kind());
            AllocError::new((), cause)
        })
    }

    /// Takes a slot back.
    ///
    /// # Safety
    ///
    /// The slot was taken from this store, is the caller's, and is not used any more; what is still
    /// in it is not dropped.
    #[inline]
    pub(super) unsafe fn give_back(&self, slot: NonNull<T>) {
        self.stats().freed();
        match &self.slots {
            // SAFETY: the caller's promise, here and below.
            Slots::Run(slots) => unsafe { slots.put(slot.cast()) },
            // SAFETY: as above.
            Slots::Slabs(slots) => unsafe { slots.put(slot.cast()) },
        }
    }

    /// Notes how many elements of a slot are initialised, if that is noted.
    ///
    /// # Safety
    ///
    /// The slot is taken and the caller's.
    #[inline(always)]
    pub(super) unsafe fn write_note(&self, slot: NonNull<T>, len: usize) {
        if Self::NOTED {
            // SAFETY: the note is part of the slot (invariant 1).
            let note = unsafe { slot.byte_add(self.note) };
            // SAFETY: aligned by `BufferLayout`, and the caller's.
            unsafe { note.cast::<usize>().write(len) };
        }
    }

    /// How many elements of a taken slot are initialised, or 0 where that does not matter.
    ///
    /// # Safety
    ///
    /// The slot is taken.
    unsafe fn read_note(&self, slot: NonNull<T>) -> usize {
        if !Self::NOTED {
            return 0;
        }
        // SAFETY: the note is part of the slot (invariant 1).
        let note = unsafe { slot.byte_add(self.note) };
        // SAFETY: written when the slot was taken (invariant 2).
        unsafe { note.cast::<usize>().read() }
    }

    /// What is wrong with a pointer that is said to be a buffer in use, as far as a debug build
    /// looks.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of some pool like this one.
    pub(in crate::pool) unsafe fn check(&self, slot: NonNull<T>) {
        let slot = slot.cast();
        let found = match &self.slots {
            Slots::Run(slots) => slots.suspect(slot),
            // SAFETY: the caller's promise.
            Slots::Slabs(slots) => unsafe { slots.suspect(slot, DEBUG_SEARCH) },
        };
        if let Some(found) = found {
            report(found);
        }
    }

    #[inline(always)]
    pub(in crate::pool) fn stats(&self) -> &Collector {
        match &self.slots {
            Slots::Run(slots) => slots.stats(),
            Slots::Slabs(slots) => slots.stats(),
        }
    }

    #[inline(always)]
    pub(in crate::pool) fn elements(&self) -> usize {
        self.elements
    }

    pub(in crate::pool) fn capacity(&self) -> usize {
        match &self.slots {
            Slots::Run(slots) => slots.capacity(),
            Slots::Slabs(slots) => slots.slabs().capacity(),
        }
    }

    pub(in crate::pool) fn in_use(&self) -> usize {
        match &self.slots {
            Slots::Run(slots) => slots.in_use(),
            Slots::Slabs(slots) => slots.slabs().usage().0,
        }
    }

    pub(in crate::pool) fn has_free(&self) -> bool {
        match &self.slots {
            Slots::Run(slots) => slots.available() > 0,
            Slots::Slabs(slots) => slots.has_free(),
        }
    }

    pub(in crate::pool) fn provider(&self) -> &P {
        match &self.slots {
            Slots::Run(slots) => slots.provider(),
            Slots::Slabs(slots) => slots.slabs().provider(),
        }
    }

    pub(in crate::pool) fn index_of(&self, slot: NonNull<T>) -> Option<usize> {
        match &self.slots {
            Slots::Run(slots) => slots.index_at(slot.as_ptr().addr()),
            Slots::Slabs(_) => None,
        }
    }

    pub(in crate::pool) fn shrink_to_fit(&self) -> usize {
        match &self.slots {
            Slots::Run(_) => 0,
            Slots::Slabs(slots) => slots.shrink_to_fit(),
        }
    }

    fn walk(&mut self) -> Walk {
        match &mut self.slots {
            Slots::Run(slots) => Walk::Run(slots.walk()),
            Slots::Slabs(slots) => Walk::Slabs(slots.walk()),
        }
    }

    fn next_taken(&self, walk: &mut Walk) -> Option<NonNull<T>> {
        let slot = match (&self.slots, walk) {
            (Slots::Run(slots), Walk::Run(cursor)) => slots.next_taken(cursor),
            (Slots::Slabs(slots), Walk::Slabs(cursor)) => slots.slabs().next_live(cursor),
            _ => None,
        };
        slot.map(NonNull::cast)
    }

    /// Drops the elements of the buffers that were forgotten, and frees their slots; a destructor
    /// that panics does not stop the others, and its panic continues afterwards.
    pub(in crate::pool) fn clear(&mut self) {
        struct End<'s, T, P: Provider>(&'s BufferStore<T, P>);

        impl<T, P: Provider> Drop for End<'_, T, P> {
            fn drop(&mut self) {
                if let Slots::Slabs(slots) = &self.0.slots {
                    slots.slabs().end_walk();
                }
            }
        }

        let mut walk = self.walk();
        let end = End(self);
        end.0.clear_rest(&mut walk);
    }

    fn clear_rest(&self, walk: &mut Walk) {
        struct Rest<'w, 's, T, P: Provider>(&'s BufferStore<T, P>, &'w mut Walk);

        impl<T, P: Provider> Drop for Rest<'_, '_, T, P> {
            fn drop(&mut self) {
                self.0.clear_rest(self.1);
            }
        }

        while let Some(slot) = self.next_taken(walk) {
            let rest = Rest(self, walk);
            // SAFETY: taken, and no handle owns it: the caller has the store alone.
            let len = unsafe { self.read_note(slot) };
            // SAFETY: the first `len` elements are initialised (invariant 2) and nobody's; the slot
            // is visited once.
            unsafe { self.retire(slot, len) };
            mem::forget(rest);
        }
    }

    /// Drops the first `len` elements of a slot and gives it back, whatever panics.
    ///
    /// # Safety
    ///
    /// The slot is taken and the caller's, its first `len` elements are initialised, and it is not
    /// used any more.
    #[inline]
    pub(super) unsafe fn retire(&self, slot: NonNull<T>, len: usize) {
        // SAFETY: the caller's promise; the elements are gone when this runs.
        let _back = PutBack::new(|| unsafe { self.give_back(slot) });
        if mem::needs_drop::<T>() {
            let elements = ptr::slice_from_raw_parts_mut(slot.as_ptr(), len);
            // SAFETY: the caller's promise; dropped once, and the rest too if one panics.
            unsafe { elements.drop_in_place() }; // USER CODE
        }
    }
}

impl<T, P: Provider> Drop for BufferStore<T, P> {
    fn drop(&mut self) {
        if Self::NOTED {
            self.clear();
        }
    }
}

impl<T, P: Provider> fmt::Debug for BufferStore<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferStore").finish_non_exhaustive()
    }
}

// A panic in user code leaves the pool exact, so looking at it afterwards is fine.
impl<T: RefUnwindSafe, P: Provider + RefUnwindSafe> RefUnwindSafe for BufferStore<T, P> {}
