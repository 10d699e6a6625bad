//! What doors do with a ledger: charge, release, force, close, change.

use super::{
    account::{Lack, MOST_SCOPES},
    books::{Charge, Counter, Demand, Ledger, Tenant, to_usize},
    error::{BudgetError, BudgetErrorKind},
    policy::check,
    relief::Pass,
};
use crate::{
    error::{Allowed, ConfigError, Given},
    raw::wait::{MOST, Panicked, Queued, WaitQueue},
    sync::{DefaultLock, seeded},
};
use alloc::sync::Arc;

impl Ledger {
    /// Charges without waiting. Outside of scopes, and while nobody waits: a load and an exchange.
    #[inline]
    pub(super) fn try_charge(&self, account: u32, bytes: usize) -> Result<Charge, BudgetError> {
        match self.charge_now(account, bytes) {
            true => Ok(Charge::new(account, bytes, false)),
            false => self.try_slowly(account, bytes),
        }
    }

    /// Charges if nobody waits and nothing is missing, without a lock.
    #[inline]
    pub(super) fn charge_now(&self, account: u32, bytes: usize) -> bool {
        if account == 0 {
            let taken = self.balance.take(bytes as u64).is_ok();
            if taken {
                self.hits.add();
            }
            return taken;
        }
        self.charge_scope_now(account, bytes)
    }

    fn charge_scope_now(&self, account: u32, bytes: usize) -> bool {
        // Somebody may wait for this scope's limit while nothing of the shared part is needed.
        if self.balance.look().wanted {
            return false;
        }
        let mut stirred = false;
        let take = |bytes| self.balance.take(bytes).is_ok();
        let charged = self.charge(account, bytes as u64, true, take, &mut stirred);
        if stirred {
            self.settle();
        }
        if charged.is_ok() {
            self.account(account).hit();
        }
        charged.is_ok()
    }

    /// Counts what was granted at once.
    pub(super) fn count_hit(&self, account: u32) {
        match account {
            0 => self.hits.add(),
            account => self.account(account).hit(),
        }
    }

    #[cold]
    fn try_slowly(&self, account: u32, bytes: usize) -> Result<Charge, BudgetError> {
        let demand = Demand::one(account, bytes);
        let granted = |beside| {
            self.count_hit(account);
            Charge::new(account, bytes, beside)
        };
        let relieved = match self.try_under_lock(&demand, self.relief.is_empty()) {
            Ok(charged) => charged.map(granted),
            Err(error) => return Err(error),
        };
        if let Some(charge) = relieved {
            return Ok(charge);
        }
        let mut charged = Ok(None);
        let wanted = || self.missing(bytes);
        self.relief.run(Some(Pass::Benign), false, wanted, || {
            charged = self.try_under_lock(&demand, false);
            // Also when it was refused for good.
            !matches!(charged, Ok(None))
        });
        let charged = match charged? {
            Some(beside) => Some(beside),
            None => self.try_under_lock(&demand, true)?,
        };
        Ok(granted(charged.unwrap_or(false)))
    }

    /// Whether it was granted, and how; what relief could change is an error only at `last`.
    fn try_under_lock(&self, demand: &Demand, last: bool) -> Result<Option<bool>, BudgetError> {
        let mut held = self.queue.lock();
        if let Some(kind) = self.hopeless(&held, demand) {
            return Err(self.refuse(&mut held, kind, demand));
        }
        if demand.bytes() == 0 {
            return Ok(Some(false));
        }
        let queued = held.waiting() > 0;
        if queued {
            // As in `join`: what is taken and given back meanwhile is not there for who releases, so that one
            // has to look, too.
            self.forget_least();
            self.balance.mark();
        }
        let admitted = self.admit(&mut held, demand);
        if queued {
            self.find_least(&mut held);
        }
        let lack = match admitted {
            Ok(beside) => return Ok(Some(beside)),
            Err(lack) => lack,
        };
        // Nobody else can help a scope that has its limit.
        if !last && self.lacks(demand) != Some(Lack::Limit) {
            return Ok(None);
        }
        let left = self.balance.look().left.max(0) as u64;
        let kind = match lack {
            Lack::Limit => BudgetErrorKind::ScopeLimit,
            Lack::Short if self.shared_need(demand, false) <= left && held.waiting() > 0 => {
                BudgetErrorKind::Queued
            }
            Lack::Short => BudgetErrorKind::Exhausted,
        };
        Err(self.refuse(&mut held, kind, demand))
    }

