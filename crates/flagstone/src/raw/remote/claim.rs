//! Slabs that nobody has a list of: whoever puts the slot back that matters finds himself their owner.
//!
//! For owners that are gone there is an owner bit in the word, as in mimalloc (D. Leijen's and others', since
//! version 3); that a word counts its slots lets it stay unowned until that is worth something.

use super::word::{Said, Word};
use crate::sync::{atomic::Ordering, seeded};

impl Word {
    /// Says something else from now on, of a slab of which nothing is in use and which is one thread's own.
    pub(in crate::raw) fn restart(&self, said: Said) {
        // Relaxed: what makes the slab somebody else's passes it on.
        self.0.store(said.0, Ordering::Relaxed);
    }

    /// Puts a slot back as [`push`](Self::push) does. If nobody owns the slab and no slot or exactly
    /// `mark` slots are in use since, it becomes the caller's by the same exchange, who is told how many;
    /// of those who put slots back only one can be told so. What the last owner had at hand is not
    /// counted as out then.
    #[inline]
    pub(in crate::raw) fn push_or_claim(
        &self,
        offset: u32,
        mark: u32,
        mut link: impl FnMut(u32),
    ) -> Option<u32> {
        // Relaxed: nothing is read through what is seen here.
        let mut seen = Said(self.0.load(Ordering::Relaxed));
        loop {
            link(seen.head());
            let next = seen.less_one(offset);
            let claims = next.is_unowned_with(0) || next.is_unowned_with(mark);
            let next = if claims {
                Said::new(offset, true, next.out())
            } else {
                next
            };
            let order = if seeded("slots come back relaxed") {
                Ordering::Relaxed
            } else {
                Ordering::AcqRel
            };
            // AcqRel: as in `push`. Who claims sees by the Acquire what the last owner did.
            match self
                .0
                .compare_exchange_weak(seen.0, next.0, order, Ordering::Relaxed)
            {
                Ok(_) => return claims.then(|| next.out()),
                Err(now) => seen = Said(now),
            }
        }
    }

    /// Becomes the owner of a slab that nobody owns and of whose slots the last owner kept `kept`. Answers
    /// how many are in use; `None` if somebody owns it.
    pub(in crate::raw) fn adopt(&self, kept: u32) -> Option<u32> {
        let mut seen = self.look();
        while !seen.is_owned() {
            let next = Said::new(seen.head(), true, seen.out() + kept);
            // AcqRel: pairs with the one in `disown` and in `push_or_claim`.
            match self
                .0
                .compare_exchange_weak(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Some(seen.out()),
                Err(now) => seen = Said(now),
            }
        }
        None
    }

    /// Gives a slab up of which the owner keeps `kept` free slots that the list does not have. Answers
    /// how many are in use; if none is, the caller owns it still.
    pub(in crate::raw) fn disown(&self, kept: u32) -> u32 {
        let mut seen = self.look();
        loop {
            debug_assert!(seen.is_owned(), "only the owner gives up");
            let in_use = seen.out() - kept;
            if in_use == 0 {
                return 0;
            }
            let next = Said::new(seen.head(), false, in_use);
            // Release: pairs with the Acquire of `adopt` and `push_or_claim`, whose callers read what the
            // owner wrote. Acquire when it fails: it is looked at.
            match self
                .0
                .compare_exchange_weak(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return in_use,
                Err(now) => seen = Said(now),
            }
        }
    }
}
