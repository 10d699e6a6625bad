//! Pools with a drop policy, as kinds.

use std::marker::PhantomData;

use flagstone::{
    ConfigError,
    pool::{Hooks, ZeroOnFree},
};

use super::{PoolKind, Setting, Spec};

/// The pools of another kind, whose slots are overwritten when their values are gone: nothing else
/// may be different.
#[derive(Debug)]
pub struct Zeroing<Kind>(PhantomData<Kind>);

impl<Kind: PoolKind> PoolKind for Zeroing<Kind> {
    type Pool<T: Unpin + 'static, K: Hooks<T> + 'static> = Kind::Pool<T, ZeroOnFree<K>>;

    const CHECKED: bool = Kind::CHECKED;

    fn settings() -> Vec<Setting> {
        Kind::settings()
    }

    fn begins_with(setting: Setting, slots: usize) -> usize {
        Kind::begins_with(setting, slots)
    }

    fn build<T: Unpin + 'static, K: Hooks<T> + 'static>(
        setting: Setting,
        spec: Spec<T>,
        hooks: K,
    ) -> Result<Self::Pool<T, K>, ConfigError> {
        Kind::build(setting, spec, ZeroOnFree::with_hooks(hooks))
    }
}
