//! Values into room: the bodies of the doors.
#![expect(unsafe_code, reason = "writes values into room and refers to them")]

use core::{alloc::Layout, fmt, mem::needs_drop, ptr::NonNull};

use super::{ArenaBox, builder::Builder, refusal::refused};
use crate::{
    error::{AllocError, Cause},
    raw::{
        PutBack,
        bump::{KeptValue, Reserve},
    },
};

/// Room for a `T`, when it is to be had at once; a value without a size needs none.
#[inline(always)]
fn quick_room<'m, T>(arena: impl Reserve<'m>) -> Option<NonNull<T>> {
    if size_of::<T>() == 0 {
        return Some(NonNull::dangling());
    }
    arena.quick_room_for::<T>().map(NonNull::cast)
}

/// Room for a `T`.
#[inline(always)]
fn room_for<'m, T>(arena: impl Reserve<'m>) -> Result<NonNull<T>, Cause> {
    match quick_room(arena) {
        Some(room) => Ok(room),
        None => arena.room(Layout::new::<T>()).map(NonNull::cast),
    }
}

/// Where `value` was written, which belongs to the caller alone for 'm.
#[inline(always)]
fn written<'m, T>(arena: impl Reserve<'m>, value: T) -> Result<NonNull<T>, AllocError<T>> {
    match quick_room::<T>(arena) {
        Some(place) => {
            // SAFETY: exclusive room for a `T`.
            unsafe { place.write(value) };
            Ok(place)
        }
        None => written_slowly(arena, value),
    }
}

/// The same by way of another chunk. Apart, so that the quick way has no second branch.
#[cold]
#[inline(never)]
fn written_slowly<'m, T>(arena: impl Reserve<'m>, value: T) -> Result<NonNull<T>, AllocError<T>> {
    match arena.slow_room(Layout::new::<T>()) {
        Ok(room) => {
            let place = room.cast::<T>();
            // SAFETY: exclusive room for a `T`.
            unsafe { place.write(value) };
            Ok(place)
        }
        Err(cause) => Err(AllocError::new(value, cause)),
    }
}

/// The same, or a panic.
#[cold]
#[inline(never)]
#[track_caller]
fn written_slowly_or_refused<'m, T>(arena: impl Reserve<'m>, value: T) -> NonNull<T> {
    match written_slowly(arena, value) {
        Ok(place) => place,
        Err(error) => refused(error.map(drop)), // USER CODE drops the value
    }
}

/// A value that is never dropped, or a panic.
#[inline(always)]
#[track_caller]
pub(super) fn sure_value<'m, T>(arena: impl Reserve<'m>, value: T) -> &'m mut T {
    let mut place = match quick_room::<T>(arena) {
        Some(place) => {
            // SAFETY: exclusive room for a `T`.
            unsafe { place.write(value) };
            place
        }
        None => written_slowly_or_refused(arena, value),
    };
    // SAFETY: just written, in room that stays for 'm and that nobody else refers to.
    unsafe { place.as_mut() }
}

/// A value that is never dropped.
#[inline(always)]
pub(super) fn value<'m, T>(arena: impl Reserve<'m>, value: T) -> Result<&'m mut T, AllocError<T>> {
    let mut value = written(arena, value)?;
    // SAFETY: just written, in room that stays for 'm and that nobody else refers to.
    Ok(unsafe { value.as_mut() })
}

/// What `make` returns, which is never dropped. `make` may use the arena.
#[inline(always)]
pub(super) fn value_of<'m, T>(
    arena: impl Reserve<'m>,
    make: impl FnOnce() -> T,
) -> Result<&'m mut T, AllocError> {
    let mut place = room_for::<T>(arena).map_err(|cause| AllocError::new((), cause))?;
    // SAFETY: handed out above, and not used when `make` panics.
    let back = PutBack::new(|| unsafe { arena.give_back(place.cast(), size_of::<T>()) });
    let value = make(); // USER CODE
    back.disarm();
    // SAFETY: exclusive room for a `T`.
    unsafe { place.write(value) };
    // SAFETY: just written, in room that stays for 'm and that nobody else refers to.
    Ok(unsafe { place.as_mut() })
}

