//! Several pools of one kind at once, each with few values.

use std::mem;

use crate::{
    contender::{Contender, Role},
    lane::Body,
    payload::Payload,
    plan::Plan,
};

/// Values of a pool when there are several.
const EACH: usize = 31;
/// Pools when there are several.
pub(crate) const POOLS: usize = 64;

/// A contender, once or several times.
pub(crate) trait Caches: 'static {
    /// What there is several times.
    type Cache: Contender;
    /// As the tables name it.
    const NAME: &'static str;
    /// How often it is there.
    const COUNT: usize;

    /// All of them, with room for [`POOLS`] times [`EACH`] values together.
    fn make() -> Vec<Self::Cache> {
        let room = POOLS * EACH / Self::COUNT + 1;
        (0..Self::COUNT)
            .map(|_| Self::Cache::with_capacity(room))
            .collect()
    }

    /// On which side they run.
    fn role() -> Role {
        Self::Cache::ROLE
    }
}

/// A contender once, and as many times as there are pools.
macro_rules! caches {
    ($($alone:ident $many:ident: $cache:ty, $name:literal;)+) => {$(
        #[doc = concat!("One `", $name, "`.")]
        pub(crate) struct $alone;
        #[doc = concat!("Several of `", $name, "`.")]
        pub(crate) struct $many;

        impl Caches for $alone {
            type Cache = $cache;
            const NAME: &'static str = concat!($name, "(1)");
            const COUNT: usize = 1;
        }

        impl Caches for $many {
            type Cache = $cache;
            const NAME: &'static str = concat!($name, "(64)");
            const COUNT: usize = POOLS;
        }
    )+};
}

caches! {
    OneFixed ManyFixed: crate::ours::FixedIntrusive<[u64; 8]>, "flagstone::FixedPool";
    OneCache ManyCaches: crate::ours::CacheNoLock<[u64; 8]>, "flagstone::SlabCache<NoLock>";
    OneAttachable ManyAttachable: crate::rival::AttachableNoLock<[u64; 8]>,
        "attachable_slab_allocator<NoLock>";
}

/// Replaces one of all values by another in the same pool.
pub(crate) struct Scatter<'p, C: Contender> {
    pools: &'p [C],
    /// The value at `n` is in pool `n % pools.len()`.
    live: Vec<C::Handle<'p>>,
    plan: Plan<u16>,
    at: usize,
}

impl<'p, C: Contender> Scatter<'p, C> {
    pub(crate) fn new(pools: &'p [C]) -> Self {
        let count = POOLS * EACH;
        let store = |number: usize| pools[number % pools.len()].alloc(C::Value::of(number as u64));
        Self {
            pools,
            live: (0..count).map(store).collect(),
            plan: Plan::new(count as u64),
            at: 0,
        }
    }
}

impl<C: Contender> Body for Scatter<'_, C> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            let position = usize::from(self.plan.step(self.at));
            self.at += 1;
            // One or a power of two: a division would cost more than some pools.
            let pool = &self.pools[position & (self.pools.len() - 1)];
            let new = pool.alloc(C::Value::of(self.at as u64));
            pool.witness(&new);
            let old = mem::replace(&mut self.live[position], new);
            pool.free(old);
        }
    }

    fn warm_up(&self) -> u64 {
        4 * self.live.len() as u64
    }
}
