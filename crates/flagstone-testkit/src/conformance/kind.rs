//! A kind of pool.

use flagstone::{AllocErrorKind, ConfigError, pool::Hooks};

use super::{Counted, Door, Pool, Setting, Spec};

/// How pools of one kind are built, for hooks and values of any type (that may be moved: pools give
/// out forgotten values only then).
pub trait PoolKind: 'static {
    /// The pools.
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static>: Pool<Value = T> + 'static;

    /// Whether indices and second releases are checked in release builds too.
    const CHECKED: bool;

    /// How a pool without a free slot refuses.
    const REFUSES: AllocErrorKind = AllocErrorKind::Exhausted;

    /// In which settings the checks run.
    #[must_use]
    fn settings() -> Vec<Setting> {
        Setting::growing()
    }

    /// How many slots a pool of `slots` slots has when it is built.
    #[must_use]
    fn begins_with(setting: Setting, slots: usize) -> usize {
        setting.growth.begins_with(slots)
    }

    /// Builds a pool.
    ///
    /// # Errors
    ///
    /// When the pool refuses the specification.
    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError>;

    /// A pool without hooks, with every knob but the size untouched.
    ///
    /// # Panics
    ///
    /// When it cannot be built.
    #[must_use]
    fn plain<T: Unpin + 'static>(
        setting: Setting,
        slots: usize,
    ) -> Self::Pool<T, flagstone::pool::NoHooks> {
        Self::hooked(setting, slots, flagstone::pool::NoHooks)
    }

    /// A pool with hooks, with every knob but the size untouched.
    ///
    /// # Panics
    ///
    /// When it cannot be built.
    #[must_use]
    fn hooked<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        slots: usize,
        hooks: K,
    ) -> Self::Pool<T, K> {
        Self::build(setting, Spec::slots(slots), hooks).expect("the pool can be built")
    }
}

/// Runs `check` in every setting of `K`. The setting is printed, which is seen when the check fails.
pub fn each<K: PoolKind>(check: impl Fn(Setting)) {
    for setting in K::settings() {
        println!("in {setting:?}");
        check(setting);
    }
}

/// Places values of `make` until one is refused; the handles.
pub fn fill<D: Door + Counted>(door: &D, make: impl Fn() -> D::Value) -> Vec<D::Handle<'_>> {
    let mut handles = Vec::new();
    while let Ok(handle) = door.alloc(make()) {
        handles.push(handle);
    }
    handles
}
