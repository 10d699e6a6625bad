//! What one task is charged, taken back as a whole.

use alloc::sync::Arc;
use core::{fmt, mem};

use lock_api::Mutex;

use super::{
    books::{Charge, Ledger},
    error::BudgetError,
    plan::{Bytes, Reserve},
    reservation::Reservation,
    tenant::Door,
};
use crate::{
    raw::wait::Waiting,
    sync::{
        DefaultLock,
        atomic::{AtomicBool, Ordering},
        default_lock,
    },
};

/// A sum of charges without handles: whatever a task was charged is refunded when this is dropped, so when
/// the task ends, panics or is cancelled.
///
/// ```
/// use flagstone::blocks::Budget;
///
/// let budget = Budget::new(1000)?;
/// let task = budget.task();
/// task.try_charge(300).unwrap();
/// task.try_charge(200).unwrap();
/// assert!(task.refund(100));
/// assert_eq!(task.charged(), 400);
/// drop(task);
/// assert_eq!(budget.charged(), 0);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
pub struct TaskScope {
    ledger: Arc<Ledger>,
    scope: Option<Arc<Door>>,
    charges: Mutex<DefaultLock, Charge>,
    /// One of its charges waits, and has said what the task holds.
    waits: AtomicBool,
}

/// While a charge of a task waits.
struct Waits<'t>(&'t AtomicBool);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        // Relaxed, here and where it is set: it says who reports, and publishes nothing.
        self.0.store(false, Ordering::Relaxed);
    }
}

impl TaskScope {
    pub(super) fn new(ledger: Arc<Ledger>, scope: Option<Arc<Door>>) -> Self {
        Self {
            ledger,
            scope,
            charges: Mutex::from_raw(default_lock(), Charge::NOTHING),
            waits: AtomicBool::new(false),
        }
    }

    fn account(&self) -> u32 {
        self.scope.as_ref().map_or(0, |scope| scope.number)
    }

    /// Charges the task without waiting.
    ///
    /// # Errors
    ///
    /// See [`Budget::try_reserve`](super::Budget::try_reserve).
    pub fn try_charge(&self, bytes: usize) -> Result<(), BudgetError> {
        let charge = self.ledger.try_charge(self.account(), bytes)?;
        self.add(charge);
        Ok(())
    }

    /// Charges the task when the bytes are there. While it waits, what the task is charged already counts as
    /// [held by one who waits](Reserve::holding).
    ///
    /// # Errors
    ///
    /// See [`Budget::reserve`](super::Budget::reserve).
    pub async fn charge(&self, bytes: usize) -> Result<(), BudgetError> {
        // What the task holds is said once, however many of its charges wait.
        let first = !self.waits.swap(true, Ordering::Relaxed);
        let waits = first.then(|| Waits(&self.waits));
        let holding = if first { self.charged() } else { 0 };
        let reservation = self.reserve(bytes).holding(holding).await?;
        drop(waits);
        self.add(reservation.into_charge());
        Ok(())
    }

    /// Reserves what the task may hand to others; it is not refunded with the task.
    pub fn reserve(&self, bytes: usize) -> Reserve {
        let plan = Bytes::new(self.account(), bytes, self.scope.clone());
        Waiting::new(Arc::clone(&self.ledger), plan)
    }

    /// Makes `reservation` the task's, refunded with it.
    ///
    /// # Errors
    ///
    /// The reservation, if it is of another budget or another scope.
    pub fn adopt(&self, reservation: Reservation) -> Result<(), Reservation> {
        if !reservation.is_of(&self.ledger) || reservation.number() != self.account() {
            return Err(reservation);
        }
        self.add(reservation.into_charge());
        Ok(())
    }

    /// Takes `bytes` of the charge back; `false`, and nothing changes, if it is not so much.
    #[must_use = "says whether so much was charged"]
    pub fn refund(&self, bytes: usize) -> bool {
        let charge = self.charges.lock().split(bytes);
        charge.map(|charge| self.ledger.release(charge)).is_some()
    }

    /// Bytes that the task is charged.
    #[must_use]
    pub fn charged(&self) -> usize {
        self.charges.lock().bytes()
    }

    fn add(&self, charge: Charge) {
        let rest = self.ledger.merge(&mut self.charges.lock(), charge);
        if let Err(charge) = rest {
            self.ledger.release(charge);
        }
    }
}

impl Drop for TaskScope {
    fn drop(&mut self) {
        let charge = mem::replace(&mut *self.charges.lock(), Charge::NOTHING);
        self.ledger.release(charge);
    }
}

impl fmt::Debug for TaskScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskScope")
            .field("charged", &self.charged())
            .finish_non_exhaustive()
    }
}
