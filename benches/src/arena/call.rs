//! Single calls, each in a function of its own, for an instruction counter.
//!
//! An event's count includes its loop and the making of its values. Here a count is what the compiler
//! made of one call and nothing else: the arguments come in registers, and the answer goes out in
//! one. The counter is on in functions whose name begins with `measured`.

#![expect(unsafe_code, reason = "growing a block is an unsafe call")]

use std::{alloc::Layout, hint::black_box, ptr::NonNull};

use allocator_api2_02::alloc::Allocator;

use super::{
    bumper::{Bumper, Collections, Numbers, Rooms, Texts, TryNumbers, Values},
    floor::BumpFloor,
    ours::OurArena,
    rival::{Blinking, Bumpalo, ScopeDown8, ScopeUp8},
};
use crate::contender::exhausted;

/// The floor downwards, and upwards.
type Down = BumpFloor<false>;
type Up = BumpFloor<true>;

/// A call of one contender, again and again.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The call, as the budget names it.
    pub name: &'static str,
    /// The contender, as tables name it.
    pub contender: &'static str,
    /// Makes the call so many times.
    pub repeat: fn(u64),
}

/// Calls between two resets.
const BATCH: u64 = 500;
/// Bytes of a floor's chunk.
const CHUNK: usize = 1 << 15;

/// Calls `call` `times` times on an arena in which a batch fits one chunk. The value is taken back
/// after every batch.
#[inline(always)]
fn repeat<B: Numbers>(times: u64, mut call: impl FnMut(&B, u64)) {
    let mut arena = B::fresh(CHUNK);
    for _ in 0..3 {
        // Until what was several chunks at first is one, as large as a batch of anything.
        for number in 0..6 * BATCH {
            black_box(arena.number(number));
        }
        arena.reset();
    }
    for number in 0..times {
        call(black_box(&arena), number);
        if number % BATCH == BATCH - 1 {
            arena.reset();
        }
    }
}

fn alloc<B: Numbers>(times: u64) {
    #[inline(never)]
    fn measured_alloc<B: Numbers>(arena: &B, number: u64) -> NonNull<u64> {
        arena.number(number)
    }
    repeat::<B>(times, |arena, number| {
        black_box(measured_alloc(arena, number));
    });
}

/// A value of 24 bytes, which comes by its address.
fn alloc_large<B: Values>(times: u64) {
    #[inline(never)]
    fn measured_alloc_large<B: Values>(arena: &B, value: &[u64; 3]) -> NonNull<[u64; 3]> {
        arena.value(*value)
    }
    repeat::<B>(times, |arena, number| {
        black_box(measured_alloc_large(arena, black_box(&[number; 3])));
    });
}

fn try_alloc<B: TryNumbers + Numbers>(times: u64) {
    #[inline(never)]
    fn measured_try_alloc<B: TryNumbers>(arena: &B, number: u64) -> Option<NonNull<u64>> {
        arena.try_number(number)
    }
    repeat::<B>(times, |arena, number| {
        black_box(measured_try_alloc(arena, number));
    });
}

/// With the copy, which is the C library's where the contender has no copy of its own.
fn alloc_str<B: Texts + Numbers>(times: u64) {
    #[inline(never)]
    fn measured_alloc_str<B: Texts>(arena: &B, text: &str) -> NonNull<u8> {
        arena.text(text)
    }
    repeat::<B>(times, |arena, _| {
        black_box(measured_alloc_str(arena, black_box("seventeen letters")));
    });
}

fn alloc_layout<B: Rooms + Numbers>(times: u64) {
    #[inline(never)]
    fn measured_alloc_layout<B: Rooms>(arena: &B, layout: Layout) -> NonNull<u8> {
        arena.room(layout)
    }
    repeat::<B>(times, |arena, _| {
        black_box(measured_alloc_layout(
            arena,
            black_box(Layout::new::<[u64; 3]>()),
        ));
    });
}

/// The newest block, by 8 bytes.
fn grow<B: Collections + Numbers>(times: u64) {
    #[inline(never)]
    fn measured_grow<A: Allocator>(
        allocator: A,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<u8>> {
        // SAFETY: the caller's block, as large as it says; the new layout is larger.
        let block = unsafe { allocator.grow(block, old, new) };
        block.ok().map(NonNull::cast)
    }
    let (old, new) = (Layout::new::<u64>(), Layout::new::<[u64; 2]>());
    repeat::<B>(times, |arena, _| {
        let allocator = arena.allocator();
        let Ok(block) = allocator.allocate(black_box(old)) else {
            exhausted()
        };
        let block = block.cast();
        black_box(measured_grow(
            allocator,
            block,
            black_box(old),
            black_box(new),
        ));
    });
}

/// After three allocations, with one chunk.
fn reset<B: Numbers>(times: u64) {
    #[inline(never)]
    fn measured_reset<B: Bumper>(arena: &mut B) {
        arena.reset();
    }
    let mut arena = B::fresh(CHUNK);
    for _ in 0..times {
        for number in 0..3 {
            black_box(black_box(&arena).number(number));
        }
        measured_reset(&mut arena);
    }
}

/// Every contender of every call.
macro_rules! table {
    ($($name:literal $repeat:ident: $($contender:ty),+;)+) => {
        vec![$($(Call {
            name: $name,
            contender: <$contender as Bumper>::NAME,
            repeat: $repeat::<$contender>,
        }),+),+]
    };
}

/// All calls of all contenders.
#[must_use]
pub fn calls() -> Vec<Call> {
    table! {
        "call/alloc" alloc: Down, Up, OurArena, Bumpalo<8>, ScopeUp8, ScopeDown8, Blinking;
        "call/alloc-large" alloc_large: Down, Up, OurArena, Bumpalo<8>, ScopeUp8, ScopeDown8, Blinking;
        "call/try-alloc" try_alloc: Down, Up, OurArena, Bumpalo<8>, ScopeUp8, ScopeDown8, Blinking;
        "call/alloc-str" alloc_str: Down, Up, OurArena, Bumpalo<8>, ScopeUp8, ScopeDown8, Blinking;
        "call/alloc-layout" alloc_layout: Down, Up, OurArena, Bumpalo<8>, ScopeUp8, ScopeDown8, Blinking;
        "call/grow" grow: OurArena, Bumpalo<8>, ScopeUp8, ScopeDown8, Blinking;
        "call/reset" reset: Down, Up, OurArena, Bumpalo<8>, ScopeUp8, ScopeDown8, Blinking;
    }
}
