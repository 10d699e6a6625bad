//! Collections of others live in an arena: of both versions of the allocator API, and hashbrown's
//! maps.

use flagstone::{
    Arena, SyncArena,
    arena::{ArenaUsage, LockArena},
    provider::{Global, Provider},
    sync::SpinLock,
};
use flagstone_testkit::{provider::Counting, value::Census};
use hashbrown::{DefaultHashBuilder, HashMap};

const MANY: usize = if cfg!(miri) { 100 } else { 3000 };

/// Fails unless `used` adds up and is at least `bytes`.
fn holds(usage: ArenaUsage, bytes: usize) {
    assert!(usage.allocated >= bytes, "{usage:?}");
    assert_eq!(
        usage.reserved,
        usage.allocated + usage.available + usage.wasted
    );
}

/// The same for both versions, which are different crates.
macro_rules! version {
    ($name:ident, $api:ident) => {
        mod $name {
            use $api::{alloc::Allocator, boxed::Box, vec::Vec};

            use super::*;

            fn fill<A: Allocator + Copy>(alloc: A) {
                let mut lists: Vec<Vec<u64, A>, A> = Vec::new_in(alloc);
                for n in 0..MANY as u64 {
                    if n % 100 == 0 {
                        lists.push(Vec::new_in(alloc));
                    }
                    // All of them grow by turns, so nearly all must move.
                    let at = n as usize % lists.len();
                    lists[at].push(n);
                }
                let mut all: std::vec::Vec<u64> = lists.iter().flatten().copied().collect();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..MANY as u64));
                lists.truncate(3);
                lists.iter_mut().for_each(Vec::shrink_to_fit);
                lists.shrink_to_fit();
                let boxed = Box::new_in([7_u64; 10], alloc);
                let text = Box::new_in(String::from("owns memory elsewhere"), alloc);
                assert_eq!((boxed.len(), text.len()), (10, 21));
                lists.clear();
            }

            #[test]
            fn vectors_of_vectors() {
                let mut arena = Arena::<_>::new_in(Counting::new(Global));
                for _ in 0..3 {
                    fill(&arena);
                    holds(arena.usage(), MANY * 8);
                    fill(&*arena.scope());
                    arena.reset();
                }
                let mut shared: SyncArena = SyncArena::new();
                fill(&shared);
                fill(&shared.local());
                holds(shared.usage(), 2 * MANY * 8);
                shared.reset();
                let locked = LockArena::<SpinLock>::new_in(Global);
                fill(&locked);
                holds(locked.usage(), MANY * 8);
            }

            /// The only vector of an arena grows where it is, by whatever steps.
            #[test]
            fn growth_in_place() {
                let arena = Arena::with_capacity(MANY * 8 + 64);
                let mut list = Vec::new_in(&arena);
                list.push(0_u64);
                let start = list.as_ptr();
                for n in 1..MANY as u64 {
                    if list.len() == list.capacity() {
                        list.reserve_exact(1);
                    }
                    list.push(n);
                }
                assert_eq!((list.as_ptr(), list.len()), (start, MANY));
                assert_eq!(arena.usage().chunks, 1);
                list.truncate(10);
                list.shrink_to_fit();
                assert_eq!((list.as_ptr(), arena.usage().allocated), (start, 80));
                drop(list);
                assert_eq!(arena.usage().allocated, 0);
            }

            /// A doubling vector in a growing arena leaves no row of old chunks behind.
            #[test]
            fn old_places_of_a_large_vector_are_used_again() {
                let arena = Arena::new();
                let mut list = Vec::new_in(&arena);
                list.extend(0..100_000_u64);
                assert!(list.iter().copied().eq(0..100_000));
                let usage = arena.usage();
                assert!(usage.reserved < 4 * list.capacity() * 8, "{usage:?}");
            }

            /// What a vector owns is dropped with it, and only once, also when it cannot grow.
            #[test]
            fn elements_are_dropped_once() {
                let census = Census::default();
                let arena = Arena::new();
                arena.set_limit(Some(20_000));
                {
                    let mut list = Vec::new_in(&arena);
                    while list.try_reserve(1).is_ok() {
                        list.push(census.tracked::<()>());
                    }
                    assert_eq!(census.live(), list.len());
                    drop(list.swap_remove(0));
                    assert_eq!(census.live(), list.len());
                }
                assert_eq!(census.live(), 0);
            }

            /// A vector of an arena whose scope is open keeps what it has, and cannot grow.
            #[test]
            fn a_vector_outside_of_a_scope() {
                let arena = Arena::new();
                let mut list = Vec::new_in(&arena);
                list.extend([1_u64, 2, 3, 4]);
                list.shrink_to_fit();
                let scope = arena.scope();
                let inner = scope.alloc([7_u64; 8]);
                assert!(list.try_reserve(1).is_err());
                list.pop();
                list.shrink_to_fit();
                drop(list);
                assert_eq!(*inner, [7; 8]);
                assert_eq!(scope.alloc_bytes(100).len(), 100);
                drop(scope);
                let mut list = Vec::new_in(&arena);
                list.extend(0..100);
                assert_eq!(list.len(), 100);
            }
        }
    };
}

version!(version_02, allocator_api2_02);
version!(version_04, allocator_api2_04);

type Map<'a, K, V, P, const M: usize> = HashMap<K, V, DefaultHashBuilder, &'a Arena<P, M>>;

fn map<P: Provider, const M: usize>(arena: &Arena<P, M>) -> Map<'_, u64, String, P, M> {
    HashMap::new_in(arena)
}

fn maps_live_in_it<const M: usize>() {
    let mut arena = Arena::<_, M>::new_in(Counting::new(Global));
    for _ in 0..3 {
        let (mut first, mut second) = (map(&arena), map(&arena));
        for n in 0..MANY as u64 {
            first.insert(n, n.to_string());
            second.insert(n / 2, n.to_string());
            if n % 3 == 0 {
                first.remove(&(n / 2));
            }
        }
        assert_eq!(second.len(), MANY.div_ceil(2));
        assert!(
            second
                .iter()
                .all(|(key, value)| value.parse() == Ok(2 * key + 1))
        );
        assert!(first.iter().all(|(key, value)| value.parse() == Ok(*key)));
        first.shrink_to_fit();
        drop((first, second));
        arena.reset();
    }
    assert_eq!(arena.usage().chunks, 1);
}

#[test]
fn maps() {
    maps_live_in_it::<1>();
    maps_live_in_it::<8>();
    maps_live_in_it::<64>();
}

#[test]
fn a_map_that_cannot_grow_stays() {
    let arena = Arena::new();
    let mut numbers = map(&arena);
    numbers.insert(1, "one".into());
    let scope = arena.scope();
    assert!(numbers.try_reserve(1000).is_err());
    assert_eq!(numbers[&1], "one");
    drop(scope);
    numbers.reserve(1000);
    assert_eq!(numbers[&1], "one");
}
