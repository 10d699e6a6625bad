//! Memory on its way from the provider or to it.
#![forbid(unsafe_code)]

extern crate std;

use core::cell::Cell;

use lock_api::Mutex;

use super::store::Store;
use crate::{raw::region::Extent, sync::DefaultLock};

std::thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is in a provider's call, and would wait for itself if it waited for what is
/// on its way. Of any allocator: two threads that wait in providers for each other's would never end.
pub(super) fn is_inside() -> bool {
    INSIDE.get()
}

/// The time in which the calling thread has something on its way that the store counts; ends also when a
/// provider panics. What was not freed goes back into the store.
pub(super) struct Moving<'s> {
    store: &'s Mutex<DefaultLock, Store>,
    pub(super) piece: Option<Extent>,
    before: bool,
}

impl<'s> Moving<'s> {
    /// After the store has counted it.
    pub(super) fn new(store: &'s Mutex<DefaultLock, Store>, piece: Option<Extent>) -> Self {
        Self {
            store,
            piece,
            before: INSIDE.replace(true),
        }
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        INSIDE.set(self.before);
        let ended = self.store.lock().end_move(self.piece.take());
        // Of a closed allocator this may be the end of a region.
        drop(ended); // USER CODE
    }
}
