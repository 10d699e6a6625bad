//! What each scope has, found by its number without a lock.

extern crate std;

use alloc::boxed::Box;
use std::sync::OnceLock;

use crate::{
    raw::wait::MOST,
    sync::atomic::{AtomicU64, Ordering},
};

/// The lowest bit of [`Account::word`].
const ENDED: u64 = 1;

/// Accounts of the first bucket; each further one has as many as all before.
const FIRST: usize = 8;
const BUCKETS: usize = 24;

/// More scopes than that there cannot be at once.
pub(super) const MOST_SCOPES: usize = FIRST << (BUCKETS - 1);

/// What a scope has. Serves one scope after another: its number is free again when the scope has ended
/// and nothing is charged to it.
///
/// # Invariant
///
/// 1. Limit and guarantee change only while nobody knows the number, or (the limit) are read as a hint
///    that the exchange of the word does not depend on.
#[derive(Default)]
pub(super) struct Account {
    /// Bytes that are charged, and in the lowest bit whether the scope has ended.
    word: AtomicU64,
    guarantee: AtomicU64,
    limit: AtomicU64,
    hits: AtomicU64,
}

/// What a charge, or a release, changes of what all scopes share.
pub(super) struct Change {
    /// The word that this is about.
    word: u64,
    /// What the account has then.
    pub(super) used: u64,
    /// How much of the shared part comes to it, or goes.
    pub(super) shared: u64,
}

/// Why a scope does not get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// The scope has its limit.
    Limit,
    /// There is not so much.
    Short,
}

impl Account {
    /// For a new scope.
    pub(super) fn open(&self, guarantee: u64, limit: u64) {
        // Relaxed: the number becomes known under the queue's lock.
        self.guarantee.store(guarantee, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
        self.hits.store(0, Ordering::Relaxed);
        self.word.store(0, Ordering::Relaxed);
    }

    // Relaxed, in all that only looks: whoever decides something exchanges the word.
    pub(super) fn used(&self) -> u64 {
        self.word.load(Ordering::Relaxed) >> 1
    }

    pub(super) fn guarantee(&self) -> u64 {
        self.guarantee.load(Ordering::Relaxed)
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// What it has of the shared part.
    pub(super) fn borrowed(&self) -> u64 {
        self.used().saturating_sub(self.guarantee())
    }

    /// How much of the shared part is used when so much is charged.
    fn over(&self, used: u64) -> u64 {
        used.saturating_sub(self.guarantee())
    }

    /// What charging `bytes` changes; `limited` unless it may go past the limit.
    pub(super) fn charge(&self, bytes: u64, limited: bool) -> Result<Change, Lack> {
        let word = self.word.load(Ordering::Relaxed);
        debug_assert!(
            word & ENDED == 0,
            "a scope is charged only while it is there"
        );
        let before = word >> 1;
        let most = if limited { self.limit() } else { MOST };
        let used = before.checked_add(bytes).filter(|used| *used <= most);
        let used = used.ok_or(Lack::Limit)?;
        let shared = self.over(used) - self.over(before);
        Ok(Change { word, used, shared })
    }

    /// What releasing `bytes` changes.
    pub(super) fn release(&self, bytes: u64) -> Change {
        let word = self.word.load(Ordering::Relaxed);
        let before = word >> 1;
        debug_assert!(bytes <= before, "what is released was charged");
        let used = before.saturating_sub(bytes);
        let shared = self.over(before) - self.over(used);
        Change { word, used, shared }
    }

    /// Makes it so, if nothing changed meanwhile; and whether that was the last of an ended scope.
    pub(super) fn commit(&self, change: &Change) -> Result<bool, ()> {
        let ended = change.word & ENDED;
        // Release and Acquire: pair with each other; who is charged what another released comes after
        // what that other did with it.
        self.word
            .compare_exchange_weak(
                change.word,
                change.used << 1 | ended,
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .map(|_| ended != 0 && change.used == 0)
            .map_err(drop)
    }

    /// The scope has ended; whether nothing is charged any more.
    pub(super) fn end(&self) -> bool {
        // AcqRel: as in `commit`; the last one sees all that the others did.
        self.word.fetch_or(ENDED, Ordering::AcqRel) == 0
    }
}

/// Accounts by number, 1 and up; made as they are needed, and never moved.
pub(super) struct Accounts([OnceLock<Box<[Account]>>; BUCKETS]);

impl Accounts {
    pub(super) const fn new() -> Self {
        Self([const { OnceLock::new() }; BUCKETS])
    }

    /// The bucket of a number, and the place in it.
    fn place(number: u32) -> (usize, usize) {
        let number = number as usize;
        // 0..8, 8..16, 16..32, 32..64 …
        let bucket = (number / FIRST)
            .checked_ilog2()
            .map_or(0, |log| log as usize + 1);
        let start = if bucket == 0 {
            0
        } else {
            FIRST << (bucket - 1)
        };
        (bucket, number - start)
    }

    /// The account of `number`, if it was made.
    pub(super) fn get(&self, number: u32) -> Option<&Account> {
        let (bucket, at) = Self::place(number);
        self.0.get(bucket)?.get()?.get(at)
    }

    /// The account of `number`, made if it has to be.
    pub(super) fn make(&self, number: u32) -> Option<&Account> {
        let (bucket, at) = Self::place(number);
        let len = if bucket == 0 {
            FIRST
        } else {
            FIRST << (bucket - 1)
        };
        let bucket = self.0.get(bucket)?;
        let accounts = bucket.get_or_init(|| (0..len).map(|_| Account::default()).collect());
        accounts.get(at)
    }
}
