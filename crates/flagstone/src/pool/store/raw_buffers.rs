//! A region of equal buffers, and nothing else.

use core::{
    alloc::Layout, fmt, marker::PhantomData, mem::MaybeUninit, panic::RefUnwindSafe, ptr,
    ptr::NonNull, slice,
};

use crate::{
    error::{Allowed, ConfigError, Given},
    layout::{BufferLayout, RunLayout, SlotLayout},
    provider::{Global, Provider, request},
    raw::Run,
};

/// One chunk with room for `count` buffers of `elements` elements each, for those who build their
/// own pool: no account of what is in use, nothing is initialised, nothing is ever dropped.
///
/// ```text
///  │ 0 │ 1 │ … │ M - 1 │ 0 │ 1 │ … │ M - 1 │ …        buffer after buffer, no gaps
///  ╰──── buffer 0 ─────╯╰──── buffer 1 ────╯
/// ```
///
/// Addresses come from `&self` and are good until the region is dropped; what they may be used for
/// is up to whoever hands them out. The helpers that check answer `None`; each has a twin that does
/// not check.
///
/// ```
/// use flagstone::pool::RawBuffers;
/// use flagstone::index::Bitmap;
///
/// let region = RawBuffers::<u32>::new(4, 3);
/// let mut free = Bitmap::new(region.count())?;
/// let number = free.allocate().unwrap();
/// let element = region.element(number, 2).unwrap();
/// // SAFETY: the number is ours, so nobody else uses the buffer.
/// unsafe { element.write(42) };
/// // SAFETY: as above, and written.
/// assert_eq!(unsafe { element.read() }, 42);
/// assert_eq!(region.index_of(region.buffer(number).unwrap().cast()), Some(number));
/// assert!(region.buffer(3).is_none() && region.element(0, 4).is_none());
/// free.free(number)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// 1. `run` lies in the chunk that `provider` gave for `chunk`, if its size is not 0.
/// 2. Buffers are `elements` elements long and lie without gaps, but for elements without bytes.
pub struct RawBuffers<T, P: Provider = Global> {
    run: Run<u8>,
    elements: usize,
    chunk: Layout,
    provider: P,
    // Holds room for `T`s, which may be sent along with the region.
    values: PhantomData<T>,
}

#[cfg(feature = "alloc")]
impl<T> RawBuffers<T> {
    /// Room for `count` buffers of `elements` elements, on the global allocator.
    ///
    /// # Panics
    ///
    /// When the memory cannot be had; [`try_new_in`](Self::try_new_in) says so instead.
    #[must_use]
    #[track_caller]
    pub fn new(elements: usize, count: usize) -> Self {
        match Self::try_new_in(elements, count, Global) {
            Ok(region) => region,
            Err(error) => panic!("{error}"),
        }
    }
}

impl<T, P: Provider> RawBuffers<T, P> {
    /// Room for `count` buffers of `elements` elements in memory of `provider`. One chunk, which is
    /// not touched.
    ///
    /// # Errors
    ///
    /// When so many do not fit the address space, or the memory cannot be had.
    pub fn try_new_in(elements: usize, count: usize, provider: P) -> Result<Self, ConfigError> {
        let refused = |knob, given, most, unit| {
            let allowed = Allowed::Range {
                least: 0,
                most,
                unit,
            };
            ConfigError::knob_out_of_range(knob, Given::Number(given), allowed)
        };
        let Some(slot) = Self::slot_of(elements) else {
            let most = BufferLayout::most(elements, |n| Self::slot_of(n).is_some());
            return Err(refused("elements", elements, most, "elements of this type"));
        };
        let Some(layout) = RunLayout::new(slot, count, 0) else {
            let fits = |n| RunLayout::new(slot, n, 0).is_some();
            let most = BufferLayout::most(count, fits);
            return Err(refused("count", count, most, "buffers of this size"));
        };
        let chunk = layout.chunk();
        let base = if chunk.size() == 0 {
            let aligned = ptr::without_provenance_mut(chunk.align());
            NonNull::new(aligned).unwrap_or(NonNull::dangling())
        } else {
            request(&provider, chunk)?.ptr.cast::<u8>()
        };
        Ok(Self {
            // SAFETY: the layout describes `count` such slots at the start of the chunk, and any
            // slot is large enough for a byte.
            run: unsafe { Run::new(base, slot, count) },
            elements,
            chunk,
            provider,
            values: PhantomData,
        })
    }

