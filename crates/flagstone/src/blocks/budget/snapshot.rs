//! What a budget is like at one moment.

use alloc::{sync::Arc, vec::Vec};

use super::{
    books::{Ledger, to_usize},
    waits::WaitTimes,
};

/// What a [`Budget`](super::Budget) was like when [`snapshot`](super::Budget::snapshot) was called.
///
/// Reservations come and go meanwhile, so sums are exact only when nobody is charged at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetSnapshot {
    /// Bytes that can be charged in all.
    pub capacity: usize,
    /// Bytes that are set aside for scopes.
    pub guaranteed: usize,
    /// Bytes that are charged, in scopes and outside.
    pub charged: usize,
    /// Bytes that can be charged now, outside of scopes.
    pub available: usize,
    /// Bytes that are charged and should not be, because of [`force`](super::Budget::force), or because the
    /// capacity was made smaller.
    pub debt: usize,
    /// Bytes that were granted beside somebody who waited, and are not released.
    pub beside: usize,
    /// How many wait.
    pub waiting: usize,
    /// Bytes that they wait for.
    pub wanted: usize,
    /// Bytes that those who wait have themselves, as far as they [said so](super::Reserve::holding).
    pub held_waiting: usize,
    /// How many were granted something and have not been polled since. If it stays above 0, an executor
    /// has stopped.
    pub unclaimed: usize,
    /// How often the present ones were passed at most.
    pub most_passed: u32,
    /// How often [`force`](super::Budget::force) went into debt, past a limit, or past those who waited.
    pub forced: u64,
    /// Requests outside of scopes that were granted at once; 0 without the feature `stats`, because they are
    /// not counted then.
    pub hits: u64,
    /// Requests outside of scopes that waited.
    pub waits: u64,
    /// Requests outside of scopes that were refused.
    pub rejects: u64,
    /// Requests, in scopes and outside, that were dropped while they waited.
    pub abandoned: u64,
    /// How long those waited, in scopes and outside, that have their answers.
    pub wait_times: WaitTimes,
    /// Whether it is closed.
    pub closed: bool,
    /// The scopes, those included that have ended and are still charged.
    pub scopes: Vec<ScopeSnapshot>,
}

/// What a [`Scope`](super::Scope) is like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeSnapshot {
    /// Its name.
    pub name: Arc<str>,
    /// Bytes that are charged to it.
    pub charged: usize,
    /// Bytes that are set aside for it.
    pub guarantee: usize,
    /// Bytes that it can have at most.
    pub limit: usize,
    /// Its share of what is not guaranteed.
    pub weight: u32,
    /// How many wait.
    pub waiting: usize,
    /// Requests that were granted at once.
    pub hits: u64,
    /// Requests that waited.
    pub waits: u64,
    /// Requests that were refused.
    pub rejects: u64,
}

impl BudgetSnapshot {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut held = ledger.queue.lock();
        let mut most_passed = 0;
        let mut scopes = Vec::new();
        let mut charged = ledger.unscoped();
        for number in 0..held.scopes.len() {
            let first = held.first(number).map(|(_, demand)| demand.passed);
            most_passed = most_passed.max(first.unwrap_or(0));
            let tenant = &held.scopes[number];
            let Some(name) = tenant.name.clone() else {
                continue;
            };
            let account = ledger.account(number as u32);
            charged += account.used();
            scopes.push(ScopeSnapshot {
                name,
                charged: to_usize(account.used()),
                guarantee: to_usize(account.guarantee()),
                limit: to_usize(account.limit()),
                weight: tenant.weight,
                waiting: held.waiting_in(number),
                hits: account.hits(),
                waits: tenant.waits,
                rejects: tenant.rejects,
            });
        }
        let left = ledger.balance.look().left;
        Self {
            capacity: to_usize(ledger.capacity()),
            guaranteed: to_usize(ledger.guaranteed()),
            charged: to_usize(charged),
            available: to_usize(left.max(0) as u64),
            debt: to_usize(left.min(0).unsigned_abs()),
            beside: to_usize(ledger.beside()),
            waiting: held.waiting(),
            wanted: to_usize(held.wanted),
            held_waiting: to_usize(held.holding),
            unclaimed: held.unclaimed(),
            most_passed,
            forced: held.forced,
            hits: ledger.hits.read(),
            waits: held.scopes[0].waits,
            rejects: held.scopes[0].rejects,
            abandoned: held.abandoned,
            wait_times: ledger.times.read(),
            closed: held.closed,
            scopes,
        }
    }

    /// Whether all that is charged is with tasks that wait for more of it, and that
    /// [said](super::Reserve::holding) what they have: they wait for each other, and nothing changes until
    /// one of them gives up, more is allowed, or something is forced. Who does not say what it has is
    /// taken for somebody who will release it, so this is no guess, and may miss.
    ///
    /// To ask for everything at once does not get there: [`reserve_many`](super::Budget::reserve_many), or one
    /// reservation of which blocks are [acquired](crate::blocks::BlockAllocator::acquire).
    #[must_use]
    pub const fn is_stuck(&self) -> bool {
        self.waiting > 0
            && self.unclaimed == 0
            && self.charged > 0
            && self.held_waiting >= self.charged
    }

    /// The scopes that have something and wait for more, most first: who to look at when nothing moves.
    #[must_use]
    pub fn holding_and_waiting(&self) -> Vec<&ScopeSnapshot> {
        let scopes = self.scopes.iter();
        let mut both: Vec<_> = scopes
            .filter(|scope| scope.charged > 0 && scope.waiting > 0)
            .collect();
        both.sort_unstable_by_key(|scope| core::cmp::Reverse(scope.charged));
        both
    }

    /// The scope that has most.
    #[must_use]
    pub fn largest(&self) -> Option<&ScopeSnapshot> {
        self.scopes.iter().max_by_key(|scope| scope.charged)
    }
}
