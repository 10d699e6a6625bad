//! What the blocks use of a budget. A first version behind the names that stay.
#![allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    reason = "first version"
)]

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};
use core::{error::Error, fmt, mem};

use lock_api::Mutex;

use crate::{
    error::ConfigError,
    raw::wait::{Balance, MOST},
    sync::{DefaultLock, default_lock},
};

/// A limit of bytes. Cheap to clone: clones share it.
#[derive(Clone)]
pub struct Budget(Arc<Ledger>);

struct Ledger {
    balance: Balance,
    capacity: usize,
    shortage: Mutex<DefaultLock, Vec<Weak<dyn Shortage>>>,
}

/// Something that keeps charged bytes that nobody uses, and gives them back when they are wanted.
pub(crate) trait Shortage: Send + Sync {
    /// Releases about `wanted` bytes of what nobody uses to the budget; how many it released. Called
    /// outside locks, in any thread; may release to the budget, and may not wait for it.
    fn give_back(&self, wanted: usize) -> usize;
}

/// An admitted share of a budget, released when it is dropped, also after the last [`Budget`] is gone.
pub struct Reservation {
    ledger: Arc<Ledger>,
    charge: Charge,
}

/// Bytes that are charged, and to whom; forgets nothing by itself: `Budget::release` ends it.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Charge {
    bytes: usize,
    account: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetError {
    requested: usize,
    available: usize,
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes of {} available",
            self.requested, self.available
        )
    }
}

impl Error for BudgetError {}

impl Charge {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of the account, with what the budget wants to remember of the charge.
    pub(crate) fn account(&self) -> u32 {
        self.account
    }

    /// The charge that said so.
    pub(crate) fn from_parts(bytes: usize, account: u32) -> Self {
        Self { bytes, account }
    }

    /// Takes `bytes` of it as a charge of its own.
    pub(crate) fn split(&mut self, bytes: usize) -> Option<Self> {
        self.bytes = self.bytes.checked_sub(bytes)?;
        Some(Self {
            bytes,
            account: self.account,
        })
    }
}

impl Budget {
    pub fn new(capacity: usize) -> Result<Self, ConfigError> {
        assert!(capacity as u64 <= MOST);
        Ok(Self(Arc::new(Ledger {
            balance: Balance::new(capacity as u64),
            capacity,
            shortage: Mutex::from_raw(default_lock(), Vec::new()),
        })))
    }

    pub fn try_reserve(&self, bytes: usize) -> Result<Reservation, BudgetError> {
        let charge = self.try_charge(bytes)?;
        Ok(self.reservation(charge))
    }

    /// As `try_reserve`, without keeping the budget: the caller keeps it until `release`.
    pub(crate) fn try_charge(&self, bytes: usize) -> Result<Charge, BudgetError> {
        for last in [false, true] {
            if self.0.balance.take(bytes as u64).is_ok() {
                return Ok(Charge { bytes, account: 0 });
            }
            if !last {
                let all = self.0.shortage.lock().clone();
                for one in all.iter().filter_map(Weak::upgrade) {
                    one.give_back(bytes); // USER CODE
                }
            }
        }
        Err(BudgetError {
            requested: bytes,
            available: self.0.balance.look().left.max(0) as usize,
        })
    }

    /// The reservation of a charge of this budget.
    pub(crate) fn reservation(&self, charge: Charge) -> Reservation {
        Reservation {
            ledger: Arc::clone(&self.0),
            charge,
        }
    }

    pub(crate) fn release(&self, charge: Charge) {
        let _wanted = self.0.balance.give(charge.bytes as u64);
    }

    /// Whether somebody waits: then what is freed is released, not kept. One load.
    ///
    /// Relaxed, because no load alone could be enough: the caller may keep what it frees right after it
    /// looked. Who begins to wait marks the balance (a read-modify-write) *and only then* calls every
    /// [`Shortage`]. So a cache that keeps something has to look inside of what its own `give_back`
    /// excludes: under the lock that `give_back` takes, or in a busy section that `give_back` ends by
    /// `barrier::heavy` and awaits. Either its section comes first, and `give_back` finds what was kept;
    /// or `give_back` does, and the mark that came before it is seen here.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.balance.look().wanted
    }

    pub(crate) fn on_shortage(&self, shortage: Weak<dyn Shortage>) {
        self.0.shortage.lock().push(shortage);
    }

    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// Bytes in the ledger as charged, those of caches included.
    pub fn charged(&self) -> usize {
        (self.0.capacity as i64 - self.0.balance.look().left) as usize
    }
}

impl Reservation {
    pub fn bytes(&self) -> usize {
        self.charge.bytes
    }

    pub fn split(&mut self, bytes: usize) -> Option<Self> {
        let charge = self.charge.split(bytes)?;
        Some(Self {
            ledger: Arc::clone(&self.ledger),
            charge,
        })
    }

    pub fn merge(&mut self, mut other: Self) -> Result<(), Self> {
        if !Arc::ptr_eq(&self.ledger, &other.ledger) || self.charge.account != other.charge.account
        {
            return Err(other);
        }
        self.charge.bytes += mem::take(&mut other.charge.bytes);
        Ok(())
    }

    /// The charge alone: from now on it is the caller's to release.
    pub(crate) fn into_charge(mut self) -> Charge {
        let account = self.charge.account;
        let bytes = mem::take(&mut self.charge.bytes);
        Charge { bytes, account }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let _wanted = self.ledger.balance.give(self.charge.bytes as u64);
    }
}
