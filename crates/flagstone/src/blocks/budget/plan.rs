//! How a request waits.

extern crate std;

use alloc::sync::Arc;
use core::{pin::Pin, task::Poll};
use std::time::Instant;

use super::{
    account::Lack,
    books::{Answer, Charge, Demand, Ledger},
    error::{BudgetError, BudgetErrorKind},
    policy::Priority,
    relief::Pass,
    reservation::Reservation,
    tenant::Door,
};
use crate::{
    raw::wait::{Asker, Plan, Timeout, Waiter, Waiting},
    sync::seeded,
};

/// The future of [`Budget::reserve`](super::Budget::reserve) and
/// [`Scope::reserve`](super::Scope::reserve).
pub type Reserve = Waiting<Bytes>;

/// The future of [`Budget::reserve_timeout`](super::Budget::reserve_timeout) and
/// [`Scope::reserve_timeout`](super::Scope::reserve_timeout).
pub type ReserveTimeout<T> = Timeout<Bytes, T>;

/// The future of [`Budget::reserve_many`](super::Budget::reserve_many).
pub type ReserveMany<const N: usize> = Waiting<Many<N>>;

/// What a [`Reserve`] asks for.
#[derive(Debug)]
pub struct Bytes {
    bytes: usize,
    account: u32,
    request: Request,
    /// Keeps the scope while its bytes are waited for.
    _scope: Option<Arc<Door>>,
}

/// What a [`ReserveMany`] asks for.
#[derive(Debug)]
pub struct Many<const N: usize> {
    parts: [(u32, usize); N],
    request: Request,
    /// Keep the scopes while their bytes are waited for.
    _scopes: [Option<Arc<Door>>; N],
}

impl Bytes {
    pub(super) fn new(account: u32, bytes: usize, scope: Option<Arc<Door>>) -> Self {
        Self {
            bytes,
            account,
            request: Request::default(),
            _scope: scope,
        }
    }
}

impl<const N: usize> Many<N> {
    pub(super) fn new(parts: [(u32, usize); N], scopes: [Option<Arc<Door>>; N]) -> Self {
        Self {
            parts,
            request: Request::default(),
            _scopes: scopes,
        }
    }

    fn reservations(&self, ledger: &Arc<Ledger>, beside: bool) -> [Reservation; N] {
        self.parts.map(|(account, bytes)| {
            Reservation::new(Arc::clone(ledger), Charge::new(account, bytes, beside))
        })
    }
}

impl Waiting<Bytes> {
    /// How urgent it is; before it is polled.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.plan_mut().request.priority = priority;
        self
    }

    /// Says that its task has so many bytes of the budget, and keeps them while it waits; before it is
    /// polled. It changes nothing but what is reported: when all that is charged is with those who wait,
    /// they wait for each other ([`BudgetSnapshot::is_stuck`](super::BudgetSnapshot::is_stuck)). A
    /// [`TaskScope`](super::TaskScope) says it by itself.
    ///
    /// ```
    /// # use core::{future::Future, pin::pin, task::{Context, Waker}};
    /// use flagstone::blocks::Budget;
    ///
    /// let budget = Budget::new(100)?;
    /// let mut context = Context::from_waker(Waker::noop());
    /// // Two tasks have half of it each, and want a little more.
    /// let halves = [(); 2].map(|()| budget.try_reserve(50).unwrap());
    /// let [one, two] = halves.each_ref().map(|half| budget.reserve(10).holding(half.bytes()));
    /// let (mut one, mut two) = (pin!(one), pin!(two));
    /// assert!(one.as_mut().poll(&mut context).is_pending());
    /// assert!(!budget.snapshot().is_stuck());
    /// assert!(two.as_mut().poll(&mut context).is_pending());
    /// assert!(budget.snapshot().is_stuck());
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    pub const fn holding(mut self, bytes: usize) -> Self {
        self.plan_mut().request.holding = bytes;
        self
    }
}

impl<const N: usize> Waiting<Many<N>> {
    /// How urgent it is; before it is polled.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.plan_mut().request.priority = priority;
        self
    }
}

type Place<'p> = Pin<&'p mut Waiter<Arc<Ledger>>>;

impl Plan for Bytes {
    type Host = Arc<Ledger>;
    type Output = Result<Reservation, BudgetError>;

    #[inline]
    fn poll(&mut self, waiter: Place<'_>, asker: Asker<'_>) -> Poll<Self::Output> {
        if self.request.stage == Stage::Fresh
            && let Some(ledger) = waiter.host()
            && ledger.charge_now(self.account, self.bytes)
        {
            self.request.stage = Stage::Done;
            let charge = Charge::new(self.account, self.bytes, false);
            return Poll::Ready(Ok(Reservation::new(host(waiter), charge)));
        }
        self.poll_slowly(waiter, asker)
    }

    fn give_up(&mut self, mut waiter: Place<'_>) -> Self::Output {
        let demand = Demand::one(self.account, self.bytes);
        let beside = self.request.give_up(waiter.as_mut(), &demand)?;
        let charge = Charge::new(self.account, self.bytes, beside);
        Ok(Reservation::new(host(waiter), charge))
    }
}

impl Bytes {
    #[cold]
    fn poll_slowly(
        &mut self,
        mut waiter: Place<'_>,
        asker: Asker<'_>,
    ) -> Poll<Result<Reservation, BudgetError>> {
        let demand = Demand::one(self.account, self.bytes);
        let answer = self.request.ask(waiter.as_mut(), asker, demand);
        answer.map(|answer| {
            let charge = Charge::new(self.account, self.bytes, answer?);
            Ok(Reservation::new(host(waiter), charge))
        })
    }
}

