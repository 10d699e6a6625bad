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
    /// Whether every byte is 0.
    pub zeroed: bool,
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
/// misaligned is given back and reported as [`OutOfMemory`].
///
/// # Safety
///
/// The implementor promises: memory from `alloc` is valid for reads and writes, exclusive, and at
/// least as large and as aligned as asked, until it is given to `free` or the lifetime of the
/// provider's type ends; moving, dropping or forgetting the provider does not end that. `zeroed` is
/// only said when every byte is 0.
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

    /// Offers the memory behind a range of a chunk back while keeping its addresses.
    ///
    /// # Safety
    ///
    /// The `len` bytes from `ptr` lie in one chunk of this provider that was not given back, start
    /// and end on a multiple of [`page_size`](Self::page_size), and hold nothing that is needed.
    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        let _ = (ptr, len);
        Purged::No
    }

    /// Bytes of the unit in which memory can be purged; 4096 unless the provider knows better.
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

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // SAFETY: the caller's promise, unchanged.
        unsafe { (**self).purge(ptr, len) }
    }

    fn page_size(&self) -> usize {
        (**self).page_size()
    }
}
