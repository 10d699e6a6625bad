//! The contract between whoever has memory and whoever needs it.
#![expect(
    unsafe_code,
    reason = "declares the unsafe trait and forwards it through references"
)]

use core::{alloc::Layout, ptr::NonNull};

use crate::error::OutOfMemory;

/// Memory from a provider.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// The first byte, and how many bytes there are: at least as many as were asked for.
    pub ptr: NonNull<[u8]>,
    /// Whether every byte is 0; of a chunk from [`remap`](Provider::remap), every byte behind those
    /// that it kept.
    pub zeroed: bool,
}

impl Chunk {
    /// What an allocator that answers with a pointer gave for `layout`: nothing if it is null, and else
    /// `layout.size()` bytes that are not known to be 0.
    ///
    /// ```
    /// use core::{alloc::Layout, ptr};
    /// use flagstone::provider::Chunk;
    ///
    /// assert!(Chunk::from_raw(ptr::null_mut(), Layout::new::<u64>()).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] for a null pointer.
    pub fn from_raw(ptr: *mut u8, layout: Layout) -> Result<Self, OutOfMemory> {
        let ptr = NonNull::new(ptr).ok_or(OutOfMemory::new(layout))?;
        Ok(Self {
            ptr: NonNull::slice_from_raw_parts(ptr, layout.size()),
            zeroed: false,
        })
    }
}

/// Whether a [`purge`](Provider::purge) gave the memory behind a range back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged {
    /// Nothing happened; the bytes are as they were.
    No,
    /// The memory is gone until it is touched again; its bytes are 0 then.
    Zeroed,
}

/// Supplies chunks.
///
/// The library never calls a provider while one of its own locks or borrows is held, so a provider
/// may itself use the structure it serves. Its answers are checked: a chunk that is too small or
/// misaligned is given back and reported as [`OutOfMemory`]. [`Verified`](super::Verified) does the
/// same for structures of your own.
///
/// | call | needed for | unless the provider knows better |
/// |---|---|---|
/// | [`alloc`](Self::alloc), [`free`](Self::free) | all | |
/// | [`remap`](Self::remap) | growing large chunks without copying | refused |
/// | [`reserve_addresses`](Self::reserve_addresses), [`commit`](Self::commit), [`decommit`](Self::decommit) | chunks larger than what is used of them | refused |
/// | [`purge`](Self::purge) | giving memory back while it is idle | nothing happens |
/// | [`prefer_huge_pages`](Self::prefer_huge_pages) | large chunks that are used densely | nothing happens |
/// | [`page_size`](Self::page_size) | the unit of the four calls above | 4096 |
///
/// # Safety
///
/// The implementor promises: memory from `alloc` is valid for reads and writes, exclusive, and at
/// least as large and as aligned as asked, until it is given to `free` or `remap` or the lifetime of
/// the provider's type ends; moving, dropping or forgetting the provider does not end that. The same
/// holds for memory from `remap`, and from `commit` until it is given to `decommit` or its chunk to
/// `free`. `zeroed` and [`Purged::Zeroed`] are only said when every byte is 0; a refusal of `remap`,
/// `decommit` or `purge` leaves all bytes as they were.
///
/// # Example
///
/// A provider that counts:
///
/// ```
/// use core::{alloc::Layout, cell::Cell, ptr::NonNull};
/// use flagstone::provider::{Chunk, Global, Provider};
/// use flagstone::{FixedPool, OutOfMemory};
///
/// #[derive(Default)]
/// struct Counting {
///     chunks: Cell<usize>,
/// }
///
/// // SAFETY: every answer is the global allocator's.
/// unsafe impl Provider for Counting {
///     fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
///         self.chunks.set(self.chunks.get() + 1);
///         Global.alloc(layout)
///     }
///     unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
///         // SAFETY: passed on as it is.
///         unsafe { Global.free(ptr, layout) }
///     }
/// }
///
/// let counting = Counting::default();
/// let pool = FixedPool::new_in(100, &counting);
/// for n in 0..1000 {
///     drop(pool.alloc(n));
/// }
/// assert_eq!(counting.chunks.get(), 1);
/// ```
pub unsafe trait Provider {
    /// A chunk of at least `layout.size()` bytes, which is never 0, aligned to `layout.align()`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when there is none; nothing has changed then.
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory>;