impl<const N: usize> Plan for Many<N> {
    type Host = Arc<Ledger>;
    type Output = Result<[Reservation; N], BudgetError>;

    fn poll(&mut self, mut waiter: Place<'_>, asker: Asker<'_>) -> Poll<Self::Output> {
        let demand = Demand::of(&self.parts);
        let answer = self.request.ask(waiter.as_mut(), asker, demand);
        answer.map(|answer| Ok(self.reservations(&host(waiter), answer?)))
    }

    fn give_up(&mut self, mut waiter: Place<'_>) -> Self::Output {
        let demand = Demand::of(&self.parts);
        let beside = self.request.give_up(waiter.as_mut(), &demand)?;
        Ok(self.reservations(&host(waiter), beside))
    }
}

/// The ledger, for what was granted.
#[expect(clippy::expect_used, reason = "taken once, when there is an answer")]
fn host(waiter: Place<'_>) -> Arc<Ledger> {
    waiter.take_host().expect("does not wait any more")
}

/// How far a request has come.
#[derive(Debug, Default)]
struct Request {
    priority: Priority,
    stage: Stage,
    /// Bytes that its task has.
    holding: usize,
    /// When it began to wait.
    since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Fresh,
    Joined,
    Done,
}

impl Request {
    /// Asks for `demand`, or once more whether it was granted, and then whether beside others.
    ///
    /// # Panics
    ///
    /// When it is asked after it was answered.
    fn ask(
        &mut self,
        mut waiter: Place<'_>,
        asker: Asker<'_>,
        demand: Demand,
    ) -> Poll<Result<bool, BudgetError>> {
        let ledger = waiter.host().filter(|_| self.stage != Stage::Done);
        let Some(ledger) = ledger.map(Arc::clone) else {
            panic!("a future was polled after it was ready");
        };
        if self.stage == Stage::Fresh {
            // Ready, unless it says otherwise; also if a hook panics before it is asked again.
            self.stage = Stage::Done;
            if let Some(answer) = self.join(&ledger, waiter.as_mut(), &demand) {
                return Poll::Ready(answer);
            }
            self.since = Some(Instant::now());
            if let Some(answer) = relieve(&ledger, waiter.as_mut(), &demand) {
                return Poll::Ready(self.answered(&ledger, &demand, answer));
            }
        }
        match waiter.answer(Some(asker)) {
            Some(answer) => Poll::Ready(self.answered(&ledger, &demand, answer)),
            None => Poll::Pending,
        }
    }

    /// Joins the queue, unless it can be had at once or never.
    fn join(
        &mut self,
        ledger: &Ledger,
        waiter: Place<'_>,
        demand: &Demand,
    ) -> Option<Result<bool, BudgetError>> {
        let mut held = ledger.queue.lock();
        if let Some(kind) = ledger.hopeless(&held, demand) {
            return Some(Err(ledger.refuse(&mut held, kind, demand)));
        }
        if demand.bytes() == 0 {
            return Some(Ok(false));
        }
        // First the mark, then the look: what is released later sees the mark.
        let late = seeded("budget: marked after the last look");
        ledger.forget_least();
        if !late {
            ledger.balance.mark();
        }
        if let Ok(beside) = ledger.admit(&mut held, demand) {
            ledger.find_least(&mut held);
            ledger.unmark_if_idle(&held);
            for (account, _) in demand.parts() {
                ledger.count_hit(*account);
            }
            return Some(Ok(beside));
        }
        if late {
            ledger.balance.mark();
        }
        let line = demand.line();
        held.ticket += 1;
        held.scopes[line].waits += 1;
        if !held.active.contains(&(line as u32)) {
            held.active.push(line as u32);
        }
        let key = self.priority.key(held.ticket);
        let demand = demand.with_key(key, self.holding);
        held.waits(&demand);
        waiter.join(&mut held, line, demand, |other| key < other.key);
        ledger.find_least(&mut held);
        self.stage = Stage::Joined;
        None
    }

    fn answered(
        &mut self,
        ledger: &Ledger,
        demand: &Demand,
        answer: Answer,
    ) -> Result<bool, BudgetError> {
        self.stage = Stage::Done;
        if let Some(since) = self.since.take() {
            ledger.times.add(since.elapsed());
        }
        answer.map_err(|kind| ledger.refuse(&mut ledger.queue.lock(), kind, demand))
    }

    /// Leaves. What was granted until now is not given up.
    fn give_up(&mut self, mut waiter: Place<'_>, demand: &Demand) -> Result<bool, BudgetError> {
        let ledger = waiter.host().filter(|_| self.stage != Stage::Done);
        let Some(ledger) = ledger.map(Arc::clone) else {
            panic!("a future was polled after it was ready");
        };
        // Also when a waker panics.
        self.stage = Stage::Done;
        match waiter.as_mut().leave() {
            Some((_, Some(answer))) => return self.answered(&ledger, demand, answer),
            Some((demand, None)) => ledger.withdraw(&demand, false),
            None => {}
        }
        self.answered(&ledger, demand, Err(BudgetErrorKind::TimedOut))
    }
}

/// Asks for relief before anybody waits. The request is in the queue already: what is freed is handed to
/// it, or to who came before.
///
/// For a scope that has its limit nobody gives up anything; only caches are emptied, because later it may
/// lack what is in them.
fn relieve(ledger: &Ledger, mut waiter: Place<'_>, demand: &Demand) -> Option<Answer> {
    let mut answer = None;
    let limited = ledger.lacks(demand) == Some(Lack::Limit);
    ledger.relief.run(
        (!limited).then_some(Pass::Destructive),
        true,
        || ledger.missing(0),
        || {
            answer = waiter.as_mut().answer(None);
            answer.is_some()
        },
    );
    answer
}
