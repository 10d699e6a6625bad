//! Parts of a budget for tenants.

use alloc::sync::Arc;
use core::{fmt, future::Future, time::Duration};

use super::{
    books::{Charge, Ledger, to_usize},
    error::BudgetError,
    plan::{Bytes, Reserve, ReserveTimeout},
    reservation::Reservation,
    task::TaskScope,
    tenant::Door,
};
use crate::{
    error::ConfigError,
    raw::wait::{MOST, Timeout, Waiting},
};

/// A tenant's part of a [`Budget`](super::Budget). Clones share it.
///
/// A scope has its *guarantee* whoever else has what: these bytes are set aside when it is built, and
/// nobody else can have them. Above, up to its *limit*, it borrows from what all share; when several
/// scopes wait for that, the one that has least for its *weight* is next.
///
/// The scope ends with its last clone. What was reserved in it stays until it is dropped; then the
/// guarantee is everybody's again.
///
/// ```
/// use flagstone::blocks::{Budget, BudgetErrorKind};
///
/// let budget = Budget::new(1000)?;
/// let tenant = budget.scope("tenant").guarantee(100).limit(300).build()?;
/// assert_eq!(budget.available(), 900);
/// let all = budget.try_reserve(900).unwrap();
/// let guaranteed = tenant.try_reserve(100).unwrap();
/// drop(all);
/// let refused = tenant.try_reserve(201).unwrap_err();
/// assert_eq!(refused.kind(), BudgetErrorKind::ScopeLimit);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Scope(Arc<Door>);

/// Settings of a [`Scope`].
#[derive(Debug)]
#[must_use]
pub struct ScopeBuilder {
    ledger: Arc<Ledger>,
    name: Arc<str>,
    guarantee: usize,
    limit: usize,
    weight: u32,
}

impl ScopeBuilder {
    pub(super) fn new(ledger: Arc<Ledger>, name: &str) -> Self {
        Self {
            ledger,
            name: name.into(),
            guarantee: 0,
            limit: to_usize(MOST),
            weight: 1,
        }
    }

    /// Bytes that are set aside for it. 0 if not said.
    pub const fn guarantee(mut self, bytes: usize) -> Self {
        self.guarantee = bytes;
        self
    }

    /// Bytes that it can have at most. No limit if not said.
    pub const fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Its share of what is not guaranteed, compared with that of others. 1 if not said, as for what is
    /// outside of scopes.
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// The scope.
    ///
    /// Who waits is passed by what is set aside for it, and not more often than the budget's
    /// [order](super::Order) allows.
    ///
    /// # Errors
    ///
    /// When the guarantee is not available now, also because others wait for it who may not be passed any
    /// more; when the limit is below the guarantee, or the weight is 0.
    pub fn build(self) -> Result<Scope, ConfigError> {
        let number = self
            .ledger
            .open_scope(self.name, self.guarantee, self.limit, self.weight)?;
        let ledger = self.ledger;
        Ok(Scope(Arc::new(Door { ledger, number })))
    }
}

impl Scope {
    pub(super) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.0)
    }

    pub(super) fn number(&self) -> u32 {
        self.0.number
    }

    pub(super) fn is_of(&self, ledger: &Arc<Ledger>) -> bool {
        Arc::ptr_eq(&self.0.ledger, ledger)
    }

    /// See [`Budget::try_reserve`](super::Budget::try_reserve).
    ///
    /// # Errors
    ///
    /// As there; and when the scope has its limit.
    pub fn try_reserve(&self, bytes: usize) -> Result<Reservation, BudgetError> {
        let charge = self.try_charge(bytes)?;
        Ok(Reservation::new(Arc::clone(&self.0.ledger), charge))
    }

    /// See [`Budget::reserve`](super::Budget::reserve). The future keeps the scope.
    pub fn reserve(&self, bytes: usize) -> Reserve {
        let plan = Bytes::new(self.number(), bytes, Some(self.door()));
        Waiting::new(Arc::clone(&self.0.ledger), plan)
    }

    /// See [`Budget::reserve_timeout`](super::Budget::reserve_timeout).
    pub fn reserve_timeout<T: Future>(&self, bytes: usize, timer: T) -> ReserveTimeout<T> {
        Timeout::new(self.reserve(bytes), timer)
    }

    /// See [`Budget::reserve_blocking`](super::Budget::reserve_blocking).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn reserve_blocking(&self, bytes: usize) -> Result<Reservation, BudgetError> {
        self.reserve(bytes).block()
    }

    /// See [`Budget::reserve_blocking_for`](super::Budget::reserve_blocking_for).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn reserve_blocking_for(
        &self,
        bytes: usize,
        most: Duration,
    ) -> Result<Reservation, BudgetError> {
        self.reserve(bytes).block_for(most)
    }

    /// See [`Budget::force`](super::Budget::force). Goes past the scope's limit, too.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn force(&self, bytes: usize) -> Result<Reservation, BudgetError> {
        let charge = self.force_charge(bytes)?;
        Ok(Reservation::new(Arc::clone(&self.0.ledger), charge))
    }

    /// What a task of this tenant is charged, refunded when the task ends or is cancelled.
    #[must_use]
    pub fn task(&self) -> TaskScope {
        TaskScope::new(Arc::clone(&self.0.ledger), Some(self.door()))
    }

    /// Bytes that are charged to it.
    #[must_use]
    pub fn charged(&self) -> usize {
        to_usize(self.0.ledger.account(self.number()).used())
    }

    pub(crate) fn try_charge(&self, bytes: usize) -> Result<Charge, BudgetError> {
        self.0.ledger.try_charge(self.number(), bytes)
    }

    pub(crate) fn force_charge(&self, bytes: usize) -> Result<Charge, BudgetError> {
        self.0.ledger.force(self.number(), bytes, MOST)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("charged", &self.charged())
            .finish_non_exhaustive()
    }
}