/// A value that the arena drops.
#[inline(always)]
pub(super) fn kept<'m, T: Send + 'static>(
    arena: impl Reserve<'m>,
    value: T,
) -> Result<&'m mut T, AllocError<T>> {
    match room_for::<KeptValue<T>>(arena) {
        Ok(room) => {
            // SAFETY: exclusive room for it.
            let (kept, mut value) = unsafe { KeptValue::write(room.cast(), value) };
            // SAFETY: written by the line above; `T` may be sent, and borrows nothing.
            unsafe { arena.keep(kept) };
            // SAFETY: written above, in room that stays for 'm; the arena drops it afterwards.
            Ok(unsafe { value.as_mut() })
        }
        Err(cause) => Err(AllocError::new(value, cause)),
    }
}

/// A value that the arena drops if it needs to be.
#[inline(always)]
pub(super) fn auto<'m, T: Send + 'static>(
    arena: impl Reserve<'m>,
    value: T,
) -> Result<&'m mut T, AllocError<T>> {
    if needs_drop::<T>() {
        kept(arena, value)
    } else {
        self::value(arena, value)
    }
}

/// A value that its box drops.
#[inline(always)]
pub(super) fn boxed<'m, T>(
    arena: impl Reserve<'m>,
    value: T,
) -> Result<ArenaBox<'m, T>, AllocError<T>> {
    let value = written(arena, value)?;
    // SAFETY: placed above and referred to by nobody else; its room stays for 'm.
    Ok(unsafe { ArenaBox::from_raw(value) })
}

/// Room for `layout`.
#[inline(always)]
pub(super) fn layout<'m>(
    arena: impl Reserve<'m>,
    layout: Layout,
) -> Result<NonNull<u8>, AllocError> {
    arena
        .room(layout)
        .map_err(|cause| AllocError::new((), cause))
}

/// A copy of `values`.
#[inline(always)]
pub(super) fn copied<'m, T: Copy>(
    arena: impl Reserve<'m>,
    values: &[T],
) -> Result<&'m mut [T], AllocError> {
    match arena.quick_room(Layout::for_value(values)) {
        // SAFETY: exclusive room for as many, which stays for 'm.
        Some(room) => Ok(unsafe { copied_to(room, values) }),
        None => copied_slowly(arena, values),
    }
}

/// The same by way of another chunk.
#[cold]
#[inline(never)]
fn copied_slowly<'m, T: Copy>(
    arena: impl Reserve<'m>,
    values: &[T],
) -> Result<&'m mut [T], AllocError> {
    let room = arena.slow_room(Layout::for_value(values));
    let room = room.map_err(|cause| AllocError::new((), cause))?;
    // SAFETY: exclusive room for as many, which stays for 'm.
    Ok(unsafe { copied_to(room, values) })
}

/// # Safety
///
/// `room` is exclusive room for a copy of `values`, and stays for 'm.
#[inline(always)]
unsafe fn copied_to<'m, T: Copy>(room: NonNull<u8>, values: &[T]) -> &'m mut [T] {
    let room = room.cast::<T>();
    // SAFETY: the caller's promise; what is exclusive does not overlap the values.
    unsafe { room.copy_from_nonoverlapping(NonNull::from(values).cast(), values.len()) };
    // SAFETY: just written, in the caller's room.
    unsafe { NonNull::slice_from_raw_parts(room, values.len()).as_mut() }
}

/// A copy of `text`.
#[inline(always)]
pub(super) fn text<'m>(arena: impl Reserve<'m>, text: &str) -> Result<&'m mut str, AllocError> {
    let bytes = copied(arena, text.as_bytes())?;
    // SAFETY: the bytes of a string.
    Ok(unsafe { str::from_utf8_unchecked_mut(bytes) })
}

/// `len` bytes, all 0.
#[inline(always)]
pub(super) fn zeroed<'m>(arena: impl Reserve<'m>, len: usize) -> Result<&'m mut [u8], AllocError> {
    let bytes = Layout::array::<u8>(len);
    let bytes = bytes.map_err(|_| AllocError::new((), Cause::too_large(len)))?;
    let room = layout(arena, bytes)?;
    // SAFETY: room for as many bytes.
    unsafe { room.write_bytes(0, len) };
    // SAFETY: just written, in room that stays for 'm and that nobody else refers to.
    Ok(unsafe { NonNull::slice_from_raw_parts(room, len).as_mut() })
}