    /// Why `demand` can never be granted, if it cannot.
    pub(super) fn hopeless(&self, held: &Counter<'_>, demand: &Demand) -> Option<BudgetErrorKind> {
        if held.closed && !seeded("budget: who joins does not see that it is closed") {
            return Some(BudgetErrorKind::Closed);
        }
        self.is_impossible(demand)
            .then_some(BudgetErrorKind::TooLarge)
    }

    /// How many bytes would have to be released so that `more` can be had beside all that is waited for.
    pub(super) fn missing(&self, more: usize) -> usize {
        let wanted = self.queue.lock().wanted as i64;
        let missing = wanted
            .saturating_add(i64::try_from(more).unwrap_or(i64::MAX))
            .saturating_sub(self.balance.look().left);
        to_usize(missing.max(1) as u64)
    }

    /// Takes a charge back, and hands it to who waits. Outside of scopes, and while nobody waits: one
    /// atomic addition.
    #[inline]
    pub(super) fn release(&self, charge: Charge) {
        let released = self.uncharge(charge);
        if released.wanted || released.ended.is_some() {
            self.released(released.ended);
        }
    }

    #[cold]
    fn released(&self, ended: Option<u32>) {
        if let Some(number) = ended {
            self.forget_scope(number);
        }
        self.settle(); // USER CODE
    }

    /// Charges although it is not there, unless the debt would be above `most`. Never waits, and goes past
    /// limits.
    pub(super) fn force(
        &self,
        account: u32,
        bytes: usize,
        most: u64,
    ) -> Result<Charge, BudgetError> {
        if self.charge_now(account, bytes) {
            return Ok(Charge::new(account, bytes, false));
        }
        let mut stirred = false;
        let take = |bytes| self.balance.overdraw(bytes, most);
        let charged = self.charge(account, bytes as u64, false, take, &mut stirred);
        let mut held = self.queue.lock();
        if charged.is_err() {
            let demand = Demand::one(account, bytes);
            return Err(self.refuse(&mut held, BudgetErrorKind::TooLarge, &demand));
        }
        held.forced += 1;
        drop(held);
        if stirred {
            self.settle();
        }
        Ok(Charge::new(account, bytes, false))
    }

    /// One left its line without an answer, because its future was dropped or its time was over.
    pub(super) fn withdraw(&self, demand: &Demand, abandoned: bool) {
        let mut held = self.queue.lock();
        held.waits_no_longer(demand);
        held.abandoned += u64::from(abandoned);
        drop(held);
        self.settle(); // USER CODE
    }

    /// Nobody is granted anything any more, and who waits is told so.
    pub(super) fn close(&self) {
        let mut held = self.queue.lock();
        held.closed = true;
        self.balance.mark();
        drop(held);
        let panicked = self.answer_all(|_| Some(BudgetErrorKind::Closed));
        panicked.resume();
    }

    /// Sends those away for whom `judge` has a reason; the panic of a waker.
    fn answer_all(&self, judge: impl Fn(&Demand) -> Option<BudgetErrorKind>) -> Panicked {
        let mut panicked = Panicked::default();
        loop {
            let mut held = self.queue.lock();
            let mut more = false;
            for line in 0..held.scopes.len() {
                more |= held.scan(line, 0, usize::MAX, |books, demand| {
                    let answer = judge(demand).map(Err);
                    if answer.is_some() {
                        books.waits_no_longer(demand);
                    }
                    answer
                });
            }
            panicked.add(held.open()); // USER CODE
            if !more {
                return panicked;
            }
        }
    }

    /// See `Budget::set_capacity`.
    pub(super) fn set_capacity(&self, capacity: usize) -> Result<(), ConfigError> {
        let new = check(capacity)?;
        let mut held = self.queue.lock();
        if new < self.guaranteed() {
            let least = to_usize(self.guaranteed());
            return Err(out_of_range("capacity", capacity, least, to_usize(MOST)));
        }
        let old = self.capacity();
        self.set_capacity_to(&mut held, new);
        let changed = match new.checked_sub(old) {
            Some(more) => {
                // Whoever waits is looked for below.
                let _wanted = self.balance.give(more);
                true
            }
            None => self.balance.overdraw(old - new, MOST),
        };
        if !changed {
            self.set_capacity_to(&mut held, old);
            return Err(out_of_range(
                "capacity",
                capacity,
                to_usize(old),
                to_usize(MOST),
            ));
        }
        drop(held);
        // What is waited for now may be more than there will ever be.
        let panicked = self.answer_all(|demand| {
            let impossible = self.is_impossible(demand);
            impossible.then_some(BudgetErrorKind::TooLarge)
        });
        self.settle_after(panicked);
        Ok(())
    }

