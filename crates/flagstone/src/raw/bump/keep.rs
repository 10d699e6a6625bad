//! Values in an arena whose destructors run later.

use core::{cell::Cell, ptr, ptr::NonNull};

/// What stands before a value that is dropped later.
///
/// ```text
///   newest ▶ │ older, finish │ value │     ▶ │ older, finish │ value │     ▶ null
/// ```
#[derive(Debug)]
pub(crate) struct Kept {
    older: Cell<*mut Kept>,
    finish: unsafe fn(NonNull<Kept>),
}

impl Kept {
    /// Puts it before `older`, while it is on no list.
    pub(crate) fn set_older(&self, older: *mut Self) {
        self.older.set(older);
    }
}

/// A value with its link.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct KeptValue<T> {
    link: Kept,
    value: T,
}

impl<T> KeptValue<T> {
    /// Writes `value` into `room`; the link, to be added to a list, and the value's place.
    ///
    /// # Safety
    ///
    /// `room` is exclusive room for a `Self`.
    pub(crate) unsafe fn write(room: NonNull<u8>, value: T) -> (NonNull<Kept>, NonNull<T>) {
        let room = room.cast::<Self>();
        let link = Kept {
            older: Cell::new(ptr::null_mut()),
            finish: Self::finish,
        };
        // SAFETY: room for it, by the caller's promise.
        unsafe { room.write(Self { link, value }) };
        // SAFETY: within the value just written.
        let value = unsafe { NonNull::new_unchecked(&raw mut (*room.as_ptr()).value) };
        (room.cast(), value)
    }

    /// Drops the value.
    ///
    /// # Safety
    ///
    /// `kept` is the link of a `Self` whose value was not dropped and that nobody refers to.
    unsafe fn finish(kept: NonNull<Kept>) {
        let this = kept.cast::<Self>();
        // SAFETY: the value of a `Self`, by the caller's promise.
        unsafe { ptr::drop_in_place(&raw mut (*this.as_ptr()).value) } // USER CODE
    }
}

/// Values to be dropped, the newest first.
///
/// # Invariant
///
/// 1. The list consists of links that `KeptValue::write` made, whose values live and belong to the
///    list.
#[derive(Debug)]
pub(crate) struct KeepList {
    newest: Cell<*mut Kept>,
}

/// The oldest value that stays, when a list is finished down to it.
pub(crate) type Oldest = *mut Kept;

impl KeepList {
    pub(crate) const fn new() -> Self {
        Self {
            newest: Cell::new(ptr::null_mut()),
        }
    }

    /// A list of what hangs on `newest`.
    ///
    /// # Safety
    ///
    /// The invariant of the type.
    pub(crate) const unsafe fn from_newest(newest: *mut Kept) -> Self {
        Self {
            newest: Cell::new(newest),
        }
    }

    /// Adds a value.
    ///
    /// # Safety
    ///
    /// `kept` came from `KeptValue::write`, is on no list, and its memory stays until it is finished.
    pub(crate) unsafe fn push(&self, kept: NonNull<Kept>) {
        // SAFETY: a live link, by the caller's promise.
        unsafe { kept.as_ref() }.older.set(self.newest.get());
        self.newest.set(kept.as_ptr());
    }

    /// Where the list is now.
    pub(crate) fn newest(&self) -> Oldest {
        self.newest.get()
    }

    /// Whether there is nothing to drop.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.get().is_null()
    }

    /// Drops the values that came after `stays`, the newest first. When one panics, the others are
    /// dropped all the same, and the panic goes on.
    ///
    /// # Safety
    ///
    /// Nobody refers to these values. `stays` was the list's `newest` and is still on it, or is null.
    pub(crate) unsafe fn finish_until(&self, stays: Oldest) {
        let mut rest = Rest { list: self, stays };
        rest.run();
        // Nothing is left for its `drop`.
    }
}

/// Goes on when a destructor panics.
struct Rest<'l> {
    list: &'l KeepList,
    stays: Oldest,
}

impl Rest<'_> {
    fn run(&mut self) {
        let newest = &self.list.newest;
        while newest.get() != self.stays {
            let Some(kept) = NonNull::new(newest.get()) else {
                return;
            };
            // SAFETY: invariant 1 of the list.
            let (older, finish) = unsafe { (kept.as_ref().older.get(), kept.as_ref().finish) };
            newest.set(older);
            // SAFETY: off the list, so it happens once; unused by the promise in `finish_until`.
            unsafe { finish(kept) } // USER CODE
        }
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.run();
    }
}
