//! The workloads of arenas, written once for every contender.
//!
//! Every place that is handed out is shown to the optimiser, which must then believe that what lies
//! there is read and that the arena may have changed. A batch ends with a reset, so that everybody
//! writes to the same few kilobytes again and again.

use std::{
    alloc::Layout,
    hint::black_box,
    marker::PhantomData,
    time::{Duration, Instant},
};

use allocator_api2_02::{alloc::Allocator, vec::Vec as VecIn};

use super::bumper::{Collections, Numbers, Rooms, Texts, Values};
use crate::{lane::Body, plan::Plan};

/// Bytes of a floor's chunk in the events whose batches fit the first-level cache.
const SMALL: usize = 1 << 15;

/// Batches until what was several chunks at first is one. An instruction counter would count what
/// `malloc` does otherwise, which is not the same each time.
const SETTLING: u64 = 4;

/// Allocates numbers. An operation is one number.
pub(crate) struct NumbersBody<B>(B);

/// Numbers of a batch.
const NUMBERS: u64 = 1024;

impl<B: Numbers> NumbersBody<B> {
    pub(crate) fn new() -> Self {
        let mut body = Self(B::fresh(SMALL));
        body.run(SETTLING * NUMBERS);
        body
    }
}

impl<B: Numbers> Body for NumbersBody<B> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops / NUMBERS {
            let arena = black_box(&self.0);
            for number in 0..NUMBERS {
                black_box(arena.number(number));
            }
            self.0.reset();
        }
    }

    fn step(&self) -> u64 {
        NUMBERS
    }
}

/// Allocates values of ten sizes from 1 to 40 bytes, in turn. An operation is one value.
///
/// The ten of them take 200 bytes where sizes are rounded up to 8: not whole cache lines, or it would
/// depend on where a chunk begins how many values lie in two of them.
pub(crate) struct ValuesBody<B>(B);

/// Values of a batch: ten of each size, a hundred times.
const VALUES: u64 = 1000;

impl<B: Values> ValuesBody<B> {
    pub(crate) fn new() -> Self {
        let mut body = Self(B::fresh(SMALL));
        body.run(SETTLING * VALUES);
        body
    }
}

impl<B: Values> Body for ValuesBody<B> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops / VALUES {
            let arena = black_box(&self.0);
            for seed in 0..VALUES / 10 {
                black_box(arena.value(seed));
                black_box(arena.value(seed as u8));
                black_box(arena.value([seed; 4]));
                black_box(arena.value(seed as u32));
                black_box(arena.value([seed as u8; 13]));
                black_box(arena.value([seed; 2]));
                black_box(arena.value([seed as u16; 5]));
                black_box(arena.value([seed; 5]));
                black_box(arena.value([seed as u32; 5]));
                black_box(arena.value([seed as u8; 27]));
            }
            self.0.reset();
        }
    }

    fn step(&self) -> u64 {
        VALUES
    }
}

/// Strings of 5 to 60 bytes, and the order in which they are taken.
struct Words {
    words: Vec<&'static str>,
    plan: Plan<u16>,
    at: usize,
}

/// Different strings.
const WORDS: u64 = 256;

/// What words are cut from.
const TEXT: &str = "It was the best of times for those who placed their values one behind another, \
                    and the worst of times for those who walked a list of holes before each of them.";

impl Words {
    fn new() -> Self {
        let lengths = Plan::<u16>::new(56);
        let starts = Plan::<u16>::new(TEXT.len() as u64 - 60);
        let word = |at| {
            let start = usize::from(starts.step(at));
            &TEXT[start..][..usize::from(lengths.step(at)) + 5]
        };
        Self {
            words: (0..WORDS as usize).map(word).collect(),
            plan: Plan::new(WORDS),
            at: 0,
        }
    }

    #[inline(always)]
    fn next(&mut self) -> &'static str {
        self.at += 1;
        self.words[usize::from(self.plan.step(self.at))]
    }
}

/// Copies strings. An operation is one string.
pub(crate) struct TextsBody<B> {
    arena: B,
    words: Words,
}

/// Strings of a batch.
const TEXTS: u64 = 256;

