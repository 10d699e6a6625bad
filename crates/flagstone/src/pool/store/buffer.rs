//! A buffer in use: what was initialised, and what not.

use core::{
    borrow::{Borrow, BorrowMut},
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    mem::{self, ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
};

use super::buffers::BufferStore;
use crate::{
    pool::buffer::{AnyBits, NoPadding},
    provider::{Global, Provider},
};

/// A buffer of a [`BufferPool`](crate::BufferPool): a run of elements that begins empty, is filled
/// like a vector up to its capacity, and derefs to the slice of what was written. Dropping it drops
/// the elements and frees the buffer.
///
/// ```text
///  │ initialised: the slice         │ spare           │
///  0                             len()          capacity()
/// ```
///
/// ```
/// use flagstone::BufferPool;
///
/// let pool = BufferPool::<String>::new(2, 3); // three buffers of two strings
/// let mut buffer = pool.alloc()?;
/// assert!(buffer.push("a".to_owned()).is_ok());
/// assert!(buffer.push("b".to_owned()).is_ok());
/// assert_eq!(buffer.push("c".to_owned()), Err("c".to_owned())); // full: it comes back
/// assert_eq!(buffer[..], ["a", "b"]);
/// assert_eq!(buffer.pop().as_deref(), Some("b"));
/// # Ok::<(), flagstone::AllocError>(())
/// ```
///
/// # Invariants
///
/// 1. `slot` is a taken slot of `store` that belongs to this buffer alone.
/// 2. The first `len` elements are initialised, `len` is at most the store's `elements`, and the
///    slot's note says the same.
#[doc(alias = "Buff")]
pub struct Buffer<'p, T, P: Provider = Global> {
    slot: NonNull<T>,
    len: usize,
    store: &'p BufferStore<T, P>,
}

impl<'p, T, P: Provider> Buffer<'p, T, P> {
    /// # Safety
    ///
    /// The two invariants of the type.
    #[inline]
    pub(in crate::pool) unsafe fn new(
        slot: NonNull<T>,
        len: usize,
        store: &'p BufferStore<T, P>,
    ) -> Self {
        Self { slot, len, store }
    }

