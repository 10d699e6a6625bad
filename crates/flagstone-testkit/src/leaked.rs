//! Borrowed for ever, for the length of a test.
#![expect(
    unsafe_code,
    reason = "hands out 'static references and takes them back"
)]

use std::{
    ptr::NonNull,
    sync::{Mutex, PoisonError},
};

/// A value that is borrowed for `'static`, as one leaked on purpose is, and still dropped at the
/// end, so that leak checkers find nothing.
///
/// Values that own handles of their own pool need such a pool.
#[derive(Debug)]
pub struct Leaked<T: 'static> {
    value: NonNull<T>,
}

impl<T> Leaked<T> {
    /// Moves `value` to a place of its own.
    ///
    /// # Safety
    ///
    /// Nothing borrowed from [`get`](Self::get) is used after the new value is dropped, but for
    /// what lies in `value` itself and does not touch it when it is dropped.
    pub unsafe fn new(value: T) -> Self {
        Self {
            value: NonNull::from(Box::leak(Box::new(value))),
        }
    }

    /// The value, borrowed for ever.
    #[must_use]
    pub fn get(&self) -> &'static T {
        // SAFETY: the box lives until `self` is dropped, and the promise of `new` covers the rest.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Leaked<T> {
    fn drop(&mut self) {
        // SAFETY: the box that `new` leaked; by its promise nothing borrows it any more.
        drop(unsafe { Box::from_raw(self.value.as_ptr()) });
    }
}

/// A value for ever, as some pools ask of their provider. Its address is kept where leak checkers look.
pub fn forever<T: 'static>(value: T) -> &'static T {
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let value = &*Box::leak(Box::new(value));
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push(std::ptr::from_ref(value).addr());
    value
}