    /// The number of a new scope.
    pub(super) fn open_scope(
        &self,
        name: Arc<str>,
        guarantee: usize,
        limit: usize,
        weight: u32,
    ) -> Result<u32, ConfigError> {
        let guaranteed = check(guarantee)?;
        let limited = (limit as u64).min(MOST);
        if limited < guaranteed {
            return Err(out_of_range("limit", limit, guarantee, to_usize(MOST)));
        }
        if weight == 0 {
            return Err(out_of_range("weight", 0, 1, u32::MAX as usize));
        }
        let mut held = self.queue.lock();
        // What is guaranteed has to be there now, or the promise could not be kept. Nothing is there in debt, too.
        if guaranteed > 0 {
            let may_pass = self.may_pass_all(&mut held);
            if !may_pass || self.balance.take_queued(guaranteed).is_err() {
                let left = self.balance.look().left.max(0) as u64;
                let most = to_usize(if may_pass { left } else { 0 });
                return Err(out_of_range("guarantee", guarantee, 0, most));
            }
            self.count_passed_all(&mut held);
        }
        let number = held.free.pop().unwrap_or(held.scopes.len() as u32);
        let account = self.accounts.make(number);
        let Some(account) = account.filter(|_| (number as usize) < MOST_SCOPES) else {
            let wanted = self.balance.give(guaranteed);
            drop(held);
            if wanted {
                // Who released meanwhile saw too little.
                self.settle();
            }
            return Err(out_of_range("scopes", number as usize, 0, MOST_SCOPES - 1));
        };
        account.open(guaranteed, limited);
        let tenant = Tenant {
            name: Some(name),
            weight,
            ..Tenant::default()
        };
        match held.scopes.get_mut(number as usize) {
            Some(free) => *free = tenant,
            None => held.scopes.push(tenant),
        }
        // Later, nothing is allocated by those who wait and by those who end.
        let scopes = held.scopes.len();
        held.with_lines(scopes);
        let (active, free) = (held.active.len(), held.free.len());
        held.active.reserve(scopes - active);
        held.free.reserve(scopes - free);
        let guaranteed = self.guaranteed() + guaranteed;
        self.set_guaranteed_to(&mut held, guaranteed);
        drop(held);
        if guarantee > 0 {
            // The shared part is smaller now.
            let panicked = self.answer_all(|demand| {
                let impossible = self.is_impossible(demand);
                impossible.then_some(BudgetErrorKind::TooLarge)
            });
            self.settle_after(panicked);
        }
        Ok(number)
    }

    /// A scope's door is gone.
    pub(super) fn end_scope(&self, number: u32) {
        if self.account(number).end() {
            self.released(Some(number));
        }
    }

    /// An ended scope has nothing any more: its guarantee is everybody's, its number the next one's.
    fn forget_scope(&self, number: u32) {
        let mut held = self.queue.lock();
        let guarantee = self.account(number).guarantee();
        let guaranteed = self.guaranteed() - guarantee;
        self.set_guaranteed_to(&mut held, guaranteed);
        let name = held.scopes[number as usize].name.take();
        held.free.push(number);
        // The caller settles.
        let _wanted = self.balance.give(guarantee);
        drop(held);
        drop(name);
    }
}

impl Queued for Ledger {
    type State = super::books::Books;
    type Demand = Demand;
    type Grant = super::books::Answer;
    type Lock = DefaultLock;

    #[expect(private_interfaces, reason = "as in the trait")]
    fn queue(&self) -> &WaitQueue<Self::State, Demand, Self::Grant> {
        &self.queue
    }

    /// Who leaves may have been in the way, or had been granted something.
    fn left(&self, demand: Demand, answer: Option<Self::Grant>) {
        match answer {
            None => self.withdraw(&demand, true),
            Some(Ok(beside)) if !seeded("budget: who leaves takes its grant along") => {
                // All of it, before wakers run that may panic.
                let mut wanted = false;
                for (account, bytes) in demand.parts() {
                    let released = self.uncharge(Charge::new(*account, *bytes, beside));
                    wanted |= released.wanted || released.ended.is_some();
                    if let Some(number) = released.ended {
                        self.forget_scope(number);
                    }
                }
                if wanted {
                    self.settle(); // USER CODE
                }
            }
            Some(_) => {}
        }
    }
}

fn out_of_range(knob: &'static str, given: usize, least: usize, most: usize) -> ConfigError {
    ConfigError::knob_out_of_range(
        knob,
        Given::Number(given),
        Allowed::Range {
            least,
            most,
            unit: if knob == "weight" { "" } else { "bytes" },
        },
    )
}
