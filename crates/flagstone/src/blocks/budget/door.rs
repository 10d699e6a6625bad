//! The door.

use alloc::sync::{Arc, Weak};
use core::{fmt, future::Future, time::Duration};

use super::{
    books::{Charge, Ledger, MOST_PARTS, to_usize},
    error::BudgetError,
    hook::ReliefHook,
    plan::{Bytes, Many, Reserve, ReserveMany, ReserveTimeout},
    policy::{Order, check},
    relief::{Pass, Shortage},
    reservation::Reservation,
    scope::{Scope, ScopeBuilder},
    snapshot::BudgetSnapshot,
    task::TaskScope,
};
use crate::{
    error::ConfigError,
    raw::wait::{MOST, Timeout, Waiting},
};

/// A limit of bytes that can be waited for. Clones share it.
///
/// Nothing is stored here: a budget says whether somebody may have so many bytes, and a [`Reservation`]
/// says that somebody may. What is granted is what was asked for, never less; all of the capacity can
/// be granted.
///
/// | call | if the bytes are not there |
/// |---|---|
/// | [`try_reserve`](Self::try_reserve) | `Err` |
/// | [`reserve`](Self::reserve)`.await` | waits |
/// | [`reserve_timeout`](Self::reserve_timeout)`.await` | waits until a timer of yours is ready |
/// | [`reserve_blocking`](Self::reserve_blocking) | blocks the thread |
/// | [`reserve_many`](Self::reserve_many)`.await` | waits for all of them, and has none meanwhile |
/// | [`force`](Self::force) | goes into debt, which is counted |
///
/// Those who wait are granted in [order](Order), by whoever releases, and are woken once. Before
/// anybody waits, who can free something is asked to ([`on_relief`](Self::on_relief)). A request that
/// could never be granted is an error at once. The parts of a budget for tenants are its
/// [scopes](Self::scope).
///
/// # Cost
///
/// While nobody waits, outside of scopes: to charge is a load and a compare-and-swap, to release an
/// addition, and a reservation counts its budget besides. Whoever waits, or finds others waiting, goes
/// through a lock whose sections take time in the number of scopes that wait.
///
/// ```
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop {
/// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
/// #             return output;
/// #         }
/// #     }
/// # }
/// use flagstone::blocks::Budget;
///
/// let budget = Budget::new(64 << 20)?;
/// block_on(async {
///     let request = budget.reserve(1 << 20).await?;
///     assert_eq!(budget.charged(), 1 << 20);
///     drop(request);
///     assert_eq!(budget.charged(), 0);
///     Ok::<(), flagstone::blocks::BudgetError>(())
/// }).unwrap();
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Budget(Arc<Ledger>);

impl Budget {
    /// A budget of `capacity` bytes; [`BudgetConfig`](super::BudgetConfig) knows more.
    ///
    /// # Errors
    ///
    /// When the capacity is above 2^60 bytes.
    pub fn new(capacity: usize) -> Result<Self, ConfigError> {
        let capacity = check(capacity)?;
        Ok(Self::of(Arc::new(Ledger::new(capacity, Order::DEFAULT))))
    }

    pub(super) const fn of(ledger: Arc<Ledger>) -> Self {
        Self(ledger)
    }

    /// Reserves without waiting. Before it fails, caches and [benign](Pass::Benign) passes are asked.
    ///
    /// # Errors
    ///
    /// When the bytes are not there, or others wait and would be delayed, or the budget is closed.
    ///
    /// # Panics
    ///
    /// When a hook of [`on_relief`](Self::on_relief) does. Nothing is charged then.
    ///
    /// ```
    /// use flagstone::blocks::{Budget, BudgetErrorKind};
    ///
    /// let budget = Budget::new(100)?;
    /// let all = budget.try_reserve(100).unwrap();
    /// let kind = |bytes| budget.try_reserve(bytes).unwrap_err().kind();
    /// assert_eq!(kind(1), BudgetErrorKind::Exhausted);
    /// assert_eq!(kind(101), BudgetErrorKind::TooLarge);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    #[inline]
    pub fn try_reserve(&self, bytes: usize) -> Result<Reservation, BudgetError> {
        let charge = self.try_charge(bytes)?;
        Ok(self.reservation(charge))
    }

    /// Reserves when the bytes are there, which the first poll finds out. A future that is dropped has
    /// nothing and is in nobody's way.
    ///
    /// The answer is an error when the budget is closed, or when so much could never be had; also if
    /// that comes to be so while it waits.
    ///
    /// # Panics
    ///
    /// Polling does, when a hook of [`on_relief`](Self::on_relief) does; the future may be polled again.
    pub fn reserve(&self, bytes: usize) -> Reserve {
        Waiting::new(Arc::clone(&self.0), Bytes::new(0, bytes, None))
    }

    /// As [`reserve`](Self::reserve), until `timer` is ready: any future, such as a runtime's sleep. It is
    /// polled only while the bytes are not there.
    pub fn reserve_timeout<T: Future>(&self, bytes: usize, timer: T) -> ReserveTimeout<T> {
        Timeout::new(self.reserve(bytes), timer)
    }

    /// As [`reserve`](Self::reserve), and blocks the thread while it waits. Not for tasks.
    ///
    /// # Errors
    ///
    /// When the budget is closed, or so much could never be had.
    pub fn reserve_blocking(&self, bytes: usize) -> Result<Reservation, BudgetError> {
        self.reserve(bytes).block()
    }

    /// As [`reserve_blocking`](Self::reserve_blocking), for `most` at most.
    ///
    /// # Errors
    ///
    /// As there; and when the time is over.
    pub fn reserve_blocking_for(
        &self,
        bytes: usize,
        most: Duration,
    ) -> Result<Reservation, BudgetError> {
        self.reserve(bytes).block_for(most)
    }

    /// Reserves in several scopes at once: when it is ready it has all, and until then it has none, so
    /// two who need the same scopes do not wait for each other. Up to 4 scopes.
    ///
    /// # Panics
    ///
    /// When a scope is of another budget.
    ///
    /// ```
    /// use flagstone::blocks::Budget;
    ///
    /// let budget = Budget::new(1000)?;
    /// let receive = budget.scope("receive").limit(100).build()?;
    /// let send = budget.scope("send").limit(100).build()?;
    /// let mut both = std::pin::pin!(budget.reserve_many([(&receive, 100), (&send, 50)]));
    /// let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// let std::task::Poll::Ready(Ok([input, output])) = both.as_mut().poll(&mut context) else {
    ///     panic!("nobody else has anything");
    /// };
    /// assert_eq!((input.bytes(), output.bytes()), (100, 50));
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    pub fn reserve_many<const N: usize>(&self, parts: [(&Scope, usize); N]) -> ReserveMany<N> {
        const { assert!(N <= MOST_PARTS, "up to 4 scopes") };
        let scopes = parts.map(|(scope, _)| {
            assert!(scope.is_of(&self.0), "a scope of this budget");
            Some(scope.door())
        });
        let parts = parts.map(|(scope, bytes)| (scope.number(), bytes));
        Waiting::new(Arc::clone(&self.0), Many::new(parts, scopes))
    }

    /// Reserves what may not be there, for what must go on: acknowledgements, a shutdown. It never waits,
    /// also works when the budget is closed, and is counted ([`BudgetSnapshot::forced`]). Until others
    /// have released as much, nobody else is granted anything.
    ///
    /// # Errors
    ///
    /// When the debt would be above 2^60 bytes.
    pub fn force(&self, bytes: usize) -> Result<Reservation, BudgetError> {
        Ok(self.reservation(self.0.force(0, bytes, MOST)?))
    }

    /// A part of the budget for a tenant.
    pub fn scope(&self, name: &str) -> ScopeBuilder {
        ScopeBuilder::new(Arc::clone(&self.0), name)
    }

    /// What a task is charged, refunded when the task ends or is cancelled.
    #[must_use]
    pub fn task(&self) -> TaskScope {
        TaskScope::new(Arc::clone(&self.0), None)
    }

    /// Who waits is told that it is closed, and so is everybody later. Reservations stay, and are
    /// released as always.
    pub fn close(&self) {
        self.0.close();
    }

    /// Whether it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.queue.lock().closed
    }

    /// Changes the capacity while the budget is used. When less is allowed than is charged the budget is
    /// in debt: nobody is granted anything until enough was released. Who waits for more than there
    /// will ever be is told so.
    ///
    /// # Errors
    ///
    /// When the capacity is below what is guaranteed to scopes, or above 2^60.
    pub fn set_capacity(&self, bytes: usize) -> Result<(), ConfigError> {
        self.0.set_capacity(bytes)
    }

    /// Bytes that can be charged in all.
    #[must_use]
    pub fn capacity(&self) -> usize {
        to_usize(self.0.capacity())
    }

    /// Bytes that can be charged now, outside of scopes; 0 in debt.
    #[must_use]
    pub fn available(&self) -> usize {
        to_usize(self.0.balance.look().left.max(0) as u64)
    }

    /// Bytes that are charged, in all scopes and outside.
    #[must_use]
    pub fn charged(&self) -> usize {
        to_usize(self.0.charged())
    }

    /// What the budget is like now. O(scopes), under the lock.
    #[must_use]
    pub fn snapshot(&self) -> BudgetSnapshot {
        BudgetSnapshot::of(&self.0)
    }

    /// Asks `hook` when bytes are short: before a request waits, and, if the pass is
    /// [benign](Pass::Benign), before one that does not wait fails. It is told how many bytes are
    /// missing, and answers how many it freed, as far as it knows. It stays until the answer of this is
    /// dropped.
    ///
    /// Nothing is locked when it is called: it may release and reserve, in any way that does not wait.
    /// What it reserves in this budget starts no further passes, also not those of a task that it polls.
    /// If it panics, so does the request; nothing is lost.
    /// Several threads may call it at once.
    ///
    /// ```
    /// use std::sync::Mutex;
    ///
    /// use flagstone::blocks::{Budget, Pass};
    ///
    /// let budget = Budget::new(100)?;
    /// let cache = std::sync::Arc::new(Mutex::new(vec![budget.try_reserve(80).unwrap()]));
    /// let kept = cache.clone();
    /// let hook = budget.on_relief(Pass::Benign, move |_wanted| {
    ///     kept.lock().unwrap().drain(..).map(|cached| cached.bytes()).sum()
    /// });
    /// assert!(budget.try_reserve(50).is_ok());
    /// assert!(cache.lock().unwrap().is_empty());
    /// # drop(hook);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    pub fn on_relief(
        &self,
        pass: Pass,
        hook: impl Fn(usize) -> usize + Send + Sync + 'static,
    ) -> ReliefHook {
        ReliefHook::new(&self.0, pass, hook)
    }

    /// Runs all hooks of `pass` now, whether or not somebody waits: when a
    /// [`Pressure`](super::Pressure) says so. Answers what they say they freed.
    #[expect(
        clippy::must_use_candidate,
        reason = "most callers look at the level again instead"
    )]
    pub fn relieve(&self, pass: Pass, wanted: usize) -> usize {
        self.0.relief.run_all(pass, wanted)
    }

    /// As `try_reserve`, without counting the budget: the caller keeps it until `release`.
    #[inline]
    pub(crate) fn try_charge(&self, bytes: usize) -> Result<Charge, BudgetError> {
        self.0.try_charge(0, bytes)
    }

    /// As `try_charge`, asking nobody: if the bytes are there and nobody waits. The charge is one that was
    /// not granted beside others.
    pub(crate) fn charge_at_once(&self, bytes: usize) -> bool {
        self.0.charge_now(0, bytes)
    }

    /// As `force`, without counting the budget, as long as the debt is `most` bytes at most.
    pub(crate) fn force_charge(&self, bytes: usize, most: usize) -> Result<Charge, BudgetError> {
        self.0.force(0, bytes, most as u64)
    }

    /// The reservation of a charge of this budget.
    #[inline]
    pub(crate) fn reservation(&self, charge: Charge) -> Reservation {
        Reservation::new(Arc::clone(&self.0), charge)
    }

    /// Takes a charge back, and hands it to who waits. Nothing may be locked, as wakers are called.
    #[inline]
    pub(crate) fn release(&self, charge: Charge) {
        self.0.release(charge);
    }

    /// Whether somebody waits: then what is freed is released, not kept. One load.
    ///
    /// Relaxed, because no load alone could be enough: the caller may keep what it frees right after it
    /// looked. Who begins to wait marks the balance (a read-modify-write) *and only then* calls every
    /// [`Shortage`]. So a cache that keeps something has to look inside of what its own `give_back`
    /// excludes: under the lock that `give_back` takes, or in a busy section that `give_back` ends by
    /// `barrier::heavy` and awaits. Either its section comes first, and `give_back` finds what was kept;
    /// or `give_back` does, and the mark that came before it is seen here.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.balance.look().wanted
    }

    /// Asks `shortage` before a request fails or waits, while it exists.
    pub(crate) fn on_shortage(&self, shortage: Weak<dyn Shortage>) {
        self.0.relief.add_shortage(shortage);
    }

    /// Whether the reservation is one of this budget.
    #[inline]
    pub(crate) fn admitted(&self, reservation: &Reservation) -> bool {
        reservation.is_of(&self.0)
    }

    /// Whether `other` is the same budget.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Budget").field(&self.0).finish()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use lock_api::Mutex;

    use super::*;
    use crate::sync::{DefaultLock, default_lock};

    /// Keeps charges, as blocks that nobody uses are kept.
    struct Cache {
        budget: Budget,
        kept: Mutex<DefaultLock, Option<Charge>>,
    }

    impl Cache {
        /// What a free does: keeps the charge, unless somebody waits.
        fn free(&self, charge: Charge) {
            let mut kept = self.kept.lock();
            if self.budget.is_wanted() {
                drop(kept);
                return self.budget.release(charge);
            }
            *kept = Some(charge);
        }
    }

    impl Shortage for Cache {
        fn give_back(&self, _: usize) -> usize {
            let kept = self.kept.lock().take();
            kept.map_or(0, |charge| {
                let bytes = charge.bytes();
                self.budget.release(charge);
                bytes
            })
        }
    }

    #[test]
    fn charges_that_are_kept_are_there_when_they_are_wanted() {
        let budget = Budget::new(100).unwrap();
        let cache = Arc::new(Cache {
            budget: budget.clone(),
            kept: Mutex::from_raw(default_lock(), None),
        });
        let shortage: Weak<dyn Shortage> = Arc::downgrade(&cache) as _;
        budget.on_shortage(shortage);
        let charge = budget.try_charge(60).unwrap();
        let (bytes, account) = (charge.bytes(), charge.account());
        cache.free(Charge::from_parts(bytes, account));
        assert_eq!(budget.charged(), 60, "what is kept stays charged");
        let all = budget.try_reserve(100).unwrap().into_charge();

        // Who waits asks once more, after it can be seen that somebody waits.
        let mut waiting = pin!(budget.reserve(50));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert!(budget.is_wanted());
        cache.free(all);
        assert!(cache.kept.lock().is_none() && !budget.is_wanted());
        let Poll::Ready(Ok(mut held)) = waiting.poll(&mut context) else {
            panic!("it was handed over");
        };
        let part = held.charge_mut().split(20).unwrap();
        cache.free(part);
        let forced = budget.force_charge(60, usize::MAX).unwrap();
        budget.release(forced);
        drop(held);
        let rest = budget.reserve(100);
        let Poll::Ready(Ok(rest)) = pin!(rest).poll(&mut context) else {
            panic!("what was kept is given back before anybody waits");
        };
        drop((rest, cache));
        assert!(
            budget.try_reserve(101).is_err(),
            "a cache that is gone is not asked"
        );
        assert_eq!(budget.charged(), 0);
    }
}
