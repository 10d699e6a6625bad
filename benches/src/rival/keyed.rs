//! Containers that hand out keys: `slab`, `slotmap`, `thunderdome`.
//!
//! They move their values when they grow and check every key, and their removal returns the value;
//! for plain data the optimiser drops the unused copy.

#![expect(unsafe_code, reason = "the workloads share their pool")]

use std::hint::black_box;

use super::exclusive::Exclusive;
use crate::{
    contender::{Contender, Role},
    payload::Payload,
};

/// The three differ in their types only.
macro_rules! keyed {
    ($adapter:ident, $name:literal, $container:ty, $key:ty, $new:expr) => {
        #[doc = concat!("`", $name, "`, one value after the other.")]
        pub(crate) struct $adapter<T>(Exclusive<$container>);

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Rival;
            type Value = T;
            type Handle<'p> = $key;

            fn with_capacity(capacity: usize) -> Self {
                Self(Exclusive::new($new(capacity)))
            }

            #[inline(always)]
            fn alloc(&self, value: T) -> $key {
                // SAFETY: plain values, so nothing of theirs runs inside; `get` does not outlive
                // the workload's expression.
                unsafe { self.0.call(|container| container.insert(value)) }
            }

            #[inline(always)]
            fn free(&self, key: $key) {
                // SAFETY: as in `alloc`.
                let _removed = unsafe { self.0.call(|container| container.remove(key)) };
            }

            #[inline(always)]
            fn get<'p>(&'p self, key: &'p $key) -> &'p T {
                // SAFETY: the workloads read a value and forget the reference before they go on.
                unsafe { &self.0.get()[*key] }
            }

            #[inline(always)]
            fn witness(&self, key: &$key) {
                black_box(*key);
            }
        }
    };
}

keyed!(
    Slab,
    "slab",
    ::slab::Slab<T>,
    usize,
    ::slab::Slab::with_capacity
);
keyed!(
    SlotMap,
    "slotmap",
    ::slotmap::SlotMap<::slotmap::DefaultKey, T>,
    ::slotmap::DefaultKey,
    ::slotmap::SlotMap::with_capacity
);
keyed!(
    Thunderdome,
    "thunderdome",
    ::thunderdome::Arena<T>,
    ::thunderdome::Index,
    ::thunderdome::Arena::with_capacity
);
