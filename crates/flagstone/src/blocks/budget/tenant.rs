//! What keeps a scope's number.

use alloc::sync::Arc;
use core::fmt;

use super::books::Ledger;

/// The one owner of a scope's number; the scope ends with it.
pub(super) struct Door {
    pub(super) ledger: Arc<Ledger>,
    pub(super) number: u32,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.ledger.end_scope(self.number);
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
