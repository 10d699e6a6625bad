//! A provider may refuse, lie and panic: what was placed stays, the rest is refused with a reason,
//! and the arena serves on.

use std::alloc::Layout;

use flagstone::{AllocErrorKind, provider::Provider};

use super::adds_up;
use crate::{
    conformance::{ArenaDoors, ArenaKind, TestProvider, WholeArena, each_arena},
    fuse::{Fuse, blows},
    model::NaiveArena,
    provider::{Lie, Lying, Reentrant},
    value::Census,
};

/// Several chunks of small values.
const MANY: usize = if cfg!(miri) { 100 } else { 1500 };

/// Places numbers; how many were refused, each with its value.
fn fill<A: WholeArena<Provider = P>, P: Provider>(arena: &A, naive: &mut NaiveArena) -> usize {
    let mut refusals = 0;
    for n in 0..MANY {
        match arena.try_alloc([n; 4]) {
            Ok(place) => {
                assert_eq!(*place, [n; 4]);
                naive.placed(place);
            }
            Err(error) => {
                refusals += 1;
                assert_eq!(error.kind(), AllocErrorKind::OutOfMemory);
                assert_eq!(error.into_inner(), [n; 4]);
            }
        }
    }
    adds_up(arena);
    naive.check();
    refusals
}

/// Whichever request is refused, a smaller chunk is as good; so values are refused only when nothing
/// is granted.
pub fn a_refusal_at_any_request<K: ArenaKind>() {
    for nth in 1..8 {
        each_arena::<K>(|mut arena| {
            let mut naive = NaiveArena::new(K::MIN_ALIGN);
            arena.provider().inner().refuse(nth);
            assert_eq!(fill(&arena, &mut naive), 0);
            naive.clear();
            arena.provider().inner().refuse(1);
            arena.reset();
            assert_eq!(arena.usage().allocated, 0);
            assert_eq!(fill(&arena, &mut naive), 0);
        });
    }
}

/// Memory that is out for good leaves what there is; when there is some again the arena grows.
pub fn memory_that_is_out<K: ArenaKind>() {
    for granted in 0..6 {
        each_arena::<K>(|arena| {
            let mut naive = NaiveArena::new(K::MIN_ALIGN);
            while arena.provider().requests() < granted {
                naive.placed(arena.alloc(1_u64));
            }
            arena.provider().inner().refuse_all();
            let refusals = fill(&arena, &mut naive);
            assert!(refusals > 0 || granted > 3, "more than was granted");
            let calls = (0..2).map(|_| arena.try_alloc([0_u64; 1000]).is_err());
            assert!(calls.into_iter().all(|refused| refused) || refusals == 0);
            arena.provider().inner().relent();
            assert_eq!(fill(&arena, &mut naive), 0);
        });
    }
}

/// Chunks that are too large for the provider are had in smaller sizes.
pub fn smaller_chunks_will_do<K: ArenaKind>() {
    each_arena::<K>(|arena| {
        arena.provider().inner().refuse_above(20_000);
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        assert_eq!(fill(&arena, &mut naive), 0);
        let chunks = arena.usage().chunks;
        assert!(chunks >= MANY * 4 * size_of::<usize>() / 20_000);
        let refused = arena
            .try_alloc([7_u8; 20_000])
            .expect_err("too large for any chunk");
        assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
        assert_eq!(refused.into_inner(), [7; 20_000]);
        naive.placed(arena.alloc([1_u8; 15_000]));
        adds_up(&arena);
        naive.check();
    });
}

/// A short or misaligned chunk is given back and not used, at whichever request.
pub fn a_wrong_answer<K: ArenaKind>() {
    for lie in [Lie::Short, Lie::Misaligned] {
        for nth in 1..10 {
            // It fails at its end if the wrong chunk was not given back.
            let arena = K::build(Lying::at(nth, lie));
            let mut naive = NaiveArena::new(K::MIN_ALIGN);
            assert_eq!(fill(&arena, &mut naive), 0, "a smaller chunk is asked for");
        }
        // When no smaller chunk would do, the answer is an error.
        let arena = K::build(Lying::at(1, lie));
        let refused = arena.try_alloc_bytes(5000).expect_err("the chunk is wrong");
        assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
        assert_eq!((arena.usage().reserved, arena.usage().chunks), (0, 0));
        assert_eq!(arena.alloc_bytes(5000).len(), 5000);
    }
}

