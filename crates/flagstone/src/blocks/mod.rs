//! Bytes under a budget.

mod budget;

pub use budget::{
    Budget, BudgetConfig, BudgetError, BudgetErrorKind, BudgetSnapshot, Bytes, Capacity, Holder,
    Level, Many, Observation, Order, Pass, Pressure, Priority, ReliefHook, Reservation, Reserve,
    ReserveMany, ReserveTimeout, Scope, ScopeBuilder, ScopeSnapshot, TaskScope, Timeout, Waiting,
};
