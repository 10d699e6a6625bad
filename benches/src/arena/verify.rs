//! Every arena gives room that nobody else has, and keeps what lies in it until it is reset.

use std::{alloc::Layout, ptr::NonNull};

use super::{
    bumper::{Bumper, Collections, Numbers, Rooms, Texts, Values},
    floor::BumpFloor,
    ours::{ArenaPerThread, OurArena, OurLock, OurSync},
    rival::{
        AegisArena, Blinking, Bumpalo, BumpaloHerd, ScopeDown, ScopeDown8, ScopeUp, ScopeUp8,
        SyncBlinking, SystemBoxes, SystemVec, TypedNumbers, TypedTexts,
    },
};
use crate::{contender::exhausted, verify::serves_threads};

/// Bytes of a floor's chunk.
const CHUNK: usize = 1 << 20;

/// The places of a cycle: where, and how many bytes of which value.
#[derive(Default)]
struct Places(Vec<(NonNull<u8>, usize, u8)>);

impl Places {
    fn add(&mut self, place: NonNull<u8>, len: usize, byte: u8) {
        self.0.push((place, len, byte));
    }

    /// No two overlap, and all hold what was put there.
    #[expect(unsafe_code, reason = "reads what contenders placed")]
    fn check(mut self, name: &str) {
        self.0.sort_unstable_by_key(|&(place, ..)| place);
        for pair in self.0.windows(2) {
            let [(one, len, _), (other, ..)] = pair else {
                continue;
            };
            let end = one.as_ptr().addr() + len;
            assert!(
                end <= other.as_ptr().addr(),
                "{name} handed out a byte twice"
            );
        }
        for (place, len, byte) in self.0 {
            for at in 0..len {
                // SAFETY: written by the arena, which is not reset before this check.
                let found = unsafe { place.add(at).read() };
                assert_eq!(found, byte, "{name} lost what was placed in it");
            }
        }
    }
}

/// Some cycles of `fill`, each checked before its reset.
fn cycles<B: Bumper>(mut fill: impl FnMut(&B, &mut Places)) {
    let mut arena = B::fresh(CHUNK);
    for _ in 0..3 {
        let mut places = Places::default();
        fill(&arena, &mut places);
        places.check(B::NAME);
        arena.reset();
    }
}

fn keeps_numbers<B: Numbers>() {
    cycles::<B>(|arena, places| {
        for n in 0..5000_u64 {
            let byte = n as u8;
            let place = arena.number(u64::from_ne_bytes([byte; 8]));
            assert!(place.is_aligned(), "{} misaligned a number", B::NAME);
            places.add(place.cast(), 8, byte);
        }
    });
}

fn keeps_values<B: Values>() {
    cycles::<B>(|arena, places| {
        for n in 0..500_u64 {
            let byte = n as u8;
            places.add(arena.value(byte), 1, byte);
            places.add(arena.value([byte; 27]).cast(), 27, byte);
            places.add(arena.value(u32::from_ne_bytes([byte; 4])).cast(), 4, byte);
            let word = u64::from_ne_bytes([byte; 8]);
            places.add(arena.value([word; 5]).cast(), 40, byte);
        }
    });
}

fn keeps_texts<B: Texts>() {
    cycles::<B>(|arena, places| {
        for n in 0..2000_usize {
            let letter = b'a' + (n % 26) as u8;
            let text = char::from(letter).to_string().repeat(n % 60 + 1);
            places.add(arena.text(&text), text.len(), letter);
        }
    });
}

#[expect(unsafe_code, reason = "writes to room")]
fn gives_room<B: Rooms>() {
    cycles::<B>(|arena, places| {
        for n in 0..500_usize {
            let layout = Layout::array::<u8>(n + 1).unwrap_or_else(|_| exhausted());
            let room = arena.room(layout);
            // SAFETY: room for as many bytes.
            unsafe { room.write_bytes(n as u8, n + 1) };
            places.add(room, n + 1, n as u8);
        }
    });
}

fn holds_collections<B: Collections>() {
    let mut arena = B::fresh(CHUNK);
    for _ in 0..3 {
        let mut one = allocator_api2_02::vec::Vec::new_in(arena.allocator());
        let mut other = allocator_api2_02::vec::Vec::new_in(arena.allocator());
        for n in 0..5000_u64 {
            one.push(n);
            other.push(!n);
        }
        assert!(one.iter().zip(&other).all(|(one, other)| *one == !other));
        assert!(one.into_iter().eq(0..5000), "{} lost a vector", B::NAME);
        drop(other);
        arena.reset();
    }
}

macro_rules! each {
    ($check:ident: $($contender:ty),+ $(,)?) => { $( $check::<$contender>(); )+ };
}

type Down = BumpFloor<false>;
type Up = BumpFloor<true>;

#[test]
fn arenas_keep_numbers() {
    each!(keeps_numbers:
        Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
        Blinking, TypedNumbers, AegisArena, SystemBoxes,
    );
}

#[test]
fn arenas_keep_values() {
    each!(keeps_values:
        Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
        Blinking, AegisArena, SystemBoxes,
    );
}

#[test]
fn arenas_keep_texts() {
    each!(keeps_texts:
        Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
        Blinking, TypedTexts, AegisArena, SystemBoxes,
    );
}

#[test]
fn arenas_give_room() {
    each!(gives_room:
        Down, Up, OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8,
        Blinking, AegisArena, SystemBoxes,
    );
}

#[test]
fn arenas_hold_collections() {
    each!(holds_collections:
        OurArena, Bumpalo<1>, Bumpalo<8>, ScopeUp, ScopeUp8, ScopeDown, ScopeDown8, Blinking,
        SystemVec,
    );
}

#[test]
fn shared_arenas_serve_threads() {
    each!(serves_threads:
        ArenaPerThread, OurLock, OurSync<false>, OurSync<true>, BumpaloHerd<false>, BumpaloHerd<true>,
        SyncBlinking<false>, SyncBlinking<true>,
    );
}
