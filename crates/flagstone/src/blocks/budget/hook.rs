//! A relief hook that stays while its owner wants it to.

use alloc::sync::{Arc, Weak};
use core::fmt;

use super::{
    books::Ledger,
    relief::{Hook, Pass},
};

/// Keeps a hook of [`Budget::on_relief`](super::Budget::on_relief); the hook is called no more when this
/// is dropped, but by those who call it just then.
#[must_use = "the hook is removed when this is dropped"]
pub struct ReliefHook {
    ledger: Weak<Ledger>,
    hook: Hook,
}

impl ReliefHook {
    pub(super) fn new(
        ledger: &Arc<Ledger>,
        pass: Pass,
        hook: impl Fn(usize) -> usize + Send + Sync + 'static,
    ) -> Self {
        let hook: Hook = Arc::new(hook);
        ledger.relief.add_hook(pass, Arc::clone(&hook));
        Self {
            ledger: Arc::downgrade(ledger),
            hook,
        }
    }

    /// Leaves the hook where it is for as long as the budget is there. One that owns the budget then
    /// keeps it for ever.
    pub fn keep(mut self) {
        self.ledger = Weak::new();
    }
}

impl Drop for ReliefHook {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.upgrade() {
            ledger.relief.remove_hook(&self.hook);
        }
    }
}

impl fmt::Debug for ReliefHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReliefHook").finish_non_exhaustive()
    }
}
