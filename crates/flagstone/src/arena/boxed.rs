//! A value in an arena that somebody owns.
#![expect(unsafe_code, reason = "drops the value in place")]

use core::{
    borrow::{Borrow, BorrowMut},
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

/// Owns a value in an arena and drops it; the memory stays the arena's. One pointer wide, two for
/// slices.
///
/// Made by `alloc_boxed` and `alloc_boxed_slice` of the arenas. Unlike what `alloc_drop` places, the
/// value may borrow, and is dropped when its box is.
///
/// ```
/// let arena = flagstone::Arena::new();
/// let name = arena.alloc_boxed(String::from("flagstone"));
/// assert_eq!(name.len(), 9);
/// drop(name); // the string's own memory is freed here
/// ```
///
/// It does not outlive its arena:
///
/// ```compile_fail,E0505
/// let arena = flagstone::Arena::new();
/// let name = arena.alloc_boxed(String::new());
/// drop(arena);
/// drop(name);
/// ```
///
/// # Invariant
///
/// 1. `value` lives in room that stays for `'a`, and belongs to this box alone.
#[doc(alias = "BumpBox")]
pub struct ArenaBox<'a, T: ?Sized> {
    value: NonNull<T>,
    room: PhantomData<(&'a (), T)>,
}

impl<'a, T: ?Sized> ArenaBox<'a, T> {
    /// Owns `value`.
    ///
    /// ```
    /// use core::{fmt::Display, ptr::NonNull};
    /// use flagstone::{Arena, arena::ArenaBox};
    ///
    /// let arena = Arena::new();
    /// let number = ArenaBox::into_raw(arena.alloc_boxed(7_u32));
    /// let shown: NonNull<dyn Display> = number; // an unsized box of the same value
    /// // SAFETY: the value of a box of this arena, which was given up for it.
    /// let shown: ArenaBox<'_, dyn Display> = unsafe { ArenaBox::from_raw(shown) };
    /// assert_eq!(shown.to_string(), "7");
    /// ```
    ///
    /// # Safety
    ///
    /// `value` points to a live value that belongs to the caller alone and may be dropped here; its
    /// memory stays for `'a`.
    #[must_use]
    pub const unsafe fn from_raw(value: NonNull<T>) -> Self {
        Self {
            value,
            room: PhantomData,
        }
    }

    /// Gives the box up; the value is dropped only by a box made of the pointer again.
    #[must_use]
    pub fn into_raw(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).value
    }

    /// Never drops the value.
    #[must_use]
    pub fn leak(this: Self) -> &'a mut T
    where
        T: 'a,
    {
        let mut value = Self::into_raw(this);
        // SAFETY: invariant 1, and the box is gone.
        unsafe { value.as_mut() }
    }
}

impl<T> ArenaBox<'_, T> {
    /// Moves the value out.
    #[must_use]
    pub fn into_inner(this: Self) -> T {
        let value = Self::into_raw(this);
        // SAFETY: invariant 1, and the box is gone.
        unsafe { value.read() }
    }
}

impl<T: ?Sized> Deref for ArenaBox<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: invariant 1.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for ArenaBox<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: invariant 1.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for ArenaBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: invariant 1; dropped once.
        unsafe { self.value.drop_in_place() } // USER CODE
    }
}

// SAFETY: the box owns its value, and nothing but it refers to the room.
unsafe impl<T: ?Sized + Send> Send for ArenaBox<'_, T> {}

// SAFETY: a shared box gives out shared references to its value only.
unsafe impl<T: ?Sized + Sync> Sync for ArenaBox<'_, T> {}

impl<T: ?Sized> AsRef<T> for ArenaBox<'_, T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> AsMut<T> for ArenaBox<'_, T> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: ?Sized> Borrow<T> for ArenaBox<'_, T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: ?Sized> BorrowMut<T> for ArenaBox<'_, T> {
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ArenaBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for ArenaBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + PartialEq> PartialEq for ArenaBox<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for ArenaBox<'_, T> {}

impl<T: ?Sized + PartialOrd> PartialOrd for ArenaBox<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: ?Sized + Ord> Ord for ArenaBox<'_, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Hash> Hash for ArenaBox<'_, T> {
    fn hash<S: Hasher>(&self, state: &mut S) {
        (**self).hash(state);
    }
}

impl<T: ?Sized + Iterator> Iterator for ArenaBox<'_, T> {
    type Item = T::Item;

    fn next(&mut self) -> Option<T::Item> {
        (**self).next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (**self).size_hint()
    }
}
