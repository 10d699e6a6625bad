//! Spans whose owner is gone.

use core::ptr::NonNull;

use super::{
    list::SpanList,
    span::{Place, Span},
};
use crate::{
    layout::span::CLASSES,
    sync::{
        SpinLock,
        atomic::{AtomicUsize, Ordering},
        seeded,
    },
};

/// The spans without an owner of which an eighth is free, by class. Those with less wait to be found by who
/// puts their slots back.
pub(super) struct Orphans {
    lists: lock_api::Mutex<SpinLock, Lists>,
    /// How many are on each list. Says whether it is worth to lock, no more.
    count: [AtomicUsize; CLASSES],
}

struct Lists([SpanList; CLASSES]);

impl Lists {
    #[expect(
        clippy::declare_interior_mutable_const,
        reason = "what new ones are made of"
    )]
    const NONE: Self = Self([const { SpanList::new() }; CLASSES]);
}

// SAFETY: the links of the spans on the lists are the lock's, whoever has it.
unsafe impl Send for Lists {}

impl Orphans {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self {
            lists: lock_api::Mutex::const_new(SpinLock::new(), Lists::NONE),
            count: [const { AtomicUsize::new(0) }; CLASSES],
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self {
            lists: lock_api::Mutex::from_raw(SpinLock::new(), Lists::NONE),
            count: core::array::from_fn(|_| AtomicUsize::new(0)),
        }
    }

    #[cfg(not(loom))]
    /// The lock, for a process that is about to be forked.
    pub(super) fn lock(&self) -> &lock_api::Mutex<SpinLock, impl Sized> {
        &self.lists
    }

    /// Gives a span up of which `kept` slots are free that its word does not know of. `false` if none of
    /// its slots is in use: it is the caller's still.
    ///
    /// # Safety
    ///
    /// The caller owns the span, which is on no list.
    #[must_use]
    pub(super) unsafe fn give_up(&self, span: &Span, kept: u32) -> bool {
        // Under the lock, so that whoever claims the span finds it on the list that it is on.
        let lists = self.lists.lock();
        // Before others may write there.
        span.move_to(Place::Lost);
        let in_use = span.word().disown(kept);
        if in_use == 0 && !seeded("a span without slots in use is left") {
            return false;
        }
        if in_use <= span.mark() {
            span.move_to(Place::Listed);
            let class = span.class();
            // SAFETY: it is on no list, and the links of spans without owner are the lock's.
            unsafe { lists.0[class].push_back(span) };
            self.count[class].fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// Looks after a span that became the caller's because a slot came back, and of which `in_use` slots
    /// are in use. `false` if none is: it is the caller's, and on no list.
    ///
    /// # Safety
    ///
    /// `Span::put_back` answered the caller so.
    #[must_use]
    pub(super) unsafe fn claimed(&self, span: &Span, in_use: u32) -> bool {
        if in_use > 0 {
            // SAFETY: the caller owns the span. It had more slots in use than its mark, so it was on no list.
            return unsafe { self.give_up(span, 0) };
        }
        let lists = self.lists.lock();
        if span.place.get() == Place::Listed && !seeded("a claimed span stays listed") {
            // SAFETY: it is on the list, whose links are the lock's.
            unsafe { lists.0[span.class()].unlink(span) };
            self.count[span.class()].fetch_sub(1, Ordering::Relaxed);
        }
        false
    }

    /// How many spans of `class` may be adopted.
    #[cfg(loom)]
    pub(super) fn count(&self, class: usize) -> usize {
        self.count[class].load(Ordering::Relaxed)
    }

    /// A span of `class` that is the caller's from now on.
    pub(super) fn adopt(&self, class: usize) -> Option<NonNull<Span>> {
        // Relaxed: whether there is one is looked at again under the lock.
        if self.count[class].load(Ordering::Relaxed) == 0 {
            return None;
        }
        let lists = self.lists.lock();
        let list = &lists.0[class];
        let mut at = list.first();
        while let Some(found) = at {
            // SAFETY: spans on the list are there, and leave it under the lock only.
            let span = unsafe { found.as_ref() };
            // What is in use by the last owner's count, less what came back since, is in use by the word.
            let kept = span.slots() - span.in_use();
            if span.word().adopt(kept).is_some() {
                // SAFETY: as above.
                unsafe { list.unlink(span) };
                self.count[class].fetch_sub(1, Ordering::Relaxed);
                return Some(found);
            }
            // Somebody has put its last slot back and waits for the lock.
            at = NonNull::new(span.next.get().cast_mut());
        }
        None
    }
}