    /// Elements there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.store.elements()
    }

    /// Elements that can still be pushed.
    #[must_use]
    pub fn spare(&self) -> usize {
        self.capacity() - self.len
    }

    /// Whether nothing more can be pushed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.spare() == 0
    }

    /// Where the first element lies, or will. Good for all of the buffer, not only for what is
    /// initialised, and until the buffer is dropped.
    #[must_use]
    pub const fn as_non_null(&self) -> NonNull<T> {
        self.slot
    }

    /// Declares the first `len` elements initialised and the others not. Nothing is dropped.
    ///
    /// # Safety
    ///
    /// The first `len` elements are initialised, and `len` is at most the capacity.
    #[inline(always)]
    pub unsafe fn set_len(&mut self, len: usize) {
        debug_assert!(len <= self.capacity(), "longer than the buffer");
        self.len = len;
        // SAFETY: invariant 1.
        unsafe { self.store.write_note(self.slot, len) };
    }

    /// Element `index`, initialised or not.
    ///
    /// # Safety
    ///
    /// `index` is not above the capacity.
    #[inline(always)]
    unsafe fn place(&self, index: usize) -> NonNull<T> {
        // SAFETY: within the slot, or just behind its elements.
        unsafe { self.slot.add(index) }
    }

    /// Adds an element at the end. O(1).
    ///
    /// # Errors
    ///
    /// Gives `value` back when the buffer is full.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.len == self.capacity() {
            return Err(value);
        }
        // SAFETY: below the capacity.
        let place = unsafe { self.place(self.len) };
        // SAFETY: not initialised, so nothing is lost, and ours alone (invariant 1).
        unsafe { place.write(value) };
        // SAFETY: one more is initialised.
        unsafe { self.set_len(self.len + 1) };
        Ok(())
    }

    /// Takes the last element out. O(1).
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        // SAFETY: the elements before it are initialised.
        unsafe { self.set_len(last) };
        // SAFETY: below the capacity.
        let place = unsafe { self.place(last) };
        // SAFETY: initialised (invariant 2), and no longer counted as such.
        Some(unsafe { place.read() })
    }

    /// Drops the elements from number `len` on; nothing happens if there are no more.
    pub fn truncate(&mut self, len: usize) {
        let Some(gone) = self.len.checked_sub(len) else {
            return;
        };
        // First, so that a destructor that panics leaves no dropped element behind.
        // SAFETY: fewer than are initialised.
        unsafe { self.set_len(len) };
        // SAFETY: below or at the capacity.
        let rest = unsafe { self.place(len) };
        let rest = ptr::slice_from_raw_parts_mut(rest.as_ptr(), gone);
        // SAFETY: initialised (invariant 2), no longer counted as such, and dropped once.
        unsafe { rest.drop_in_place() }; // USER CODE
    }

    /// Drops all elements; the buffer stays.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Adds clones of `values` at the end, as many as there is room for; those that found none.
    ///
    /// ```
    /// let pool = flagstone::BufferPool::<u8>::new(4, 1);
    /// let mut buffer = pool.alloc()?;
    /// assert_eq!(buffer.extend_from_slice(b"abc"), b"");
    /// assert_eq!(buffer.extend_from_slice(b"def"), b"ef");
    /// assert_eq!(buffer[..], *b"abcd");
    /// # Ok::<(), flagstone::AllocError>(())
    /// ```
    #[must_use = "what found no room is not in the buffer"]
    pub fn extend_from_slice<'v>(&mut self, values: &'v [T]) -> &'v [T]
    where
        T: Clone,
    {
        let (some, rest) = values.split_at(values.len().min(self.spare()));
        self.fill(some.iter().cloned());
        rest
    }

    /// Takes elements from `values` as long as there is room, and no more; how many.
    ///
    /// ```
    /// let pool = flagstone::BufferPool::new(3, 1);
    /// let mut buffer = pool.alloc()?;
    /// let mut numbers = 0..10;
    /// assert_eq!(buffer.extend_while_room(&mut numbers), 3);
    /// assert_eq!(numbers.next(), Some(3)); // nothing was lost
    /// # Ok::<(), flagstone::AllocError>(())
    /// ```
    pub fn extend_while_room(&mut self, values: &mut impl Iterator<Item = T>) -> usize {
        self.fill(values.take(self.spare()))
    }

    /// Fills the buffer to its end with what `make` returns.
    pub fn fill_with(&mut self, make: impl FnMut() -> T) {
        self.fill(core::iter::repeat_with(make).take(self.spare()));
    }

    /// Writes elements at the end, up to the capacity; counts them when it is done or has panicked.
    fn fill(&mut self, values: impl Iterator<Item = T>) -> usize {
        struct Count<'b, 'p, T, P: Provider> {
            buffer: &'b mut Buffer<'p, T, P>,
            written: usize,
        }

        impl<T, P: Provider> Drop for Count<'_, '_, T, P> {
            #[inline]
            fn drop(&mut self) {
                let len = self.buffer.len + self.written;
                // SAFETY: so many were written behind those that were there.
                unsafe { self.buffer.set_len(len) };
            }
        }

        let mut count = Count {
            written: 0,
            buffer: self,
        };
        let spare: *mut [MaybeUninit<T>] = count.buffer.spare_capacity_mut();
        // SAFETY: the spare part is ours alone; nobody looks at the buffer until the count is
        // dropped, which changes its length and not the elements.
        let spare = unsafe { &mut *spare };
        // The places end where the buffer does, whatever the iterator says; and the loop is simple
        // enough to become a copy of memory where elements are plain.
        for (place, value) in spare.iter_mut().zip(values) {
            place.write(value);
            count.written += 1;
        }
        count.written
    }

    /// The part that is not initialised, to be filled in place; then [`set_len`](Self::set_len).
    pub fn spare_capacity_mut(&mut self) -> &mut [MaybeUninit<T>] {
        let spare = self.spare();
        // SAFETY: at or below the capacity.
        let first = unsafe { self.place(self.len) }.cast();
        // SAFETY: `spare` elements are left from there on, ours alone for as long as `&mut self`;
        // none is initialised, so nothing is broken whatever is written.
        unsafe { slice::from_raw_parts_mut(first.as_ptr(), spare) }
    }

    /// Writes element `index` wherever it is, without a check, without dropping what was there, and
    /// without counting it as initialised: that is what [`set_len`](Self::set_len) is for.
    ///
    /// # Safety
    ///
    /// `index` is below the capacity.
    #[inline]
    pub unsafe fn write_unchecked(&mut self, index: usize, value: T) {
        debug_assert!(index < self.capacity(), "behind the buffer");
        // SAFETY: below the capacity by the caller's promise.
        let place = unsafe { self.place(index) };
        // SAFETY: within the slot, which is ours alone (invariant 1); `&mut self` rules out
        // references into it.
        unsafe { place.write(value) };
    }

    /// A copy of element `index`, without a check.
    ///
    /// # Safety
    ///
    /// `index` is below the capacity, and the element was written.
    #[inline]
    #[must_use]
    pub unsafe fn read_unchecked(&self, index: usize) -> T
    where
        T: Copy,
    {
        // SAFETY: the caller's promise.
        *unsafe { self.ref_unchecked(index) }
    }

    /// Element `index`, also behind the slice, without a check.
    ///
    /// # Safety
    ///
    /// `index` is below the capacity, and the element was written.
    #[inline]
    #[must_use]
    #[doc(alias = "get_ref")]
    pub unsafe fn ref_unchecked(&self, index: usize) -> &T {
        debug_assert!(index < self.capacity(), "behind the buffer");
        // SAFETY: below the capacity by the caller's promise.
        let place = unsafe { self.place(index) };
        // SAFETY: written, by the caller's promise; `&self` rules out mutable references through us.
        unsafe { place.as_ref() }
    }

    /// Element `index`, also behind the slice, without a check.
    ///
    /// # Safety
    ///
    /// As for [`ref_unchecked`](Self::ref_unchecked).
    #[inline]
    #[must_use]
    #[doc(alias = "get_mut")]
    pub unsafe fn mut_unchecked(&mut self, index: usize) -> &mut T {
        debug_assert!(index < self.capacity(), "behind the buffer");
        // SAFETY: below the capacity by the caller's promise.
        let mut place = unsafe { self.place(index) };
        // SAFETY: written, by the caller's promise; `&mut self` rules out any other reference.
        unsafe { place.as_mut() }
    }

    /// The bytes of the elements: for types without padding, so that every byte is initialised.
    ///
    /// ```
    /// let pool = flagstone::BufferPool::<u16>::new(4, 1);
    /// let mut buffer = pool.alloc()?;
    /// buffer.extend([0x0101, 0x0202]);
    /// assert_eq!(buffer.as_bytes(), [1, 1, 2, 2]);
    /// # Ok::<(), flagstone::AllocError>(())
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8]
    where
        T: NoPadding,
    {
        // SAFETY: initialised elements (invariant 2) of a type whose every byte is initialised.
        unsafe { slice::from_raw_parts(self.slot.as_ptr().cast(), mem::size_of_val(&**self)) }
    }

    /// The bytes of the elements, to be changed: for types that any bytes are a value of.
    #[must_use]
    pub fn as_bytes_mut(&mut self) -> &mut [u8]
    where
        T: AnyBits,
    {
        let bytes = mem::size_of_val(&**self);
        // SAFETY: as above, ours alone for as long as `&mut self`; whatever is written is a value.
        unsafe { slice::from_raw_parts_mut(self.slot.as_ptr().cast(), bytes) }
    }

    /// Gives up the buffer without dropping anything, for its address and its length: it stays in
    /// use until they come back through the pool's
    /// [`from_raw_parts`](crate::BufferPool::from_raw_parts), or the pool is cleared or dropped, which
    /// drops the elements.
    #[must_use = "the buffer stays in use until its parts come back"]
    pub fn into_raw_parts(self) -> (NonNull<T>, usize) {
        let this = ManuallyDrop::new(self);
        (this.slot, this.len)
    }
}

