//! Which threads have free slots of a pool.

use alloc::sync::Arc;
use core::ptr;

use lock_api::{Mutex, MutexGuard};

use super::cache::Cache;
#[cfg(feature = "stats")]
use crate::stats::Snapshot;
use crate::{
    stats::Collector,
    sync::{DefaultLock, default_lock},
};

/// The caches of a pool, and whether the pool still is. Outlives the pool, for threads that end later.
pub(super) struct Registry {
    listed: Mutex<DefaultLock, Listed>,
}

/// What the lock guards.
///
/// # Invariants
///
/// 1. `first` starts a list, through `next` and `previous`, of caches that the list has a share of,
///    as of an `Arc`.
/// 2. While `closed` is false, the depot of the caches is there.
pub(super) struct Listed {
    first: *const Cache,
    pub(super) closed: bool,
    /// Whether somebody waits for a slot, so that caches keep none.
    pub(super) wanted: bool,
    /// What ended threads counted, and threads without a cache.
    pub(super) others: Collector,
    /// The most slots in use that a snapshot saw, since counting began anew.
    #[cfg(feature = "stats")]
    pub(super) peak: u64,
    /// What all had counted when counting began anew.
    #[cfg(feature = "stats")]
    pub(super) before: Snapshot,
}

// SAFETY: the list's caches are `Send` and `Sync`, and it has a share of each.
unsafe impl Send for Listed {}

impl Registry {
    pub(super) fn new() -> Self {
        let listed = Listed {
            first: ptr::null(),
            closed: false,
            wanted: false,
            others: Collector::new(),
            #[cfg(feature = "stats")]
            peak: 0,
            #[cfg(feature = "stats")]
            before: Snapshot::default(),
        };
        Self {
            listed: Mutex::from_raw(default_lock(), listed),
        }
    }

    /// Takes the lock. No user code runs while it is held.
    pub(super) fn lock(&self) -> MutexGuard<'_, DefaultLock, Listed> {
        self.listed.lock()
    }
}

impl Listed {
    /// Adds a cache, which is on no list.
    pub(super) fn add(&mut self, cache: Arc<Cache>) {
        if self.wanted {
            cache.begin_want();
        }
        cache.next.set(self.first);
        let cache = Arc::into_raw(cache);
        // SAFETY: on the list, or null.
        if let Some(first) = unsafe { self.first.as_ref() } {
            first.previous.set(cache);
        }
        self.first = cache;
    }

    /// Takes a cache off the list; the list's share of it, which is to be dropped with nothing
    /// locked.
    ///
    /// # Safety
    ///
    /// `cache` is on this list.
    pub(super) unsafe fn remove(&mut self, cache: &Cache) -> Arc<Cache> {
        let (next, previous) = (cache.next.get(), cache.previous.get());
        // SAFETY: on the list, or null.
        if let Some(next) = unsafe { next.as_ref() } {
            next.previous.set(previous);
        }
        // SAFETY: as above.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => self.first = next,
        }
        cache.next.set(ptr::null());
        cache.previous.set(ptr::null());
        // SAFETY: the share that `add` took apart, by the caller's promise.
        unsafe { Arc::from_raw(ptr::from_ref(cache)) }
    }

    /// Takes the first cache off the list.
    pub(super) fn pop(&mut self) -> Option<Arc<Cache>> {
        // SAFETY: on the list, or null.
        let first = unsafe { self.first.as_ref() }?;
        // SAFETY: on the list.
        Some(unsafe { self.remove(first) })
    }

    /// The caches.
    pub(super) fn caches(&self) -> impl Iterator<Item = &Cache> {
        // SAFETY: on the list, or null; it changes only by `&mut self`.
        let mut at = unsafe { self.first.as_ref() };
        core::iter::from_fn(move || {
            let cache = at?;
            // SAFETY: as above.
            at = unsafe { cache.next.get().as_ref() };
            Some(cache)
        })
    }
}
