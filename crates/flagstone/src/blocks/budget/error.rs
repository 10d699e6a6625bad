//! Why bytes were not reserved.

use alloc::sync::Arc;
use core::{error::Error, fmt};

/// How many of the largest holders an error names.
pub(super) const HOLDERS: usize = 3;

/// Bytes were not reserved; nothing was charged.
///
/// ```
/// use flagstone::blocks::{Budget, BudgetErrorKind};
///
/// let budget = Budget::new(1000)?;
/// let held = budget.try_reserve(900).unwrap();
/// let refused = budget.try_reserve(200).unwrap_err();
/// assert_eq!(refused.kind(), BudgetErrorKind::Exhausted);
/// assert_eq!((refused.requested(), refused.available()), (200, 100));
/// assert_eq!(refused.holders().next().unwrap().bytes(), 900);
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BudgetError(pub(super) Refusal);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: BudgetErrorKind,
    pub(super) requested: usize,
    pub(super) available: usize,
    pub(super) most: usize,
    pub(super) queued: usize,
    pub(super) held_waiting: usize,
    /// Those who have nothing are none.
    pub(super) holders: [Holder; HOLDERS],
}

/// Why bytes were not reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BudgetErrorKind {
    /// More than could ever be had, so waiting would not end.
    TooLarge,
    /// Not so much is available now.
    Exhausted,
    /// Others wait already, and would be delayed.
    Queued,
    /// The scope has its limit.
    ScopeLimit,
    /// The timer was ready before the bytes were.
    TimedOut,
    /// The budget was closed.
    Closed,
}

/// Who has bytes of a budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    pub(super) scope: Option<Arc<str>>,
    pub(super) bytes: usize,
}

impl Holder {
    /// The name of the scope; `None` for what was reserved outside of scopes.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Bytes that are charged to it.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl BudgetError {
    /// Why.
    #[must_use]
    pub const fn kind(&self) -> BudgetErrorKind {
        self.0.kind
    }

    /// Bytes that were asked for.
    #[must_use]
    pub const fn requested(&self) -> usize {
        self.0.requested
    }

    /// Bytes that were there, for who asks outside of scopes.
    #[must_use]
    pub const fn available(&self) -> usize {
        self.0.available
    }

    /// Bytes that who asked could have at most, if nobody else had any.
    #[must_use]
    pub const fn most(&self) -> usize {
        self.0.most
    }

    /// How many waited.
    #[must_use]
    pub const fn queued(&self) -> usize {
        self.0.queued
    }

    /// Bytes that were charged to those who waited themselves, as far as they
    /// [said so](super::Reserve::holding): nobody gets them before these are granted what they wait for,
    /// or give up.
    #[must_use]
    pub const fn held_waiting(&self) -> usize {
        self.0.held_waiting
    }

    /// Who had most, largest first, three at most.
    pub fn holders(&self) -> impl Iterator<Item = &Holder> {
        self.0.holders.iter().filter(|holder| holder.bytes > 0)
    }
}

impl fmt::Debug for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BudgetError")
            .field("kind", &self.0.kind)
            .field("requested", &self.0.requested)
            .field("available", &self.0.available)
            .field("most", &self.0.most)
            .field("queued", &self.0.queued)
            .field("held_waiting", &self.0.held_waiting)
            .field("holders", &self.holders().collect::<alloc::vec::Vec<_>>())
            .finish()
    }
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal {
            kind,
            requested,
            available,
            most,
            queued,
            held_waiting,
            ..
        } = &self.0;
        match kind {
            BudgetErrorKind::TooLarge => {
                return write!(
                    f,
                    "{requested} bytes were asked for and {most} is the most that could ever be had: \
                     ask for less, or raise the capacity"
                );
            }
            BudgetErrorKind::Closed => return f.write_str("the budget is closed"),
            BudgetErrorKind::TimedOut => write!(f, "{requested} bytes were not there in time")?,
            BudgetErrorKind::Exhausted => write!(f, "{requested} bytes are not there")?,
            BudgetErrorKind::Queued => write!(f, "{requested} bytes have to wait for others")?,
            BudgetErrorKind::ScopeLimit => {
                write!(f, "{requested} bytes are above the scope's limit")?
            }
        }
        write!(f, ": {available} are available, {queued} wait")?;
        let mut before = "; most is with ";
        for Holder { scope, bytes } in self.holders() {
            match scope {
                Some(scope) => write!(f, "{before}{scope} ({bytes})")?,
                None => write!(f, "{before}no scope ({bytes})")?,
            }
            before = ", ";
        }
        if *held_waiting > 0 {
            write!(f, "; {held_waiting} are with those who wait themselves")?;
        }
        Ok(())
    }
}

impl Error for BudgetError {}
