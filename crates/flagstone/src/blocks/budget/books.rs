//! The ledger: what is left, who has it, who waits; and how a charge changes it.

extern crate std;

use alloc::{sync::Arc, vec::Vec};
use core::fmt;

use super::{
    account::{Account, Accounts, Lack},
    error::{BudgetError, BudgetErrorKind, HOLDERS, Holder, Refusal},
    policy::Order,
    relief::Relief,
    waits::{Hits, Times},
};
use crate::{
    raw::wait::{Balance, Held, WaitQueue},
    sync::{
        atomic::{AtomicU64, Ordering},
        seeded,
    },
};

/// Scopes that one request can name.
pub(super) const MOST_PARTS: usize = 4;

/// The highest bit of [`Charge::account`]: granted beside somebody who waited.
const BESIDE: u32 = 1 << 31;

/// Bytes that are charged, and to whom. Forgets nothing by itself: it is released, or leaks.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Charge {
    bytes: usize,
    account: u32,
}

impl Charge {
    /// Nothing.
    pub(super) const NOTHING: Self = Self {
        bytes: 0,
        account: 0,
    };

    pub(super) const fn new(account: u32, bytes: usize, beside: bool) -> Self {
        let account = if beside { account | BESIDE } else { account };
        Self { bytes, account }
    }

    /// How many bytes.
    #[inline]
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of the scope, and what the budget wants to remember of the charge: with the bytes all
    /// that [`from_parts`](Self::from_parts) needs.
    #[inline]
    pub(crate) const fn account(&self) -> u32 {
        self.account
    }

    /// The charge that said so; the caller has it once.
    #[inline]
    pub(crate) const fn from_parts(bytes: usize, account: u32) -> Self {
        Self { bytes, account }
    }

    /// Takes `bytes` of it as a charge of its own, if it has so many.
    pub(crate) fn split(&mut self, bytes: usize) -> Option<Self> {
        self.bytes = self.bytes.checked_sub(bytes)?;
        Some(Self {
            bytes,
            account: self.account,
        })
    }

    /// Adds `other`, if it is of the same account; gives it back otherwise.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), Self> {
        if other.bytes == 0 {
            return Ok(());
        }
        if self.bytes == 0 {
            *self = other;
            return Ok(());
        }
        if self.account != other.account {
            return Err(other);
        }
        // The sum was charged to one account, but what was forced may be more than a small machine counts.
        match self.bytes.checked_add(other.bytes) {
            Some(sum) => self.bytes = sum,
            None => return Err(other),
        }
        Ok(())
    }

    pub(super) const fn number(&self) -> u32 {
        self.account & !BESIDE
    }

    const fn is_beside(&self) -> bool {
        self.account & BESIDE != 0
    }
}

/// What one waits for: bytes of one scope, or of several at once.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    parts: [(u32, usize); MOST_PARTS],
    len: usize,
    /// Its place: tickets are counted up, and a priority is so many tickets.
    pub(super) key: u64,
    /// How often another was granted something that could have delayed it.
    pub(super) passed: u32,
    /// Bytes of the budget that who waits has, and keeps meanwhile.
    pub(super) holding: usize,
}

impl Demand {
    pub(super) const fn one(account: u32, bytes: usize) -> Self {
        Self {
            parts: [(account, bytes); MOST_PARTS],
            len: 1,
            key: 0,
            passed: 0,
            holding: 0,
        }
    }

    /// Of up to [`MOST_PARTS`] scopes; one that is named twice is one part.
    pub(super) fn of(parts: &[(u32, usize)]) -> Self {
        let mut demand = Self {
            len: 0,
            ..Self::one(0, 0)
        };
        for (account, bytes) in parts {
            let known = demand.parts[..demand.len]
                .iter_mut()
                .find(|part| part.0 == *account);
            match known {
                Some((_, sum)) => *sum = sum.saturating_add(*bytes),
                None => {
                    demand.parts[demand.len] = (*account, *bytes);
                    demand.len += 1;
                }
            }
        }
        demand
    }

