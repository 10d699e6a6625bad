//! An arena reserves no more than its limit, and gives back what it is told to.

use flagstone::AllocErrorKind;

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, WholeArena, each_arena},
    model::NaiveArena,
};

/// Beyond what was asked for: whole pages.
const PAGE: usize = 4096;

/// The limit is kept to, nearly all of it can be had, and it can be changed.
pub fn a_limit_is_kept<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        assert_eq!(arena.limit(), None);
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for limit in [3_000, 10_000, 100_000, 200_000] {
            arena.set_limit(Some(limit));
            assert_eq!(arena.limit(), Some(limit));
            let refused = loop {
                match arena.try_alloc([7_u8; 24]) {
                    Ok(place) => naive.placed(place),
                    Err(refused) => break refused,
                }
            };
            assert_eq!(refused.kind(), AllocErrorKind::LimitReached);
            assert_eq!(refused.into_inner(), [7; 24]);
            let usage = arena.usage();
            assert!(usage.reserved <= limit + usage.chunks * PAGE, "{usage:?}");
            assert!(
                usage.reserved + 500 + K::MIN_ALIGN * 4 > limit,
                "{usage:?} of {limit}"
            );
            adds_up(&arena);
        }
        arena.set_limit(None);
        assert_eq!(arena.limit(), None);
        naive.placed(arena.alloc_bytes(1_000_000));
        naive.check();
    });
}

/// A limit below what is reserved takes nothing away, and holds when some of it went back.
pub fn a_limit_below_what_is_there<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        arena.alloc_bytes(100_000);
        let reserved = arena.usage().reserved;
        arena.set_limit(Some(0));
        assert_eq!(arena.usage().reserved, reserved);
        assert!(arena.try_alloc_bytes(2 * reserved).is_err());
        arena.reset();
        assert_eq!(arena.alloc_bytes(50_000).len(), 50_000);
        assert_eq!(arena.usage().reserved, reserved);
        arena.reset();
        arena.shrink_to(0);
        assert_eq!((arena.usage().reserved, arena.usage().chunks), (0, 0));
        assert!(arena.try_alloc(1_u8).is_err());
    });
}

/// A limit that forbids the merge keeps the chunks.
pub fn a_limit_may_forbid_merging<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for n in 0..2000_u64 {
            arena.alloc([n; 4]);
        }
        let before = arena.usage();
        assert!(before.chunks > 1);
        arena.set_limit(Some(before.reserved));
        arena.reset();
        let after = arena.usage();
        assert_eq!(
            (after.reserved, after.chunks),
            (before.reserved, before.chunks)
        );
        for n in 0..2000_u64 {
            arena.alloc([n; 4]);
        }
        assert_eq!(arena.usage().reserved, before.reserved);
        adds_up(&arena);
    });
}

/// Memory goes back after a reset, as far as it is told to.
pub fn memory_goes_back<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for keep in [500_000, 100_000, 5_000, 1_008, 1_000, 1, 0] {
            for _ in 0..3 {
                arena.alloc_bytes(200_000);
            }
            arena.reset();
            arena.shrink_to(keep);
            let usage = arena.usage();
            assert!(
                usage.reserved <= keep.next_multiple_of(PAGE),
                "{usage:?} of {keep}"
            );
            assert!(usage.chunks <= 1);
            assert_eq!(usage.chunks, arena.provider().live());
            adds_up(&arena);
            assert_eq!(*arena.alloc(keep), keep);
        }
    });
}

/// What is in use stays, whatever is to go back.
pub fn what_is_used_stays<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        for n in 0..500_u64 {
            naive.placed(arena.alloc([n; 4]));
        }
        arena.shrink_to(0);
        assert!(arena.usage().allocated >= naive.bytes());
        naive.check();
        for n in 0..500_u64 {
            naive.placed(arena.alloc([n; 4]));
        }
        adds_up(&arena);
        naive.check();
    });
}