    /// Takes a chunk back.
    ///
    /// # Safety
    ///
    /// `ptr` is the first byte of a chunk that this provider gave for the same `layout` and that
    /// was not given back since; nothing uses it any more.
    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout);

    /// Makes a chunk larger or smaller, perhaps somewhere else, and keeps what is in it: the first
    /// `old.size()` bytes, or `new.size()` if that is less. The old chunk ends; the answer is a chunk
    /// given for `new`.
    ///
    /// For what a copy would be slow for. [`OsPages`](super::OsPages) moves pages instead of bytes
    /// (Linux; other systems only shrink in place), [`Global`](super::Global) resizes within one
    /// alignment. A caller that is refused asks for another chunk and copies.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use flagstone::provider::{Global, Provider};
    ///
    /// let old = Layout::from_size_align(1000, 16).unwrap();
    /// let new = Layout::from_size_align(100_000, 16).unwrap();
    /// let first = Global.alloc(old).unwrap().ptr.cast::<u8>();
    /// // SAFETY: within the chunk.
    /// unsafe { first.write(7) };
    /// // SAFETY: the chunk given for `old`, which is not used below.
    /// let first = unsafe { Global.remap(first, old, new) }.unwrap().ptr.cast::<u8>();
    /// // SAFETY: the byte was kept.
    /// assert_eq!(unsafe { first.read() }, 7);
    /// // SAFETY: now it is a chunk given for `new`.
    /// unsafe { Global.free(first, new) };
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when it cannot; the old chunk is as it was.
    ///
    /// # Safety
    ///
    /// `ptr` is the first byte of a chunk that `alloc` or `remap` of this provider gave for the
    /// layout `old` and that was not given back since; `new` is not of 0 bytes. Unless it is refused,
    /// nothing uses the old chunk any more.
    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        let _ = (ptr, old);
        Err(OutOfMemory::new(new))
    }

    /// Addresses without memory: a chunk whose parts must be [`commit`](Self::commit)ted before they
    /// are touched. `free` with the same `layout` takes it back, whatever is committed of it.
    ///
    /// For a chunk that grows and must not move.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use flagstone::provider::{OsPages, Provider};
    ///
    /// let page = OsPages.page_size();
    /// let layout = Layout::from_size_align(1000 * page, page).unwrap();
    /// let first = OsPages.reserve_addresses(layout)?.cast::<u8>();
    /// // SAFETY: the chunk's first page, which is not committed.
    /// let chunk = unsafe { OsPages.commit(first, page) }?;
    /// assert!(chunk.zeroed && chunk.ptr.cast() == first);
    /// // SAFETY: committed above, and nothing is needed in it.
    /// unsafe { OsPages.decommit(first, page) };
    /// // SAFETY: given for this layout, and not used any more.
    /// unsafe { OsPages.free(first, layout) };
    /// # Ok::<(), flagstone::OutOfMemory>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the provider has no such addresses, or deals in memory only.
    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        Err(OutOfMemory::new(layout))
    }

    /// Puts memory behind a range of a chunk from [`reserve_addresses`](Self::reserve_addresses); the
    /// answer is that range.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when there is none; the range must still not be touched.
    ///
    /// # Safety
    ///
    /// The `len` bytes from `ptr` lie in one chunk that `reserve_addresses` of this provider gave and
    /// that was not given back; they start and end on a multiple of [`page_size`](Self::page_size);
    /// `len` is not 0, and no page of them is committed.
    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        let _ = ptr;
        Err(OutOfMemory::of_bytes(len))
    }

    /// Takes the memory behind a committed range away again; the addresses stay reserved. `false` when
    /// it could not: then the range is still committed and its bytes are as they were.
    ///
    /// # Safety
    ///
    /// As for [`commit`](Self::commit), but every page is committed; nothing uses them any more.
    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        let _ = (ptr, len);
        false
    }

    /// Offers the memory behind a range of a chunk back; the range can be touched as before.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use flagstone::provider::{OsPages, Provider, Purged};
    ///
    /// let layout = Layout::from_size_align(OsPages.page_size(), 1).unwrap();
    /// let page = OsPages.alloc(layout)?.ptr.cast::<u8>();
    /// // SAFETY: within the chunk.
    /// unsafe { page.write(7) };
    /// // SAFETY: the chunk's whole page, with nothing needed in it.
    /// let purged = unsafe { OsPages.purge(page, layout.size()) };
    /// // SAFETY: within the chunk, and written before.
    /// let byte = unsafe { page.read() };
    /// assert_eq!(byte, if purged == Purged::Zeroed { 0 } else { 7 });
    /// // SAFETY: given for this layout, and not used any more.
    /// unsafe { OsPages.free(page, layout) };
    /// # Ok::<(), flagstone::OutOfMemory>(())
    /// ```
    ///
    /// # Safety
    ///
    /// The `len` bytes from `ptr` lie in one chunk of this provider that was not given back, start
    /// and end on a multiple of [`page_size`](Self::page_size), are committed if the chunk is one of
    /// `reserve_addresses`, and hold nothing that is needed.
    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        let _ = (ptr, len);
        Purged::No
    }

    /// Asks that a range be backed by pages larger than [`page_size`](Self::page_size) where they fit;
    /// whether the request was accepted. The bytes stay as they are.
    ///
    /// A first touch then costs a large page, and so does a byte that stays behind: for large chunks
    /// that are used densely.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use flagstone::provider::{OsPages, Provider};
    ///
    /// let layout = Layout::from_size_align(4 << 20, 2 << 20).unwrap();
    /// let chunk = OsPages.alloc(layout)?;
    /// // SAFETY: the whole chunk, whole pages.
    /// let accepted = unsafe { OsPages.prefer_huge_pages(chunk.ptr.cast(), chunk.ptr.len()) };
    /// # let _ = accepted;
    /// // SAFETY: given for this layout, and not used any more.
    /// unsafe { OsPages.free(chunk.ptr.cast(), layout) };
    /// # Ok::<(), flagstone::OutOfMemory>(())
    /// ```
    ///
    /// # Safety
    ///
    /// The `len` bytes from `ptr` lie in one chunk of this provider that was not given back, and start
    /// and end on a multiple of [`page_size`](Self::page_size).
    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        let _ = (ptr, len);
        false
    }

    /// Bytes of the unit in which memory can be purged, committed and decommitted, a power of two;
    /// 4096 unless the provider knows better.
    ///
    /// ```
    /// use flagstone::provider::{Global, Provider};
    ///
    /// assert_eq!(Global.page_size(), 4096);
    /// ```
    fn page_size(&self) -> usize {
        4096
    }
}

// SAFETY: every call is passed on to a provider, and moving the reference moves nothing.
unsafe impl<P: Provider + ?Sized> Provider for &P {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        (**self).alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise, unchanged.
        unsafe { (**self).free(ptr, layout) }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        // SAFETY: the caller's promise, unchanged.
        unsafe { (**self).remap(ptr, old, new) }
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        (**self).reserve_addresses(layout)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        // SAFETY: the caller's promise, unchanged.
        unsafe { (**self).commit(ptr, len) }
    }

    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise, unchanged.
        unsafe { (**self).decommit(ptr, len) }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // SAFETY: the caller's promise, unchanged.
        unsafe { (**self).purge(ptr, len) }
    }

    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise, unchanged.
        unsafe { (**self).prefer_huge_pages(ptr, len) }
    }

    fn page_size(&self) -> usize {
        (**self).page_size()
    }
}