/// A provider that panics leaves the arena as it was, at whichever request.
pub fn a_provider_that_panics<K: ArenaKind>() {
    for nth in 1..8 {
        let mut arena = K::build(Reentrant::default());
        let fuse = Fuse::at(nth);
        let ticks = fuse.clone();
        arena.provider().call(move |_| ticks.tick());
        let mut naive = NaiveArena::new(K::MIN_ALIGN);
        let mut placed = 0_u64;
        while fuse.is_set() {
            let before = arena.usage();
            let blown = blows(|| naive.placed(arena.alloc([placed; 9])));
            assert_eq!(blown, !fuse.is_set());
            placed += 1;
            if blown {
                assert_eq!(
                    arena.usage().reserved,
                    before.reserved,
                    "counted, and not had"
                );
                assert_eq!(arena.usage().chunks, before.chunks);
            }
        }
        adds_up(&arena);
        assert_eq!(fill(&arena, &mut naive), 0);
        naive.clear();
        // And while chunks are merged: they stay.
        let before = arena.usage();
        let census = Census::default();
        arena.alloc_drop(census.tracked::<()>());
        arena.provider().call(|_| crate::fuse::blow());
        assert!(blows(|| arena.reset()));
        arena.provider().hush();
        let after = arena.usage();
        assert_eq!((after.allocated, census.live()), (0, 0));
        assert!(after.chunks >= before.chunks);
        adds_up(&arena);
        assert_eq!(fill(&arena, &mut naive), 0);
    }
}

/// When chunks cannot be merged they are kept, and serve the next cycle without another.
pub fn a_failing_merge_keeps_the_chunks<K: ArenaKind>() {
    each_arena::<K>(|mut arena| {
        for round in 0..4 {
            let mut naive = NaiveArena::new(K::MIN_ALIGN);
            assert_eq!(fill(&arena, &mut naive), 0);
            naive.placed(arena.alloc_bytes(200_000));
            let before = arena.usage();
            let requests = arena.provider().requests();
            arena.provider().inner().refuse_all();
            naive.clear();
            arena.reset();
            let after = arena.usage();
            assert_eq!((after.reserved, after.allocated), (before.reserved, 0));
            assert_eq!(after.chunks, before.chunks);
            adds_up(&arena);
            // Still nothing is granted.
            assert_eq!(fill(&arena, &mut naive), 0, "round {round}");
            if K::FINDS_SPARE_CHUNKS {
                let again = arena.try_alloc_bytes(200_000);
                naive.placed(again.expect("its chunk is there"));
            }
            assert_eq!(arena.provider().requests(), requests);
            naive.clear();
            arena.provider().inner().relent();
            arena.reset();
            assert_eq!(arena.usage().chunks, 1);
        }
    });
}

/// Requests that no memory holds are refused, whatever their alignment, and nothing changes.
pub fn absurd_sizes<K: ArenaKind>() {
    fn refuse<A: WholeArena<Provider = TestProvider>>(arena: &A) {
        let before = arena.usage();
        let most = isize::MAX as usize;
        for shift in [0, 1, 3, 4, 6, 12, 16, 20, 40] {
            let align = 1_usize.checked_shl(shift).unwrap_or(1);
            for less in [0, 1, 7, 8, 15, 16, 100, 4095, 4096, 10_000] {
                let size = (most - (align - 1)) - less;
                let layout = Layout::from_size_align(size, align).expect("the largest there are");
                let refused = arena
                    .try_alloc_layout(layout)
                    .expect_err("no memory holds it");
                assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
            }
        }
        for len in [
            most - 4096,
            most - 1,
            most,
            most + 1,
            usize::MAX - 1,
            usize::MAX,
        ] {
            assert!(arena.try_alloc_bytes(len).is_err());
            let never = |_| -> u64 { unreachable!("there is no room for it") };
            assert!(arena.try_alloc_slice_fill_with(len, never).is_err());
            assert!(arena.try_alloc_slice_fill_with(len / 8, never).is_err());
        }
        assert_eq!(arena.usage(), before);
    }
    each_arena::<K>(|arena| {
        refuse(&arena);
        arena.alloc(1_u8);
        refuse(&arena);
        arena.scoped(&mut |scope| refuse(scope));
        assert_eq!(*arena.alloc(2), 2);
    });
}