impl<T, P: Provider> Drop for Buffer<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: invariants 1 and 2, and nothing uses the slot after the buffer's own drop.
        unsafe { self.store.retire(self.slot, self.len) };
    }
}

impl<T, P: Provider> Deref for Buffer<'_, T, P> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `len` initialised elements (invariant 2); `&self` rules out a mutable reference
        // through us.
        unsafe { slice::from_raw_parts(self.slot.as_ptr(), self.len) }
    }
}

impl<T, P: Provider> DerefMut for Buffer<'_, T, P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and ours alone (invariant 1); `&mut self` rules out any other reference.
        unsafe { slice::from_raw_parts_mut(self.slot.as_ptr(), self.len) }
    }
}

// SAFETY: `&Buffer` gives out `&[T]` and numbers that never change, nothing else; a method that
// changes the pool through `&self` must not be added. It is not `Send`: its drop changes the pool.
unsafe impl<T: Sync, P: Provider> Sync for Buffer<'_, T, P> {}

/// # Panics
///
/// When not all elements find room; see [`Buffer::extend_while_room`].
impl<T, P: Provider> Extend<T> for Buffer<'_, T, P> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        let mut values = values.into_iter();
        self.extend_while_room(&mut values);
        if self.is_full() && values.next().is_some() {
            too_many(self.capacity());
        }
    }
}