impl<B: Texts> TextsBody<B> {
    pub(crate) fn new() -> Self {
        Self {
            arena: B::fresh(SMALL),
            words: Words::new(),
        }
    }
}

impl<B: Texts> Body for TextsBody<B> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops / TEXTS {
            let arena = black_box(&self.arena);
            for _ in 0..TEXTS {
                black_box(arena.text(self.words.next()));
            }
            self.arena.reset();
        }
    }

    fn step(&self) -> u64 {
        TEXTS
    }
}

/// Two hundred allocations of a request: numbers, structures, strings.
#[inline(always)]
fn request(arena: &(impl Values + Texts), words: &mut Words) {
    let arena = black_box(arena);
    for seed in 0..40_u64 {
        black_box(arena.value(seed));
        black_box(arena.value([seed; 3]));
        black_box(arena.text(words.next()));
        black_box(arena.value(seed as u32));
        black_box(arena.value([seed; 6]));
    }
}

/// Bytes that a request takes at most.
const REQUEST: usize = 40 * (8 + 24 + 64 + 8 + 48);

/// Requests one after the other. An operation is one request, with an arena of its own (`FRESH`) or
/// with one that is reset.
pub(crate) struct Requests<B, const FRESH: bool> {
    arena: B,
    words: Words,
}

impl<B: Values + Texts, const FRESH: bool> Requests<B, FRESH> {
    pub(crate) fn new() -> Self {
        Self {
            arena: B::fresh(REQUEST),
            words: Words::new(),
        }
    }
}

impl<B: Values + Texts, const FRESH: bool> Body for Requests<B, FRESH> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            if FRESH {
                let arena = B::fresh(REQUEST);
                request(&arena, &mut self.words);
                drop(arena);
            } else {
                request(&self.arena, &mut self.words);
                self.arena.reset();
            }
        }
    }

    fn warm_up(&self) -> u64 {
        8
    }
}

/// A vector of `count` numbers. By itself, so that the loop has all registers.
#[inline(never)]
fn pushed<A: Allocator>(allocator: A, count: u64) -> VecIn<u64, A> {
    let mut numbers = VecIn::new_in(allocator);
    for number in 0..count {
        numbers.push(number);
    }
    black_box(numbers.as_mut_ptr());
    numbers
}

/// The same, with room for one more number each time.
#[inline(never)]
fn pushed_one_by_one<A: Allocator>(allocator: A, count: u64) -> VecIn<u64, A> {
    let mut numbers = VecIn::new_in(allocator);
    for number in 0..count {
        numbers.reserve_exact(1);
        numbers.push(number);
    }
    black_box(numbers.as_mut_ptr());
    numbers
}

/// The same on the vector of the standard library.
#[inline(never)]
fn pushed_to_standard(count: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    for number in 0..count {
        numbers.push(number);
    }
    black_box(numbers.as_mut_ptr());
    numbers
}

/// Pushes numbers to a vector that starts empty, and drops it. An operation is one number.
pub(crate) struct Push<B> {
    arena: B,
    count: u64,
}

impl<B: Collections> Push<B> {
    pub(crate) fn new(count: u64) -> Self {
        Self {
            arena: B::fresh(0),
            count,
        }
    }
}

impl<B: Collections> Body for Push<B> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops / self.count {
            let arena = black_box(&self.arena);
            drop(pushed(arena.allocator(), self.count));
            self.arena.reset();
        }
    }

    fn step(&self) -> u64 {
        self.count
    }
}

/// The same on the vector of the standard library.
pub(crate) struct StandardPush {
    count: u64,
}

impl StandardPush {
    pub(crate) fn new(count: u64) -> Self {
        Self { count }
    }
}

impl Body for StandardPush {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops / self.count {
            drop(pushed_to_standard(self.count));
        }
    }

    fn step(&self) -> u64 {
        self.count
    }
}

/// Reserves room for exactly one number more before each push. An operation is one number.
pub(crate) struct ReserveOne<B> {
    arena: B,
    count: u64,
}

