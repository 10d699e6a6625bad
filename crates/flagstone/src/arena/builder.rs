//! A slice that is written in an arena, element by element.
#![expect(unsafe_code, reason = "writes elements into room that is not full yet")]

use core::{alloc::Layout, marker::PhantomData, mem, ptr::NonNull};

use crate::{error::Cause, raw::bump::Reserve};

/// Elements to make room for when nothing is known.
const FEW: usize = 8;

/// A slice in the making. It grows where it is while it is the newest in its arena, and moves
/// otherwise; dropped unfinished, it drops its elements and gives its room back.
///
/// # Invariants
///
/// 1. `start` is room for `room` elements, handed out by `arena` and not given back; or `room` is 0
///    and it dangles. Elements without a size need none, and `room` is then `usize::MAX`.
/// 2. The first `len` elements, at most `room`, are written and belong to the builder.
pub(super) struct Builder<'m, R: Reserve<'m>, T> {
    arena: R,
    start: NonNull<T>,
    len: usize,
    room: usize,
    elements: PhantomData<(&'m (), T)>,
}

impl<'m, R: Reserve<'m>, T> Builder<'m, R, T> {
    /// Whether elements need no room.
    const SIZELESS: bool = size_of::<T>() == 0;

    /// No elements, and no room yet.
    #[inline]
    pub(super) fn new(arena: R) -> Self {
        Self {
            arena,
            start: NonNull::dangling(),
            len: 0,
            room: if Self::SIZELESS { usize::MAX } else { 0 },
            elements: PhantomData,
        }
    }

    /// No elements, and room for `count`.
    #[inline]
    pub(super) fn with_room(arena: R, count: usize) -> Result<Self, Cause> {
        let mut builder = Self::new(arena);
        if count > builder.room {
            builder.start = arena.room(Self::layout(count)?)?.cast();
            builder.room = count;
        }
        Ok(builder)
    }

    fn layout(count: usize) -> Result<Layout, Cause> {
        let bytes = size_of::<T>().saturating_mul(count);
        Layout::array::<T>(count).map_err(|_| Cause::too_large(bytes))
    }

    /// Bytes of the room.
    fn bytes(&self) -> usize {
        if Self::SIZELESS {
            0
        } else {
            self.room * size_of::<T>()
        }
    }

    /// Adds an element; when there is no room for it, it is dropped.
    #[inline]
    pub(super) fn push(&mut self, element: T) -> Result<(), Cause> {
        if self.len == self.room {
            self.grow(1)?;
        }
        // SAFETY: there is room by invariant 1.
        unsafe { self.start.add(self.len).write(element) };
        self.len += 1;
        Ok(())
    }

    /// Adds copies of all `elements`, or none.
    #[inline]
    pub(super) fn extend_copied(&mut self, elements: &[T]) -> Result<(), Cause>
    where
        T: Copy,
    {
        if elements.len() > self.room - self.len {
            self.grow(elements.len())?;
        }
        // SAFETY: there is room by invariant 1.
        let end = unsafe { self.start.add(self.len) };
        // SAFETY: room that is the builder's alone does not overlap them.
        unsafe { end.copy_from_nonoverlapping(NonNull::from(elements).cast(), elements.len()) };
        self.len += elements.len();
        Ok(())
    }

    /// Makes room for at least `more` elements more, doubling.
    #[cold]
    fn grow(&mut self, more: usize) -> Result<(), Cause> {
        let least = self
            .len
            .checked_add(more)
            .ok_or(Cause::too_large(usize::MAX))?;
        let doubled = self.room.saturating_mul(2).max(FEW);
        // Twice as much may be more than there is.
        self.grow_to(least.max(doubled))
            .or_else(|_| self.grow_to(least))
    }

    fn grow_to(&mut self, room: usize) -> Result<(), Cause> {
        let (old, layout) = (self.bytes(), Self::layout(room)?);
        // SAFETY: invariant 1; a layout's size is at most `isize::MAX`.
        let grown = if old == 0 {
            None
        } else {
            unsafe { self.arena.resize(self.start.cast(), old, layout.size()) }
        };
        let start = match grown {
            Some(start) => start.cast(),
            None => {
                let start = self.arena.room(layout)?.cast();
                // SAFETY: room for more than the elements, and apart from them.
                unsafe { start.copy_from_nonoverlapping(self.start, self.len) };
                if old > 0 {
                    let layout = Self::layout(self.room)?;
                    // SAFETY: handed out by this arena for that, and not used any more.
                    unsafe { self.arena.moved_away(self.start.cast(), layout) };
                }
                start
            }
        };
        self.start = start;
        self.room = room;
        Ok(())
    }

    /// What was written, which belongs to the caller alone for 'm; the rest of the room goes back if
    /// it can.
    #[inline]
    pub(super) fn finish(self) -> NonNull<[T]> {
        let (old, new) = (self.bytes(), self.len * size_of::<T>());
        if new < old {
            // SAFETY: invariant 1, and behind the elements there is nothing. If it cannot be
            // resized it stays as it is.
            let _ = unsafe { self.arena.resize(self.start.cast(), old, new) };
        }
        let slice = NonNull::slice_from_raw_parts(self.start, self.len);
        mem::forget(self);
        slice
    }
}

impl<'m, R: Reserve<'m>, T> Drop for Builder<'m, R, T> {
    fn drop(&mut self) {
        struct GiveBack<'m, R: Reserve<'m>>(R, NonNull<u8>, usize, PhantomData<&'m ()>);
        impl<'m, R: Reserve<'m>> Drop for GiveBack<'m, R> {
            fn drop(&mut self) {
                if self.2 > 0 {
                    // SAFETY: the builder's room, whose elements are gone.
                    unsafe { self.0.give_back(self.1, self.2) };
                }
            }
        }
        let _back = GiveBack(self.arena, self.start.cast(), self.bytes(), PhantomData);
        let elements = NonNull::slice_from_raw_parts(self.start, self.len);
        // SAFETY: written and the builder's, by invariant 2.
        unsafe { elements.drop_in_place() } // USER CODE
    }
}
