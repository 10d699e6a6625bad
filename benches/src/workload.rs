//! The workloads, written once for every contender: the clock and the instruction counter run the
//! same bodies.

use std::{hint::black_box, marker::PhantomData, mem};

use crate::{
    contender::Contender,
    finder::Finder,
    lane::Body,
    payload::Payload,
    plan::{PLAN_STEPS, Plan},
};

/// Values that go out and come back together.
const BATCH: u64 = 64;

/// Stores a value and frees it at once: the same slot again and again.
pub(crate) struct Hot<'p, C: Contender> {
    pool: &'p C,
    seed: u64,
    /// Values that stay, where the workload wants some.
    _pins: Vec<C::Handle<'p>>,
}

impl<'p, C: Contender> Hot<'p, C> {
    pub(crate) fn new(pool: &'p C) -> Self {
        Self::beside(pool, Vec::new())
    }

    /// Beside values that stay where they are.
    pub(crate) fn beside(pool: &'p C, pins: Vec<C::Handle<'p>>) -> Self {
        Self {
            pool,
            seed: 0,
            _pins: pins,
        }
    }
}

impl<C: Contender> Body for Hot<'_, C> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            self.seed = self.seed.wrapping_add(1);
            let handle = self.pool.alloc(C::Value::of(self.seed));
            self.pool.witness(&handle);
            self.pool.free(handle);
        }
    }
}

/// Puts a new value in the place of one of many: `live[i] = pool.alloc(value)`.
///
/// The new value is stored before the old one goes, as that assignment does it.
pub(crate) struct Replace<'p, C: Contender> {
    pool: &'p C,
    live: Vec<C::Handle<'p>>,
    plan: Plan<u16>,
    at: usize,
    _pins: Vec<C::Handle<'p>>,
}

impl<'p, C: Contender> Replace<'p, C> {
    /// Among `count` values, stored one after the other and then mixed by the workload itself.
    pub(crate) fn new(pool: &'p C, count: u64) -> Self {
        let live = (0..count)
            .map(|seed| pool.alloc(C::Value::of(seed)))
            .collect();
        Self::among(pool, live, Vec::new())
    }

    /// Among values that are there already, beside others that stay.
    pub(crate) fn among(pool: &'p C, live: Vec<C::Handle<'p>>, pins: Vec<C::Handle<'p>>) -> Self {
        let plan = Plan::new(live.len() as u64);
        let mut body = Self {
            pool,
            live,
            plan,
            at: 0,
            _pins: pins,
        };
        body.run(body.warm_up());
        body
    }
}

impl<C: Contender> Body for Replace<'_, C> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            let position = usize::from(self.plan.step(self.at));
            self.at += 1;
            let new = self.pool.alloc(C::Value::of(self.at as u64));
            self.pool.witness(&new);
            let old = mem::replace(&mut self.live[position], new);
            self.pool.free(old);
        }
    }

    fn warm_up(&self) -> u64 {
        // Random positions miss one in e^4 of the values.
        4 * self.live.len() as u64
    }
}

/// Stores a batch, then frees it, first stored first freed. An operation is one value.
pub(crate) struct Batch<'p, C: Contender> {
    pool: &'p C,
    batch: Vec<C::Handle<'p>>,
}

impl<'p, C: Contender> Batch<'p, C> {
    pub(crate) fn new(pool: &'p C) -> Self {
        Self {
            pool,
            batch: Vec::with_capacity(BATCH as usize),
        }
    }
}

impl<C: Contender> Body for Batch<'_, C> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops / BATCH {
            for seed in 0..BATCH {
                let handle = self.pool.alloc(C::Value::of(seed));
                self.pool.witness(&handle);
                self.batch.push(handle);
            }
            for handle in self.batch.drain(..) {
                self.pool.free(handle);
            }
        }
    }

    fn step(&self) -> u64 {
        BATCH
    }
}

/// Adds up one word of each of many values, in the order in which they were stored.
pub(crate) struct Sum<'p, C: Contender> {
    pool: &'p C,
    live: Vec<C::Handle<'p>>,
    at: usize,
}

impl<'p, C: Contender> Sum<'p, C> {
    pub(crate) fn new(pool: &'p C, count: u64) -> Self {
        Self {
            pool,
            live: (0..count)
                .map(|seed| pool.alloc(C::Value::of(seed)))
                .collect(),
            at: 0,
        }
    }

    /// Adds up the next values, at most `ops`, and says how many there were.
    fn stretch(&mut self, ops: u64) -> u64 {
        let rest = &self.live[self.at..];
        let stretch = &rest[..rest.len().min(ops as usize)];
        let words = stretch
            .iter()
            .map(|handle| self.pool.get(handle).first_word());
        black_box(words.fold(0, u64::wrapping_add));
        self.at += stretch.len();
        stretch.len() as u64
    }
}

impl<C: Contender> Body for Sum<'_, C> {
    fn run(&mut self, ops: u64) {
        let mut left = ops;
        while left > 0 {
            left -= self.stretch(left);
            if self.at == self.live.len() {
                self.at = 0;
            }
        }
    }

    fn warm_up(&self) -> u64 {
        self.live.len() as u64
    }
}

/// Makes an empty pool and drops it.
pub(crate) struct Construct<C> {
    capacity: usize,
    made: PhantomData<C>,
}

impl<C: Contender> Construct<C> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            made: PhantomData,
        }
    }
}

impl<C: Contender> Body for Construct<C> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            drop(black_box(C::with_capacity(self.capacity)));
        }
    }
}

/// Frees one number of a full index structure, anywhere, and finds it again.
pub(crate) struct Find<F> {
    finder: F,
    plan: Plan<u32>,
    at: usize,
}

impl<F: Finder> Find<F> {
    pub(crate) fn new(capacity: usize) -> Self {
        let mut finder = F::with_capacity(capacity);
        for _ in 0..capacity {
            finder.take();
        }
        Self {
            finder,
            plan: Plan::new(capacity as u64),
            at: 0,
        }
    }
}

impl<F: Finder> Body for Find<F> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            self.finder.give(self.plan.step(self.at) as usize);
            self.at += 1;
            black_box(self.finder.take());
        }
    }

    fn warm_up(&self) -> u64 {
        PLAN_STEPS as u64
    }
}

/// Fills `slabs` slabs and empties them again but for two values each: returns one that stays per
/// slab, and one per slab to work on.
pub(crate) fn spread<C: Contender>(
    pool: &C,
    slabs: usize,
) -> (Vec<C::Handle<'_>>, Vec<C::Handle<'_>>) {
    let per_slab = C::slots_per_slab();
    let filled: Vec<_> = (0..slabs * per_slab)
        .map(|seed| pool.alloc(C::Value::of(seed as u64)))
        .collect();
    let (mut pins, mut live) = (Vec::with_capacity(slabs), Vec::with_capacity(slabs));
    for (position, handle) in filled.into_iter().enumerate() {
        match position % per_slab {
            0 => pins.push(handle),
            slot if slot == per_slab / 2 => live.push(handle),
            _ => pool.free(handle),
        }
    }
    (pins, live)
}