    /// The demand with its place, and with what its task keeps meanwhile.
    pub(super) const fn with_key(mut self, key: u64, holding: usize) -> Self {
        self.key = key;
        self.holding = holding;
        self
    }

    pub(super) fn parts(&self) -> &[(u32, usize)] {
        &self.parts[..self.len]
    }

    /// All bytes of it, or more than there can be.
    pub(super) fn bytes(&self) -> usize {
        let mut parts = self.parts().iter();
        parts
            .try_fold(0, |sum: usize, (_, bytes)| sum.checked_add(*bytes))
            .unwrap_or(usize::MAX)
    }

    /// The line that it waits in.
    pub(super) fn line(&self) -> usize {
        self.parts()
            .first()
            .map_or(0, |(account, _)| *account as usize)
    }
}

/// What one who waited is told: granted, and whether beside another; or not any more.
pub(super) type Answer = Result<bool, BudgetErrorKind>;

/// What stands under the queue's lock.
#[derive(Debug)]
pub struct Books {
    pub(super) order: Order,
    pub(super) closed: bool,
    pub(super) ticket: u64,
    /// Counts the rounds in which is looked who can be granted what.
    pub(super) round: u64,
    /// Lines that may have somebody. Has room for all, so that waiting allocates nothing.
    pub(super) active: Vec<u32>,
    /// By number; the first is what is outside of scopes.
    pub(super) scopes: Vec<Tenant>,
    /// Numbers of scopes that have ended.
    pub(super) free: Vec<u32>,
    /// Bytes that are waited for.
    pub(super) wanted: u64,
    /// Bytes that those have who wait, as they say.
    pub(super) holding: u64,
    pub(super) forced: u64,
    /// How many left without an answer.
    pub(super) abandoned: u64,
}

impl Books {
    /// One more waits.
    pub(super) fn waits(&mut self, demand: &Demand) {
        self.wanted = self.wanted.saturating_add(demand.bytes() as u64);
        self.holding = self.holding.saturating_add(demand.holding as u64);
    }

    /// One waits no longer.
    pub(super) fn waits_no_longer(&mut self, demand: &Demand) {
        self.wanted = self.wanted.saturating_sub(demand.bytes() as u64);
        self.holding = self.holding.saturating_sub(demand.holding as u64);
    }
}

/// What is known of a scope under the lock.
#[derive(Clone, Debug, Default)]
pub(super) struct Tenant {
    /// `None` outside of scopes, and of a number that is free.
    pub(super) name: Option<Arc<str>>,
    pub(super) weight: u32,
    pub(super) waits: u64,
    pub(super) rejects: u64,
    /// The round in which it was seen that its first cannot be granted.
    pub(super) stuck: u64,
}

/// The queue under its lock.
pub(super) type Counter<'l> = Held<'l, Books, Demand, Answer>;

/// One budget. Stays until the last door, reservation and future of it is gone.
///
/// # Invariants
///
/// 1. `left` of the balance is `capacity` - `guaranteed` - what is charged outside of scopes - what scopes
///    have above their guarantees; at any moment it may be less, by what is about to be charged or was
///    just released, and is never more.
/// 2. While somebody waits, or when it is closed, the balance is marked. It is marked and unmarked under
///    the lock.
/// 3. Whoever gives something back to a marked balance looks under the lock afterwards who can be
///    granted something (`settle`).
/// 4. `capacity` and `guaranteed` change under the lock.
/// 5. `least` changes under the lock. If so much is left, whoever gave the last of it settles, or somebody
///    has the lock and looks later.
pub struct Ledger {
    pub(super) balance: Balance,
    pub(super) queue: WaitQueue<Books, Demand, Answer>,
    pub(super) relief: Relief,
    pub(super) accounts: Accounts,
    capacity: AtomicU64,
    guaranteed: AtomicU64,
    /// What scopes have above their guarantees.
    borrowed: AtomicU64,
    /// What was granted beside somebody who waited, and is not released.
    beside: AtomicU64,
    /// While less than this is left, nobody who waits can be granted anything, and who releases need not
    /// look. 0 if scopes wait, or if it is not known.
    least: AtomicU64,
    pub(super) times: Times,
    pub(super) hits: Hits,
}

