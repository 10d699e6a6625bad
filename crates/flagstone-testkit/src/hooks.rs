//! Hooks that log and panic.

use flagstone::pool::Hooks;

use crate::{
    fuse::Fuse,
    value::{Census, Event, Tracked},
};

/// Logs every call in the census of the values, and panics where its fuses say.
#[derive(Clone, Debug, Default)]
pub struct LoggingHooks {
    /// Where the calls are logged.
    pub census: Census,
    /// Ticks at every `on_acquire`.
    pub acquire: Fuse,
    /// Ticks at every `on_release`.
    pub release: Fuse,
}

impl LoggingHooks {
    /// Hooks that log in `census` and do not panic.
    #[must_use]
    pub fn new(census: &Census) -> Self {
        Self {
            census: census.clone(),
            ..Self::default()
        }
    }
}

impl<S> Hooks<Tracked<S>> for LoggingHooks {
    fn on_acquire(&self, value: &mut Tracked<S>) {
        self.census.log(Event::Acquired(value.id()));
        self.acquire.tick();
    }

    fn on_release(&self, value: &mut Tracked<S>) {
        self.census.log(Event::Released(value.id()));
        self.release.tick();
    }
}

/// Hooks from a closure that is told when it is called: `true` for acquire.
#[derive(Clone, Copy, Debug)]
pub struct CallingHooks<F>(pub F);

impl<T, F: Fn(bool, &mut T)> Hooks<T> for CallingHooks<F> {
    fn on_acquire(&self, value: &mut T) {
        (self.0)(true, value);
    }

    fn on_release(&self, value: &mut T) {
        (self.0)(false, value);
    }
}
