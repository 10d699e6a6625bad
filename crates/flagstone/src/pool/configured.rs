//! Objects made ready for their next user as a configuration says.

use super::config::{InitializationStrategy, Initializer, Reset};
use crate::{
    error::{Allowed, ConfigError, Given},
    raw::Recycle,
};

/// Objects made and reset as a [`PoolConfig`](super::PoolConfig) says; see
/// [`RecyclePool::with_config`](super::RecyclePool::with_config).
pub struct ConfiguredRecycle<T> {
    create: Initializer<T>,
    reset: Option<Reset<T>>,
}

impl<T> ConfiguredRecycle<T> {
    /// What `strategy` says, and whether objects are to be made ahead whatever else is configured.
    pub(super) fn from_strategy(
        strategy: InitializationStrategy<T>,
    ) -> Result<(Self, bool), ConfigError> {
        let (create, reset, ahead) = match strategy {
            InitializationStrategy::Lazy => {
                return Err(ConfigError::knob_out_of_range(
                    "initialization",
                    Given::Choice("Lazy"),
                    Allowed::Only("Eager or Custom, because this pool makes its objects itself"),
                ));
            }
            InitializationStrategy::Eager(create) => (create, None, true),
            InitializationStrategy::Custom { initializer, reset } => (initializer, reset, false),
        };
        Ok((Self { create, reset }, ahead))
    }
}

impl<T> Recycle<T> for ConfiguredRecycle<T> {
    fn create(&self) -> T {
        (self.create)()
    }

    fn reset(&self, object: &mut T) {
        if let Some(reset) = &self.reset {
            reset(object);
        }
    }
}

impl<T> core::fmt::Debug for ConfiguredRecycle<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ConfiguredRecycle")
            .field("resets", &self.reset.is_some())
            .finish_non_exhaustive()
    }
}
