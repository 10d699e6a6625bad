//! Pools that several threads use at once, and what they do with them.

use std::hint::black_box;

use crate::{contender::Role, payload::Payload, threads::Shared};

/// Values that a thread holds at most.
const HELD: usize = 8;
/// Slots of a pool for each of its threads: as few as fit the first-level cache with everything else,
/// and enough for pools that keep some of them back for a thread.
const ROOM: usize = 256;

/// A pool that several threads use at once, driven the way its own documentation drives it.
pub(crate) trait Store: Sync + Sized + 'static {
    /// As the tables name it.
    const NAME: &'static str;
    /// Floor, ours or rival.
    const ROLE: Role;

    /// What it stores.
    type Value: Payload;

    /// What the caller keeps for a stored value; the value goes when this does.
    type Handle<'p>
    where
        Self: 'p;

    /// One with room for so many values.
    fn with_room(slots: usize) -> Self;

    /// Stores a value.
    fn store(&self, value: Self::Value) -> Self::Handle<'_>;
}

/// A store: what it keeps and how that is made for a number of slots, what it gives its caller and
/// how.
macro_rules! stores {
    ($adapter:ident, $name:literal, $role:expr, $p:lifetime, $keeps:ty => $handle:ty,
     |$slots:pat_param| $make:expr, |$shared:pat_param, $value:ident| $store:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T: $crate::payload::Payload>(
            $keeps,
            std::marker::PhantomData<fn(T)>,
        );

        impl<T: $crate::payload::Payload> $crate::store::Store for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: $crate::contender::Role = $role;
            type Value = T;
            type Handle<$p> = $handle;

            fn with_room(slots: usize) -> Self {
                let $slots = slots;
                Self($make, std::marker::PhantomData)
            }

            #[inline(always)]
            fn store(&self, $value: T) -> Self::Handle<'_> {
                let $shared = &self.0;
                $store
            }
        }
    };
}
pub(crate) use stores;

/// All threads store values in one pool, and each drops a value before it stores the eighth after it.
pub(crate) struct Window<S>(S);

impl<S: Store> Shared for Window<S> {
    const NAME: &'static str = S::NAME;
    const ROLE: Role = S::ROLE;
    const LEAST: u64 = 1 << 10;
    const WINDOW: u64 = 1 << 20;

    fn for_threads(threads: usize) -> Self {
        Self(S::with_room(threads * ROOM))
    }

    fn work(&self, _: usize, count: u64) {
        let store = black_box(&self.0);
        let mut held: [Option<S::Handle<'_>>; HELD] = Default::default();
        for number in 0..count {
            let place = &mut held[number as usize % HELD];
            // The place is empty before the value is there: no more than eight are out.
            drop(place.take());
            *place = Some(store.store(S::Value::of(number)));
            black_box(place);
        }
    }

    fn reset(&mut self) {}
}

stores!(
    OwnSlots, "floor::own-slots", Role::Floor,
    'p, () => T,
    |_| (),
    |(), value| value
);
