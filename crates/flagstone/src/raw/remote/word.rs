//! The one word of a slab that everybody writes.

#[cfg(target_has_atomic = "64")]
use crate::sync::atomic::AtomicU64 as AtomicBits;
#[cfg(not(target_has_atomic = "64"))]
use crate::sync::atomic::AtomicUsize as AtomicBits;
use crate::sync::{atomic::Ordering, seeded};

#[cfg(target_has_atomic = "64")]
type Bits = u64;
#[cfg(not(target_has_atomic = "64"))]
type Bits = usize;

/// Where the head stands in the word.
const HEAD: u32 = Bits::BITS / 2;
/// Whether somebody owns the slab.
const OWNED: u32 = 1 << (HEAD - 1);

/// What a [`Word`] says.
///
/// ```text
///  ┌──────────── half ───────────┬─ 1 ─┬────── half - 1 ──────┐
///  │ head of the list, an offset │owned│         out          │
///  └─────────────────────────────┴─────┴──────────────────────┘
/// ```
///
/// *Out* are the slots of the slab that its list does not have: those in use, and while there is an
/// owner also those that the owner has at hand or has never touched. So whoever puts a slot back counts
/// down, whatever is the case, and sees in the same exchange when a slab without an owner has a given
/// number of slots in use, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::raw) struct Said(pub(super) Bits);

impl Said {
    /// The largest slab, in bytes: offsets must fit.
    pub(in crate::raw) const MOST_BYTES: usize = match 1_usize.checked_shl(HEAD) {
        Some(most) if HEAD < 32 => most,
        _ => 1 << 31,
    };
    /// The most slots. More must fit: with bits, each put that is under way may count one more as out.
    pub(in crate::raw) const MOST_SLOTS: u32 = OWNED / 2;

    pub(in crate::raw) const fn new(head: u32, owned: bool, out: u32) -> Self {
        let owned = if owned { OWNED } else { 0 };
        Self((head as Bits) << HEAD | (owned | out) as Bits)
    }

    /// Bytes from the slab's base to the slot that came back last; of no meaning when none did.
    #[inline(always)]
    pub(in crate::raw) const fn head(self) -> u32 {
        (self.0 >> HEAD) as u32
    }

    const fn low(self) -> u32 {
        self.0 as u32 & (OWNED | (OWNED - 1))
    }

    pub(in crate::raw) const fn is_owned(self) -> bool {
        self.low() & OWNED != 0
    }

    pub(in crate::raw) const fn out(self) -> u32 {
        self.low() & (OWNED - 1)
    }

    /// One slot less is out: the one at `head`.
    #[inline(always)]
    pub(super) const fn less_one(self, head: u32) -> Self {
        Self((head as Bits) << HEAD | (self.low() - 1) as Bits)
    }

    /// Whether nobody owns the slab and exactly `out` slots are in use.
    #[inline(always)]
    pub(in crate::raw) const fn is_unowned_with(self, out: u32) -> bool {
        self.low() == out
    }
}

/// The list of slots that came back to a slab, whether it has an owner, and how many slots are out.
///
/// All functions ask whether the structure is `local`, one thread's own: then plain loads and stores do.
///
/// The list is pushed to by anybody and only ever taken whole, so an exchange that succeeds has seen the
/// head it links to: there is no ABA problem.
#[derive(Debug)]
pub(in crate::raw) struct Word(pub(super) AtomicBits);

impl Word {
    pub(in crate::raw) fn new(said: Said) -> Self {
        Self(AtomicBits::new(said.0))
    }

    #[inline(always)]
    pub(in crate::raw) fn look(&self) -> Said {
        // Acquire: pairs with the Release of `push`, so that who sees that slots came back sees them.
        Said(self.0.load(Ordering::Acquire))
    }

    /// Puts the slot at `offset` on the list: `link` writes the link to the head it is given. Answers
    /// what the word says since.
    #[inline(always)]
    pub(in crate::raw) fn push(&self, offset: u32, local: bool, mut link: impl FnMut(u32)) -> Said {
        // Relaxed: nothing is read through what is seen here.
        let mut seen = Said(self.0.load(Ordering::Relaxed));
        loop {
            link(seen.head());
            let next = seen.less_one(offset);
            if local {
                self.0.store(next.0, Ordering::Relaxed);
                return next;
            }
            // Release: pairs with the Acquire of `collect`, `exchange` and `look`, which make the slot
            // somebody else's, and of the last `push`. Acquire: whoever puts the last slot of a slab
            // back may release it, and must see what all others did with theirs.
            let order = if seeded("slots come back relaxed") {
                Ordering::Relaxed
            } else {
                Ordering::AcqRel
            };
            match self
                .0
                .compare_exchange_weak(seen.0, next.0, order, Ordering::Relaxed)
            {
                Ok(_) => return next,
                Err(now) => seen = Said(now),
            }
        }
    }

    /// Takes the whole list, for the owner of a slab of `slots` slots. Answers its head, and how many
    /// slots it has.
    pub(in crate::raw) fn collect(&self, slots: u32, local: bool) -> (u32, u32) {
        let taken = Said::new(0, true, slots);
        // Acquire: pairs with the Release of `push`. Release, so that a later `push` passes on to whom
        // it meets what the owner did.
        let said = if local {
            let said = Said(self.0.load(Ordering::Relaxed));
            self.0.store(taken.0, Ordering::Relaxed);
            said
        } else {
            let order = if seeded("lists are collected relaxed") {
                Ordering::Relaxed
            } else {
                Ordering::AcqRel
            };
            Said(self.0.swap(taken.0, order))
        };
        debug_assert!(said.is_owned(), "only the owner collects");
        (said.head(), slots - said.out())
    }

    /// Counts `taken` slots as out that the owner took where they lie, and not off the list.
    pub(in crate::raw) fn took(&self, taken: u32, local: bool) {
        if local {
            let said = self.0.load(Ordering::Relaxed);
            self.0.store(said + taken as Bits, Ordering::Relaxed);
        } else {
            // Relaxed: the slots were taken by an exchange of their own.
            self.0.fetch_add(taken as Bits, Ordering::Relaxed);
        }
    }

    /// Changes whether there is an owner, and counts `kept` slots as out from now on, or not any more:
    /// the ones that only an owner knows of. Under the lock. Answers how many are in use.
    pub(in crate::raw) fn hand_over(&self, owned: bool, kept: u32, local: bool) -> u32 {
        let mut seen = self.look();
        loop {
            debug_assert!(seen.is_owned() != owned, "it changes hands");
            let (in_use, out) = if owned {
                (seen.out(), seen.out() + kept)
            } else {
                let in_use = seen.out() - kept;
                (in_use, in_use)
            };
            let next = Said::new(seen.head(), owned, out);
            if local {
                self.0.store(next.0, Ordering::Relaxed);
                return in_use;
            }
            // AcqRel: as in `collect`; the Acquire when it fails, too, because it is what is seen.
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
