//! Who lives and who died.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Tracked;
use crate::fuse::Fuse;

/// What happened to the value with this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was made.
    Born(u64),
    /// The acquire hook saw it.
    Acquired(u64),
    /// The release hook saw it.
    Released(u64),
    /// It was dropped.
    Dropped(u64),
}

/// Makes [`Tracked`] values and keeps account of them. Clones share the account.
///
/// ```
/// use flagstone_testkit::value::Census;
///
/// let census = Census::default();
/// let value = census.tracked::<()>();
/// assert_eq!(census.live(), 1);
/// drop(value);
/// assert_eq!(census.live(), 0);
/// ```
#[derive(Clone, Default)]
pub struct Census {
    account: Arc<Mutex<Account>>,
    drops: Fuse,
}

#[derive(Default)]
struct Account {
    born: u64,
    live: BTreeSet<u64>,
    log: Vec<Event>,
}

impl Census {
    /// A new value with the next id, from 1.
    #[must_use]
    pub fn tracked<S: Default>(&self) -> Tracked<S> {
        Tracked::new(self.clone(), self.birth())
    }

    /// Where the account lies.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.account).addr()
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // Whole at any time, so a panic elsewhere does not matter.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn birth(&self) -> u64 {
        let mut account = self.account();
        account.born += 1;
        let id = account.born;
        account.live.insert(id);
        account.log.push(Event::Born(id));
        id
    }

    /// # Panics
    ///
    /// When the value with `id` does not live; and on purpose, when the fuse says so.
    pub(super) fn death(&self, id: u64) {
        let lived = {
            let mut account = self.account();
            account.log.push(Event::Dropped(id));
            account.live.remove(&id)
        };
        assert!(lived, "value {id} was dropped twice");
        self.drops.tick();
    }

    /// The fuse that ticks at every drop of a value.
    #[must_use]
    pub fn drops(&self) -> &Fuse {
        &self.drops
    }

    /// How many values were made.
    #[must_use]
    pub fn born(&self) -> usize {
        usize::try_from(self.account().born).unwrap_or(usize::MAX)
    }

    /// How many values live.
    #[must_use]
    pub fn live(&self) -> usize {
        self.account().live.len()
    }

    /// Adds to the log.
    pub fn log(&self, event: Event) {
        self.account().log.push(event);
    }

    /// All that happened so far; the log is empty afterwards.
    #[must_use]
    pub fn take_log(&self) -> Vec<Event> {
        std::mem::take(&mut self.account().log)
    }
}

impl fmt::Debug for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Census")
            .field("born", &self.born())
            .field("live", &self.live())
            .finish()
    }
}