impl Ledger {
    pub(super) fn new(capacity: u64, order: Order) -> Self {
        let books = Books {
            order,
            closed: false,
            // So that a priority can be taken off.
            ticket: 1 << 32,
            round: 0,
            active: Vec::with_capacity(1),
            scopes: alloc::vec![Tenant {
                weight: 1,
                ..Tenant::default()
            }],
            free: Vec::new(),
            wanted: 0,
            holding: 0,
            forced: 0,
            abandoned: 0,
        };
        Self {
            balance: Balance::new(capacity),
            queue: WaitQueue::new(books),
            relief: Relief::new(),
            accounts: Accounts::new(),
            capacity: AtomicU64::new(capacity),
            guaranteed: AtomicU64::new(0),
            borrowed: AtomicU64::new(0),
            beside: AtomicU64::new(0),
            least: AtomicU64::new(0),
            times: Times::default(),
            hits: Hits::default(),
        }
    }

    // Relaxed, all four: they change under the lock, or are sums of what others exchange; who decides
    // by them does so under the lock, and is right to grant less.
    pub(super) fn capacity(&self) -> u64 {
        self.capacity.load(Ordering::Relaxed)
    }

    pub(super) fn guaranteed(&self) -> u64 {
        self.guaranteed.load(Ordering::Relaxed)
    }

    pub(super) fn borrowed(&self) -> u64 {
        self.borrowed.load(Ordering::Relaxed)
    }

    pub(super) fn beside(&self) -> u64 {
        self.beside.load(Ordering::Relaxed)
    }

    /// What all scopes share.
    pub(super) fn shared(&self) -> u64 {
        self.capacity().saturating_sub(self.guaranteed())
    }

    pub(super) fn set_capacity_to(&self, _held: &mut Counter<'_>, capacity: u64) {
        self.capacity.store(capacity, Ordering::Relaxed);
    }

    pub(super) fn set_guaranteed_to(&self, _held: &mut Counter<'_>, guaranteed: u64) {
        self.guaranteed.store(guaranteed, Ordering::Relaxed);
    }

    /// Bytes that are charged, those of guarantees included, as far as they are used.
    pub(super) fn charged(&self) -> u64 {
        let taken = self.shared() as i64 - self.balance.look().left;
        // What is outside of scopes, and what is above guarantees.
        let mut charged = taken.max(0) as u64;
        if self.guaranteed() > 0 {
            let held = self.queue.lock();
            for number in 1..held.scopes.len() as u32 {
                if let Some(account) = self.accounts.get(number) {
                    charged += account.used().min(account.guarantee());
                }
            }
        }
        charged
    }

    /// Charges `bytes` to `account`. `take` takes from the balance; `stirred` is set when something was
    /// given back to a marked balance, after which the caller settles.
    #[inline]
    pub(super) fn charge(
        &self,
        account: u32,
        bytes: u64,
        limited: bool,
        take: impl Fn(u64) -> bool,
        stirred: &mut bool,
    ) -> Result<(), Lack> {
        if account == 0 {
            return if take(bytes) {
                Ok(())
            } else {
                Err(Lack::Short)
            };
        }
        let account = self.account(account);
        // First the shared part, then the account: so the balance is never too high (invariant 1).
        let mut taken = 0;
        let charged = loop {
            let change = match account.charge(bytes, limited) {
                Ok(change) => change,
                Err(lack) => break Err(lack),
            };
            if change.shared > taken {
                if !take(change.shared - taken) {
                    break Err(Lack::Short);
                }
                taken = change.shared;
            }
            if account.commit(&change).is_ok() {
                self.borrowed.fetch_add(change.shared, Ordering::Relaxed);
                taken -= change.shared;
                break Ok(());
            }
        };
        if taken > 0 {
            *stirred |= self.balance.give(taken);
        }
        charged
    }