impl<B: Collections> ReserveOne<B> {
    pub(crate) fn new(count: u64) -> Self {
        Self {
            arena: B::fresh(0),
            count,
        }
    }
}

impl<B: Collections> Body for ReserveOne<B> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops / self.count {
            let arena = black_box(&self.arena);
            drop(pushed_one_by_one(arena.allocator(), self.count));
            self.arena.reset();
        }
    }

    fn step(&self) -> u64 {
        self.count
    }
}

/// Arenas that are reset one after the other under one reading of the clock.
const RESET: u64 = 8;

/// Resets arenas that have so many numbers each; the clock runs for the resets alone. An operation
/// is one reset.
pub(crate) struct Resets<B> {
    arenas: Vec<B>,
    count: u64,
}

impl<B: Numbers> Resets<B> {
    pub(crate) fn new(count: u64) -> Self {
        let arena = |_| B::fresh(8 * count as usize + 64);
        let mut body = Self {
            arenas: (0..RESET).map(arena).collect(),
            count,
        };
        // Until what was several chunks at first is one.
        body.run(3 * RESET);
        body
    }
}

impl<B: Numbers> Body for Resets<B> {
    fn run(&mut self, ops: u64) {
        self.timed(ops);
    }

    fn timed(&mut self, ops: u64) -> Duration {
        let mut time = Duration::ZERO;
        for _ in 0..ops / RESET {
            for arena in &self.arenas {
                let arena = black_box(arena);
                for number in 0..self.count {
                    black_box(arena.number(number));
                }
            }
            // What was just written must not be in the way of what is measured.
            for arena in &self.arenas {
                black_box(arena.number(0));
            }
            let start = Instant::now();
            for arena in &mut self.arenas {
                black_box(&mut *arena).reset();
            }
            time += start.elapsed();
        }
        time
    }

    fn step(&self) -> u64 {
        RESET
    }

    fn most(&self) -> u64 {
        // As many as are filled in a few milliseconds.
        RESET * (1_000_000 / self.count).clamp(1, 1000)
    }
}

/// Values of 64 bytes that are allocated in a row.
const ALLOCATED: u64 = 1000;

/// Allocates values of 64 bytes; the clock stands still while they are freed. An operation is one
/// value.
pub(crate) struct Allocate<B>(B);

impl<B: Values> Allocate<B> {
    pub(crate) fn new() -> Self {
        Self(B::fresh(ALLOCATED as usize * 64))
    }
}

impl<B: Values> Body for Allocate<B> {
    fn run(&mut self, ops: u64) {
        self.timed(ops);
    }

    fn timed(&mut self, ops: u64) -> Duration {
        let mut time = Duration::ZERO;
        for _ in 0..ops / ALLOCATED {
            let arena = black_box(&self.0);
            let start = Instant::now();
            for seed in 0..ALLOCATED {
                black_box(arena.value([seed; 8]));
            }
            time += start.elapsed();
            self.0.reset();
        }
        time
    }

    fn step(&self) -> u64 {
        ALLOCATED
    }
}

/// In an arena of its own, large blocks among small values. An operation is all of it.
pub(crate) struct Oversize<B> {
    blocks: [Layout; 8],
    made: PhantomData<B>,
}

impl<B: Values + Rooms> Oversize<B> {
    pub(crate) fn new() -> Self {
        Self {
            blocks: [
                Layout::new::<[u8; 100]>(),
                Layout::new::<[u8; 20_000]>(),
                Layout::new::<[u8; 300]>(),
                Layout::new::<[u8; 50_000]>(),
                Layout::new::<[u8; 1_000]>(),
                Layout::new::<[u8; 100_000]>(),
                Layout::new::<[u8; 10]>(),
                Layout::new::<[u8; 30_000]>(),
            ],
            made: PhantomData,
        }
    }
}

impl<B: Values + Rooms> Body for Oversize<B> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            let owned = B::fresh(0);
            let arena = black_box(&owned);
            for layout in self.blocks {
                for seed in 0..50_u64 {
                    black_box(arena.value([seed; 3]));
                }
                black_box(arena.room(black_box(layout)));
            }
            drop(owned);
        }
    }
}
