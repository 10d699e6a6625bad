//! A value without bytes.

use std::{cell::Cell, marker::PhantomData};

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

/// Zero-sized, with a destructor. It has no room for a census, so it counts per thread; it cannot
/// leave its thread.
#[derive(Debug)]
pub struct Ghost(PhantomData<*mut ()>);

impl Ghost {
    /// One more.
    #[must_use]
    pub fn appear() -> Self {
        LIVE.set(LIVE.get() + 1);
        Self(PhantomData)
    }

    /// How many there are on this thread.
    #[must_use]
    pub fn live() -> usize {
        LIVE.get()
    }
}

impl Drop for Ghost {
    fn drop(&mut self) {
        let left = LIVE.get().checked_sub(1);
        LIVE.set(left.expect("a ghost was dropped twice"));
    }
}
