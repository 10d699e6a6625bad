//! The locals that no thread has.

use core::{ptr, ptr::NonNull};

use super::{chunk::Tag, local::Local, store::Store};
use crate::{layout::span::SLICE, provider::Provider, sync::SpinLock};

/// Locals for threads to come. They are never given back, so that one may be asked at any time whose it is;
/// there are as many as there were threads at once.
pub(super) struct Registry(lock_api::Mutex<SpinLock, State>);

struct State {
    free: *const Local,
    /// Where the next is made, in a slice, and how many fit.
    next: *mut Local,
    room: usize,
    numbers: u32,
}

// SAFETY: locals without a thread are the lock's, whoever has it.
unsafe impl Send for State {}

impl Registry {
    pub(super) const fn new() -> Self {
        Self(lock_api::Mutex::const_new(
            SpinLock::new(),
            State {
                free: ptr::null(),
                next: ptr::null_mut(),
                room: 0,
                numbers: 0,
            },
        ))
    }

    /// The lock, for a process that is about to be forked.
    pub(super) fn lock(&self) -> &lock_api::Mutex<SpinLock, impl Sized> {
        &self.0
    }

    /// How many locals were made.
    pub(super) fn made(&self) -> usize {
        self.0.lock().numbers as usize
    }

    /// A local for the calling thread; `None` without memory.
    pub(super) fn take<P: Provider>(&self, store: &Store<P>) -> Option<NonNull<Local>> {
        loop {
            let mut state = self.0.lock();
            if let Some(local) = state.take() {
                return Some(local);
            }
            if state.room > 0 {
                // There are no numbers left.
                return None;
            }
            drop(state);
            let slice = store.own_slice()?;
            let mut state = self.0.lock();
            if state.room == 0 {
                state.next = slice.cast().as_ptr();
                state.room = SLICE / size_of::<Local>();
            } else {
                drop(state);
                // Another thread was quicker. SAFETY: ours, and nothing is in it.
                unsafe { store.return_slice(slice) };
            }
        }
    }

    /// Takes a local back that has no spans.
    pub(super) fn put(&self, local: &Local) {
        let mut state = self.0.lock();
        local.next.set(state.free);
        state.free = local;
    }
}

impl State {
    fn take(&mut self) -> Option<NonNull<Local>> {
        // SAFETY: locals stay.
        if let Some(local) = unsafe { self.free.as_ref() } {
            self.free = local.next.get();
            return Some(local.into());
        }
        // The last number is nobody's.
        if self.room == 0 || self.numbers + 1 >= Tag::MOST_LOCALS {
            return None;
        }
        self.room -= 1;
        self.numbers += 1;
        let local = NonNull::new(self.next)?;
        // SAFETY: there is room in the slice, which is ours; numbers begin with 1.
        unsafe { local.write(Local::new(self.numbers)) };
        // SAFETY: at most one behind the last in the slice.
        self.next = unsafe { self.next.add(1) };
        Some(local)
    }
}
