//! How a budget is made.

use alloc::sync::Arc;

use super::{
    books::Ledger,
    capacity::Capacity,
    door::Budget,
    policy::{Order, check},
};
use crate::error::ConfigError;

/// Settings of a [`Budget`].
///
/// ```
/// use flagstone::blocks::{BudgetConfig, Capacity, Order};
///
/// let budget = BudgetConfig::new(Capacity::Bytes(64 << 20))
///     .order(Order::Fifo)
///     .build()?;
/// assert_eq!(budget.capacity(), 64 << 20);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct BudgetConfig {
    capacity: Capacity,
    order: Order,
}

impl BudgetConfig {
    /// A budget of `capacity`, in the default order.
    pub const fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            order: Order::DEFAULT,
        }
    }

    /// The order of those who wait.
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The budget.
    ///
    /// # Errors
    ///
    /// When the capacity is above 2^60 bytes, or a fraction is not between 0 and 1.
    pub fn build(self) -> Result<Budget, ConfigError> {
        let capacity = check(self.capacity.bytes()?)?;
        Ok(Budget::of(Arc::new(Ledger::new(capacity, self.order))))
    }
}