    fn slot_of(elements: usize) -> Option<SlotLayout> {
        let bytes = size_of::<T>().checked_mul(elements)?;
        let buffer = Layout::from_size_align(bytes, align_of::<T>()).ok()?;
        SlotLayout::plain(buffer, 1)
    }

    /// Elements of a buffer.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.elements
    }

    /// Buffers there are.
    #[must_use]
    #[doc(alias = "n_blocks")]
    pub fn count(&self) -> usize {
        self.run.capacity()
    }

    /// Bytes from one buffer to the next.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.run.stride()
    }

    /// Where the memory comes from.
    #[must_use]
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// Buffer `index`; `None` when there is no such buffer.
    #[must_use]
    pub fn buffer(&self, index: usize) -> Option<NonNull<[MaybeUninit<T>]>> {
        let first = self.run.slot(index)?;
        Some(NonNull::slice_from_raw_parts(first.cast(), self.elements))
    }

    /// Buffer `index`.
    ///
    /// # Safety
    ///
    /// `index` is below [`count`](Self::count).
    #[must_use]
    pub unsafe fn buffer_unchecked(&self, index: usize) -> NonNull<[MaybeUninit<T>]> {
        debug_assert!(index < self.count(), "no such buffer");
        // SAFETY: below the count by the caller's promise, so within the chunk (invariant 1).
        let first = unsafe { self.run.base().add(index * self.run.stride()) };
        NonNull::slice_from_raw_parts(first.cast(), self.elements)
    }

    /// Element `element` of buffer `index`; `None` when there is no such element.
    #[must_use]
    pub fn element(&self, index: usize, element: usize) -> Option<NonNull<T>> {
        let first = self.run.slot(index)?.cast::<T>();
        if element >= self.elements {
            return None;
        }
        // SAFETY: one of the buffer's elements (invariant 2).
        Some(unsafe { first.add(element) })
    }

    /// Element `element` of buffer `index`.
    ///
    /// # Safety
    ///
    /// `index` is below [`count`](Self::count) and `element` below [`elements`](Self::elements).
    #[must_use]
    pub unsafe fn element_unchecked(&self, index: usize, element: usize) -> NonNull<T> {
        debug_assert!(element < self.elements, "no such element");
        // SAFETY: the caller's promise.
        let first = unsafe { self.buffer_unchecked(index) }.cast::<T>();
        // SAFETY: one of the buffer's elements (invariant 2).
        unsafe { first.add(element) }
    }

    /// The number of the buffer that begins at `first`; `None` when none does. Only the address
    /// counts.
    #[must_use]
    pub fn index_of(&self, first: NonNull<T>) -> Option<usize> {
        self.run.checked_index_of(first.as_ptr().addr())
    }

    /// The number of the buffer that begins at `first`.
    ///
    /// # Safety
    ///
    /// One does.
    #[must_use]
    pub unsafe fn index_of_unchecked(&self, first: NonNull<T>) -> usize {
        let offset = first
            .as_ptr()
            .addr()
            .wrapping_sub(self.run.base().as_ptr().addr());
        debug_assert!(self.index_of(first).is_some(), "no buffer begins there");
        offset / self.run.stride()
    }

    /// Buffer `index`, for whoever has the region alone: no address given out before may be used
    /// while this is.
    #[must_use]
    pub fn buffer_mut(&mut self, index: usize) -> Option<&mut [MaybeUninit<T>]> {
        let buffer = self.buffer(index)?;
        // SAFETY: room that is ours and needs no value; `&mut self` rules out another reference
        // from here, and addresses are their users' responsibility.
        Some(unsafe { slice::from_raw_parts_mut(buffer.as_ptr().cast(), self.elements) })
    }
}

impl<T, P: Provider> Drop for RawBuffers<T, P> {
    fn drop(&mut self) {
        if self.chunk.size() > 0 {
            // SAFETY: invariant 1; this is the end of the region.
            unsafe { self.provider.free(self.run.base(), self.chunk) }; // USER CODE
        }
    }
}

impl<T, P: Provider> fmt::Debug for RawBuffers<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawBuffers")
            .field("elements", &self.elements)
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

// SAFETY: the region owns its chunk; sending it sends what somebody may have put in, and the
// provider.
unsafe impl<T: Send, P: Provider + Send> Send for RawBuffers<T, P> {}

// SAFETY: `&RawBuffers` gives out addresses and numbers that never change; whoever uses an address
// answers for that.
unsafe impl<T: Sync, P: Provider + Sync> Sync for RawBuffers<T, P> {}

impl<T: RefUnwindSafe, P: Provider + RefUnwindSafe> RefUnwindSafe for RawBuffers<T, P> {}
