//! Who makes values when the caller does not.

use core::fmt;

use crate::error::ConfigError;
#[cfg(feature = "alloc")]
use crate::error::{Allowed, Given};

/// A closure that makes values.
#[cfg(feature = "alloc")]
pub(in crate::pool) type Initializer<T> = alloc::boxed::Box<dyn Fn() -> T + Send + Sync>;
/// A closure that makes a used value as good as new.
#[cfg(feature = "alloc")]
pub(in crate::pool) type Reset<T> = alloc::boxed::Box<dyn Fn(&mut T) + Send + Sync>;

/// Who makes the values of `alloc_init`, and when.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use flagstone::pool::{FixedPool, InitializationStrategy, PoolConfig};
///
/// let config = PoolConfig::builder()
///     .capacity(2)
///     .initialization(InitializationStrategy::eager(|| vec![0_u8; 1024]))
///     .build()?;
/// let pool = FixedPool::with_config(config)?; // two vectors are made here
/// assert_eq!(pool.alloc_init().unwrap().len(), 1024);
/// # }
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[non_exhaustive]
pub enum InitializationStrategy<T> {
    /// Nobody: the caller passes every value. `alloc_init` is an error.
    Lazy,
    /// The initializer runs once for each slot of the initial capacity when the pool is built.
    /// `alloc_init` hands these values out first, and makes new ones when none are left.
    #[cfg(feature = "alloc")]
    Eager(Initializer<T>),
    /// The initializer runs when `alloc_init` is called; with `pre_initialize(true)`, as for
    /// [`Eager`](Self::Eager).
    ///
    /// A `reset` is for pools that keep their objects constructed between users. The pools of
    /// slots drop values instead, and refuse it.
    #[cfg(feature = "alloc")]
    Custom {
        /// Makes a value.
        initializer: Initializer<T>,
        /// Makes a used value as good as new.
        reset: Option<Reset<T>>,
    },
    /// There is no such value: it names the parameter where there are no boxed closures.
    #[cfg(not(feature = "alloc"))]
    #[doc(hidden)]
    Never(
        core::convert::Infallible,
        core::marker::PhantomData<fn() -> T>,
    ),
}

#[cfg(feature = "alloc")]
impl<T> InitializationStrategy<T> {
    /// [`Eager`](Self::Eager) with a boxed `initializer`.
    pub fn eager(initializer: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self::Eager(alloc::boxed::Box::new(initializer))
    }

    /// [`Custom`](Self::Custom) with a boxed `initializer` and no reset.
    pub fn custom(initializer: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self::Custom {
            initializer: alloc::boxed::Box::new(initializer),
            reset: None,
        }
    }
}

impl<T> InitializationStrategy<T> {
    /// Pools of slots drop their values, so there is nothing to reset.
    pub(super) fn check_slot_pool(&self) -> Result<(), ConfigError> {
        match self {
            #[cfg(feature = "alloc")]
            Self::Custom { reset: Some(_), .. } => Err(ConfigError::knob_out_of_range(
                "initialization",
                Given::Choice("Custom with a reset"),
                Allowed::Only(
                    "Lazy, Eager or Custom without a reset, because this pool drops values \
                     instead of reusing them",
                ),
            )),
            _ => Ok(()),
        }
    }
}

impl<T> fmt::Debug for InitializationStrategy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lazy => "Lazy",
            #[cfg(feature = "alloc")]
            Self::Eager(_) => "Eager",
            #[cfg(feature = "alloc")]
            Self::Custom { reset: None, .. } => "Custom",
            #[cfg(feature = "alloc")]
            Self::Custom { reset: Some(_), .. } => "Custom with a reset",
            #[cfg(not(feature = "alloc"))]
            Self::Never(never, _) => match *never {},
        })
    }
}