#[cold]
#[inline(never)]
fn too_many(capacity: usize) -> ! {
    panic!("a buffer of {capacity} elements was to be extended by more than it has room for")
}

impl<T, P: Provider> AsRef<[T]> for Buffer<'_, T, P> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T, P: Provider> AsMut<[T]> for Buffer<'_, T, P> {
    fn as_mut(&mut self) -> &mut [T] {
        self
    }
}

impl<T, P: Provider> Borrow<[T]> for Buffer<'_, T, P> {
    fn borrow(&self) -> &[T] {
        self
    }
}

impl<T, P: Provider> BorrowMut<[T]> for Buffer<'_, T, P> {
    fn borrow_mut(&mut self) -> &mut [T] {
        self
    }
}

impl<T: fmt::Debug, P: Provider> fmt::Debug for Buffer<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PartialEq, P: Provider> PartialEq for Buffer<'_, T, P> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq, P: Provider> Eq for Buffer<'_, T, P> {}

impl<T: PartialOrd, P: Provider> PartialOrd for Buffer<'_, T, P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Ord, P: Provider> Ord for Buffer<'_, T, P> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Hash, P: Provider> Hash for Buffer<'_, T, P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<'b, T, P: Provider> IntoIterator for &'b Buffer<'_, T, P> {
    type Item = &'b T;
    type IntoIter = slice::Iter<'b, T>;

    fn into_iter(self) -> slice::Iter<'b, T> {
        self.iter()
    }
}

impl<'b, T, P: Provider> IntoIterator for &'b mut Buffer<'_, T, P> {
    type Item = &'b mut T;
    type IntoIter = slice::IterMut<'b, T>;

    fn into_iter(self) -> slice::IterMut<'b, T> {
        self.iter_mut()
    }
}

/// Writes to the end of the buffer; 0 bytes when it is full.
#[cfg(feature = "std")]
impl<P: Provider> std::io::Write for Buffer<'_, u8, P> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let rest = self.extend_from_slice(bytes);
        Ok(bytes.len() - rest.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
