//! Bytes that were admitted.

use alloc::sync::Arc;
use core::{fmt, mem};

use super::books::{Charge, Ledger};

/// An admitted share of a [`Budget`](super::Budget): so many bytes, until it is dropped.
///
/// It needs neither the budget it came from nor a runtime: it may be sent to any thread, and dropped
/// there after every other door is gone. Dropping hands the bytes to who waits for them.
///
/// One that is forgotten (`mem::forget`) keeps its bytes charged for ever; they are in what
/// [`snapshot`](super::Budget::snapshot) says is charged.
///
/// ```
/// use flagstone::blocks::Budget;
///
/// let budget = Budget::new(1000)?;
/// let mut whole = budget.try_reserve(600).unwrap();
/// let part = whole.split(200).unwrap();
/// drop(whole);
/// assert_eq!(budget.charged(), 200);
/// drop(budget);
/// assert_eq!(part.bytes(), 200);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[must_use = "the bytes are released when this is dropped"]
pub struct Reservation {
    ledger: Arc<Ledger>,
    charge: Charge,
}

impl Reservation {
    #[inline]
    pub(super) const fn new(ledger: Arc<Ledger>, charge: Charge) -> Self {
        Self { ledger, charge }
    }

    /// How many bytes.
    #[inline]
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.charge.bytes()
    }

    /// Takes `bytes` of it as a reservation of its own; `None`, and nothing changes, if it has not so
    /// many. One atomic addition.
    #[must_use = "the bytes are released when this is dropped"]
    pub fn split(&mut self, bytes: usize) -> Option<Self> {
        let charge = self.charge.split(bytes)?;
        Some(Self::new(Arc::clone(&self.ledger), charge))
    }

    /// Releases `bytes` of it; `false`, and nothing changes, if it has not so many.
    #[must_use = "says whether it had so many"]
    pub fn shrink(&mut self, bytes: usize) -> bool {
        let charge = self.charge.split(bytes);
        charge.map(|charge| self.ledger.release(charge)).is_some()
    }

    /// Adds `other` to it.
    ///
    /// # Errors
    ///
    /// `other`, if it is of another budget or another scope.
    pub fn merge(&mut self, mut other: Self) -> Result<(), Self> {
        if !Arc::ptr_eq(&self.ledger, &other.ledger) {
            return Err(other);
        }
        let charge = mem::replace(&mut other.charge, Charge::NOTHING);
        match self.ledger.merge(&mut self.charge, charge) {
            Ok(()) => Ok(()),
            Err(charge) => {
                other.charge = charge;
                Err(other)
            }
        }
    }

    /// The charge alone: from now on it is the caller's to release.
    #[inline]
    pub(crate) fn into_charge(mut self) -> Charge {
        mem::replace(&mut self.charge, Charge::NOTHING)
    }

    /// The charge, to be taken from; what is left is released with the reservation.
    pub(crate) const fn charge_mut(&mut self) -> &mut Charge {
        &mut self.charge
    }

    /// The number of its scope; 0 outside of scopes.
    pub(super) const fn number(&self) -> u32 {
        self.charge.number()
    }

    pub(super) fn is_of(&self, ledger: &Arc<Ledger>) -> bool {
        Arc::ptr_eq(&self.ledger, ledger)
    }
}

impl Drop for Reservation {
    #[inline]
    fn drop(&mut self) {
        let charge = mem::replace(&mut self.charge, Charge::NOTHING);
        self.ledger.release(charge);
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
