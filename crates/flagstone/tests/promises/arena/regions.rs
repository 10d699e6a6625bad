//! Lent bytes and static memory are an arena without an allocator.

use std::mem::MaybeUninit;

use flagstone::{
    AllocErrorKind, Arena,
    provider::{ByteRegion, StaticRegion},
};
use flagstone_testkit::{heap_watch, model::NaiveArena};

/// Nearly all of the bytes can be had, wherever they begin, and none of it is the heap's.
#[test]
fn lent_bytes() {
    let mut memory = [MaybeUninit::uninit(); 1100];
    let mut naive = NaiveArena::new(8);
    for from in 0..40 {
        for len in [0, 1, 40, 48, 64, 65, 100, 1000] {
            let memory = &mut memory[from..from + len];
            let mut served = 0;
            let calls = heap_watch::calls_during(|| {
                let mut arena = Arena::from_bytes(memory);
                for _ in 0..2 {
                    served = 0;
                    while arena.try_alloc(7_u64).is_ok() {
                        served += 1;
                    }
                    assert_eq!(arena.usage().available, 0);
                    arena.reset();
                }
            });
            assert_eq!(calls, 0);
            // A header, and what is lost at both ends.
            assert!(
                served * 8 + 48 + 32 + 8 > len,
                "{served} of {len} at {from}"
            );
            assert!(served * 8 <= len);
        }
    }
    let arena = Arena::from_bytes(&mut memory);
    while let Ok(place) = arena.try_alloc([1_u8; 5]) {
        naive.placed(place);
    }
    naive.check();
    let refused = arena.try_alloc(1_u64).expect_err("it is full");
    assert_eq!(refused.kind(), AllocErrorKind::OutOfMemory);
}

/// The bytes outlive the arena, and what it hands out does not.
#[test]
fn bytes_are_lent_again() {
    let mut memory = [MaybeUninit::uninit(); 512];
    for round in 0..3_u8 {
        let arena = Arena::from_bytes(&mut memory);
        let scope = arena.scope();
        assert!(scope.alloc_bytes(300).iter().all(|&byte| byte == 0));
        scope.alloc_bytes(50).fill(round);
    }
}

/// A static region serves several arenas, and takes everything back.
#[test]
fn static_memory() {
    static MEMORY: StaticRegion<{ 64 * 1024 }> = StaticRegion::new();
    for _ in 0..3 {
        let (mut first, second) = (Arena::<_>::new_in(&MEMORY), Arena::<_>::new_in(&MEMORY));
        let mut naive = NaiveArena::new(8);
        for n in 0..200_u64 {
            naive.placed(first.alloc([n; 9]));
            naive.placed(second.alloc([n; 9]));
        }
        naive.check();
        while first.try_alloc([0_u8; 40]).is_ok() {}
        let refused = second.try_alloc([0_u8; 20_000]).map(drop);
        assert!(refused.is_err(), "there is as much as there is");
        first.reset();
        first.shrink_to(0);
        assert!(second.try_alloc([0_u8; 20_000]).is_ok(), "it went back");
    }
    let whole = Arena::<_>::with_capacity_in(60 * 1024, &MEMORY);
    assert!(whole.is_ok(), "everything went back");
}

/// A region that is lent to an arena by reference serves others as well.
#[test]
fn a_shared_region() {
    let mut memory = [MaybeUninit::uninit(); 8192];
    let region = ByteRegion::new(&mut memory);
    let (first, second) = (Arena::<_>::new_in(&region), Arena::<_>::new_in(&region));
    let (a, b) = (first.alloc([1_u8; 500]), second.alloc([2_u8; 500]));
    assert_eq!((*a, *b), ([1; 500], [2; 500]));
}