/// `len` elements of an iterator that has as many; they are never dropped.
#[inline(always)]
pub(super) fn collected<'m, T>(
    arena: impl Reserve<'m>,
    len: usize,
    elements: impl Iterator<Item = T>,
) -> Result<&'m mut [T], AllocError> {
    let builder = Builder::with_room(arena, len);
    let mut builder = builder.map_err(|cause| AllocError::new((), cause))?;
    // USER CODE makes the elements.
    for element in elements.take(len) {
        builder
            .push(element)
            .map_err(|cause| AllocError::new((), cause))?;
    }
    // SAFETY: just written, in room that stays for 'm and that nobody else refers to.
    Ok(unsafe { builder.finish().as_mut() })
}

/// All elements of an iterator, whatever it says about their number; they are never dropped.
#[inline(always)]
pub(super) fn iterated<'m, T>(
    arena: impl Reserve<'m>,
    elements: impl IntoIterator<Item = T>,
) -> Result<&'m mut [T], AllocError> {
    let slice = written_slice(arena, elements);
    let mut slice = slice.map_err(|cause| AllocError::new((), cause))?;
    // SAFETY: just written, in room that stays for 'm and that nobody else refers to.
    Ok(unsafe { slice.as_mut() })
}

/// All elements of an iterator, which their box drops.
#[inline(always)]
pub(super) fn boxed_slice<'m, T>(
    arena: impl Reserve<'m>,
    elements: impl IntoIterator<Item = T>,
) -> Result<ArenaBox<'m, [T]>, AllocError> {
    let slice = written_slice(arena, elements).map_err(|cause| AllocError::new((), cause))?;
    // SAFETY: written above and referred to by nobody else; their room stays for 'm.
    Ok(unsafe { ArenaBox::from_raw(slice) })
}

/// Where all elements of an iterator were written, which belong to the caller alone for 'm.
#[inline]
fn written_slice<'m, T>(
    arena: impl Reserve<'m>,
    elements: impl IntoIterator<Item = T>,
) -> Result<NonNull<[T]>, Cause> {
    let elements = elements.into_iter(); // USER CODE
    // The lower bound may be a lie: it is a wish, and what comes is counted.
    let hint = elements.size_hint().0; // USER CODE
    let mut builder = Builder::with_room(arena, hint).unwrap_or_else(|_| Builder::new(arena));
    // USER CODE makes the elements.
    for element in elements {
        builder.push(element)?;
    }
    Ok(builder.finish())
}

/// What the arguments look like.
pub(super) fn formatted<'m>(
    arena: impl Reserve<'m>,
    arguments: fmt::Arguments<'_>,
) -> Result<&'m mut str, AllocError> {
    if let Some(text) = arguments.as_str() {
        return self::text(arena, text);
    }
    let mut sink = Sink {
        bytes: Builder::new(arena),
        refused: None,
    };
    let result = fmt::write(&mut sink, arguments); // USER CODE
    let cause = match (sink.refused, result) {
        (None, Ok(())) => {
            // SAFETY: just written, in room that stays for 'm and that nobody else refers to.
            let bytes = unsafe { sink.bytes.finish().as_mut() };
            // SAFETY: made of whole strings.
            return Ok(unsafe { str::from_utf8_unchecked_mut(bytes) });
        }
        (Some(cause), _) => cause,
        (None, Err(fmt::Error)) => {
            arena.count_refusal(Cause::format());
            Cause::format()
        }
    };
    Err(AllocError::new((), cause))
}

/// Takes what is formatted, and remembers why it could not.
struct Sink<'m, R: Reserve<'m>> {
    bytes: Builder<'m, R, u8>,
    refused: Option<Cause>,
}

impl<'m, R: Reserve<'m>> fmt::Write for Sink<'m, R> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes.extend_copied(text.as_bytes()).map_err(|cause| {
            self.refused = Some(cause);
            fmt::Error
        })
    }
}