    /// Charges all parts of `demand`, or none. Under the lock.
    pub(super) fn charge_all(&self, demand: &Demand) -> Result<(), Lack> {
        // Under the lock nobody else needs to be told: what is given back was there before, too.
        let mut stirred = false;
        let take = |bytes| self.balance.take_queued(bytes).is_ok();
        for (at, (account, bytes)) in demand.parts().iter().enumerate() {
            let charged = self.charge(*account, *bytes as u64, true, take, &mut stirred);
            if let Err(lack) = charged {
                for (account, bytes) in &demand.parts()[..at] {
                    self.uncharge(Charge::new(*account, *bytes, false));
                }
                return Err(lack);
            }
        }
        Ok(())
    }

    /// Takes a charge back; whether the caller has to settle. The scope may have ended with it.
    #[inline]
    pub(super) fn uncharge(&self, charge: Charge) -> Released {
        let bytes = charge.bytes as u64;
        let mut released = Released::default();
        if charge.bytes == 0 {
            return released;
        }
        if charge.number() == 0 {
            let now = self.balance.give_and_look(bytes);
            // Relaxed: who begins to wait sets it to 0 and then marks the balance. If the mark comes after what
            // was given, who waits sees that; if it comes before, the 0 is seen here, or something that
            // was found out later under the lock.
            let least = || self.least.load(Ordering::Relaxed) as i64;
            released.wanted = now.wanted && now.left >= least();
        } else {
            self.uncharge_account(charge.number(), bytes, &mut released);
        }
        if charge.is_beside() {
            // After it was given back: until then it is counted, so nobody is granted too much.
            // Relaxed: read under the lock, where the caller's own look comes after this.
            self.beside.fetch_sub(bytes, Ordering::Relaxed);
            // Who joined in between was refused by the old sum.
            released.wanted |= self.balance.give(0);
        }
        if seeded("budget: releases look for nobody") {
            released.wanted = false;
        }
        released
    }

    fn uncharge_account(&self, number: u32, bytes: u64, released: &mut Released) {
        let account = self.account(number);
        loop {
            let change = account.release(bytes);
            if let Ok(last) = account.commit(&change) {
                self.borrowed.fetch_sub(change.shared, Ordering::Relaxed);
                // Also when nothing goes to the balance: somebody may wait for the scope's limit.
                let told = change.shared > 0 || !seeded("budget: a guarantee is released silently");
                released.wanted = told && self.balance.give(change.shared);
                released.ended = last.then_some(number);
                return;
            }
        }
    }

