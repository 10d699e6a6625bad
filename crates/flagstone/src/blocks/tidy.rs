//! How bytes leave the tiers: too old, too much, wanted by others, or at the end.
#![forbid(unsafe_code)]

use core::time::Duration;
use std::time::Instant;

use super::{
    budget::Shortage,
    core::{Core, Freed, NO_NUMBER, NUMBERS, put},
    hot::{self, Home, Hot},
    moving::Moving,
};
use crate::{
    raw::{turn::Owner, wait::Panicked},
    sync::atomic::Ordering,
};

impl Core {
    /// Empties caches in which nothing has happened for as long as free blocks may stay, at most so often.
    pub(super) fn sweep(&self, now: Instant) {
        let age = self.cold.age().max(Duration::from_millis(1));
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let (now_millis, age_millis) = (millis(now - self.began), millis(age));
        // Relaxed, both: whoever changes it sweeps.
        let before = self.swept.load(Ordering::Relaxed);
        if now_millis.saturating_sub(before) < age_millis
            || self
                .swept
                .compare_exchange(before, now_millis, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let mut freed = Freed::default();
        let oldest = now.checked_sub(age);
        if oldest.is_some() {
            self.cold.drain(
                oldest,
                &mut freed,
                |freed, storage| self.put(freed, storage),
                |_| true,
            );
        }
        self.hot.visit(|hot| {
            if hot.rests() {
                hot.drain(|storage| self.put(&mut freed, storage));
            }
            true
        });
        self.counts
            .evicted
            .fetch_add(freed.blocks, Ordering::Relaxed);
        self.settle(freed, self.account);
    }

    /// Empties the calling thread's cache.
    pub(super) fn drain_own(&self, freed: &mut Freed) {
        hot::drain(self.number, self.address(), |storage| {
            self.put(freed, storage);
        });
    }

    /// Offers memory that nothing is in back to the provider, if it is more than `most` bytes.
    pub(super) fn purge(&self, most: usize) {
        // Relaxed: a hint.
        if self.keeps.load(Ordering::Relaxed) {
            return;
        }
        {
            let mut store = self.store.lock();
            if store.idle() <= most || store.is_exported() {
                return;
            }
            store.dissolve();
        }
        self.purge_pieces(most);
    }

    /// Offers pieces back until `most` bytes of them are left, each once, and one at a time: who needs
    /// memory meanwhile finds all others.
    fn purge_pieces(&self, most: usize) {
        let mut last = None;
        loop {
            let piece = {
                let mut store = self.store.lock();
                if store.idle() <= most {
                    return;
                }
                store.take_touched(&mut last)
            };
            let Some(piece) = piece else {
                return;
            };
            let mut moving = Moving::new(&self.store, Some(piece));
            let piece = moving.piece.as_mut();
            let went = piece.is_none_or(|it| it.purge().is_some()); // USER CODE
            if !went {
                // Relaxed: a hint.
                self.keeps.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Empties the caches, and gives all memory back that nothing is in; bytes of the caches.
    pub(super) fn trim(&self) -> usize {
        let freed = self.give_back(usize::MAX);
        self.store.lock().dissolve();
        self.purge_pieces(0);
        // Of a provider that keeps what it is offered, at least whole regions.
        let keep_first = !self.keeps.swap(false, Ordering::Relaxed);
        while let Some(region) = { self.store.lock().take_region(keep_first) } {
            let _moving = Moving::new(&self.store, None);
            drop(region); // USER CODE
        }
        freed
    }

    /// The last handle is gone.
    pub(super) fn close(&self) {
        // Release: pairs with the Acquire in `is_closed`.
        self.closed.store(true, Ordering::Release);
        // Whoever's code panics, all of it is done.
        let mut panicked = Panicked::default();
        self.ids.take_all(|part| {
            let storage = part.release();
            panicked.add(Panicked::of(|| put(storage))); // USER CODE
        });
        let mut freed = Freed::default();
        self.hot
            .close(|hot| hot.drain(|storage| self.put(&mut freed, storage)));
        self.cold.drain(
            None,
            &mut freed,
            |freed, storage| self.put(freed, storage),
            |_| true,
        );
        let ended = {
            let mut store = self.store.lock();
            store.end()
        };
        if self.number != NO_NUMBER {
            // Threads find by the address that entries with this number are another's.
            NUMBERS.give_back(self.number as usize);
        }
        let provider = self.provider.lock().take();
        panicked.add(Panicked::of(|| {
            self.settle(freed, self.account); // USER CODE
        }));
        panicked.add(Panicked::of(|| drop(ended))); // USER CODE
        panicked.add(Panicked::of(|| drop(provider))); // USER CODE
        panicked.resume();
    }
}

impl Shortage for Core {
    fn give_back(&self, wanted: usize) -> usize {
        let mut freed = Freed::default();
        self.cold.drain(
            None,
            &mut freed,
            |freed, storage| self.put(freed, storage),
            |freed| freed.bytes < wanted,
        );
        if freed.bytes < wanted {
            // Its own thread needs nobody's leave.
            self.drain_own(&mut freed);
        }
        if freed.bytes < wanted {
            self.hot.visit(|hot| {
                hot.drain(|storage| self.put(&mut freed, storage));
                freed.bytes < wanted
            });
        }
        self.settle(freed, self.account)
    }
}

impl Home for Core {
    fn thread_ends(&self, cache: &Owner<Hot>) {
        let mut freed = Freed::default();
        // In a busy section, so that the allocator's end waits for it.
        let _ = cache.with_patience(|hot| hot.drain(|storage| self.put(&mut freed, storage)));
        self.hot.remove(cache);
        self.settle(freed, self.account);
    }
}