    /// Says that `bytes` were granted beside somebody who waits. Under the lock.
    pub(super) fn count_beside(&self, bytes: u64) {
        self.beside.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds `other` to `charge`, if both are of one scope.
    pub(super) fn merge(&self, charge: &mut Charge, other: Charge) -> Result<(), Charge> {
        if charge.bytes == 0 || other.bytes == 0 || charge.account == other.account {
            return charge.merge(other);
        }
        if charge.number() != other.number() {
            return Err(other);
        }
        // One of them counts as granted beside others, and from now on both do: if neither did, somebody
        // who merges what is granted could be granted more beside others again and again.
        let unmarked = if charge.is_beside() {
            other.bytes
        } else {
            charge.bytes
        };
        self.count_beside(unmarked as u64);
        *charge = Charge::new(charge.number(), charge.bytes, true);
        charge.merge(Charge::new(other.number(), other.bytes, true))
    }

    /// Says that everybody who releases has to look: before the balance is marked.
    pub(super) fn forget_least(&self) {
        if !seeded("budget: the least is not forgotten") {
            self.least.store(0, Ordering::Relaxed);
        }
    }

    /// Says who has to look from now on, when it was seen that nobody can be granted anything. Under the
    /// lock.
    pub(super) fn set_least(&self, least: u64) {
        self.least.store(least, Ordering::Relaxed);
    }

    /// The account of a scope that is there, or to which something is charged.
    #[expect(clippy::expect_used, reason = "accounts are never taken away")]
    pub(super) fn account(&self, number: u32) -> &Account {
        self.accounts.get(number).expect("made with the scope")
    }

    /// How much of the shared part `demand` needs now, or, if `at_best`, when its scopes have nothing.
    pub(super) fn shared_need(&self, demand: &Demand, at_best: bool) -> u64 {
        let parts = demand.parts().iter();
        parts.fold(0, |sum: u64, (number, bytes)| {
            let guaranteed = if *number == 0 {
                0
            } else {
                let account = self.account(*number);
                let used = if at_best { 0 } else { account.used() };
                account.guarantee().saturating_sub(used)
            };
            sum.saturating_add((*bytes as u64).saturating_sub(guaranteed))
        })
    }

    /// Whether `demand` could never be granted, whatever is released.
    pub(super) fn is_impossible(&self, demand: &Demand) -> bool {
        let over_limit = demand
            .parts()
            .iter()
            .any(|(number, bytes)| *number != 0 && *bytes as u64 > self.account(*number).limit());
        over_limit || demand.bytes() == usize::MAX || self.shared_need(demand, true) > self.shared()
    }

    /// What `demand` could have at most.
    fn most(&self, demand: &Demand) -> u64 {
        let [(number, _)] = demand.parts() else {
            return self.capacity();
        };
        if *number == 0 {
            return self.shared();
        }
        let account = self.account(*number);
        account.limit().min(self.shared() + account.guarantee())
    }

    /// The refusal of `demand`, counted; with who has most. O(scopes).
    #[cold]
    pub(super) fn refuse(
        &self,
        held: &mut Counter<'_>,
        kind: BudgetErrorKind,
        demand: &Demand,
    ) -> BudgetError {
        if let Some(tenant) = held.scopes.get_mut(demand.line()) {
            tenant.rejects += 1;
        }
        BudgetError(Refusal {
            kind,
            requested: demand.bytes(),
            available: to_usize(self.balance.look().left.max(0) as u64),
            most: to_usize(self.most(demand)),
            queued: held.waiting(),
            held_waiting: to_usize(held.holding),
            holders: self.holders(held),
        })
    }

    /// Bytes outside of scopes. A number that was right some time ago, as all are that nobody locks.
    pub(super) fn unscoped(&self) -> u64 {
        let taken = self.shared() as i64 - self.balance.look().left - self.borrowed() as i64;
        taken.max(0) as u64
    }

    fn holders(&self, held: &Counter<'_>) -> [Holder; HOLDERS] {
        let mut most = <[Holder; HOLDERS]>::default();
        for (number, tenant) in held.scopes.iter().enumerate() {
            let bytes = to_usize(match number as u32 {
                0 => self.unscoped(),
                number => self.account(number).used(),
            });
            let at = most.iter().take_while(|other| other.bytes >= bytes).count();
            if bytes > 0 && at < HOLDERS {
                most[at..].rotate_right(1);
                let scope = tenant.name.clone();
                most[at] = Holder { scope, bytes };
            }
        }
        most
    }
}

/// What the caller of `uncharge` has to see to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Released {
    /// Somebody waits.
    pub(super) wanted: bool,
    /// It was the last charge of this scope, which has ended.
    pub(super) ended: Option<u32>,
}

/// For numbers that a machine with so much memory can count.
pub(super) fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("capacity", &self.capacity())
            .field("balance", &self.balance)
            .field("queue", &self.queue)
            .field("relief", &self.relief)
            .finish_non_exhaustive()
    }
}
