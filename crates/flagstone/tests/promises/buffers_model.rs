//! A buffer pool agrees with vectors, whatever is done to both.
#![expect(unsafe_code, reason = "makes buffers of raw parts")]

use std::{mem::forget, ptr::NonNull};

use flagstone::{
    BufferPool, PoolConfig,
    pool::{Buffer, GrowthStrategy},
};
use flagstone_testkit::{
    model::NaiveBuffers,
    provider::{Counting, Source, Supplied},
    value::{Census, Tracked},
};
use proptest::{collection::vec, prelude::*, sample};

/// What buffers hold: numbers, plain or with a destructor that counts.
trait Element: Clone {
    fn new(census: &Census, number: u64) -> Self;
    fn number(&self) -> u64;
    /// Whether the census counts it.
    const COUNTED: bool;
}

impl Element for u64 {
    const COUNTED: bool = false;
    fn new(_census: &Census, number: u64) -> Self {
        number
    }
    fn number(&self) -> u64 {
        *self
    }
}

struct Counted(Tracked, Census, u64);

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(&self.1, self.2)
    }
}

impl Element for Counted {
    const COUNTED: bool = true;
    fn new(census: &Census, number: u64) -> Self {
        Self(census.tracked(), census.clone(), number)
    }
    fn number(&self) -> u64 {
        let _ = self.0.id();
        self.2
    }
}

#[derive(Clone, Debug)]
enum Op {
    Alloc(usize),
    Free(usize),
    Push(usize, u64),
    Pop(usize),
    Extend(usize, Vec<u64>),
    Slice(usize, Vec<u64>),
    Truncate(usize, usize),
    Swap(usize, usize),
    RawTrip(usize),
    Forget(usize),
    Clear,
    Shrink,
}

fn op() -> impl Strategy<Value = Op> {
    let any = any::<usize>;
    let values = || vec(0_u64..1000, 0..12);
    prop_oneof![
        6 => (1_usize..8).prop_map(Op::Alloc),
        5 => any().prop_map(Op::Free),
        8 => (any(), 0_u64..1000).prop_map(|(at, value)| Op::Push(at, value)),
        3 => any().prop_map(Op::Pop),
        4 => (any(), values()).prop_map(|(at, values)| Op::Extend(at, values)),
        4 => (any(), values()).prop_map(|(at, values)| Op::Slice(at, values)),
        3 => (any(), 0_usize..10).prop_map(|(at, len)| Op::Truncate(at, len)),
        2 => (any(), any()).prop_map(|(at, with)| Op::Swap(at, with)),
        2 => any().prop_map(Op::RawTrip),
        2 => any().prop_map(Op::Forget),
        1 => Just(Op::Clear),
        1 => Just(Op::Shrink),
    ]
}

type Pool<T> = BufferPool<T, Counting<Supplied>>;

/// The pool, the naive one, and the buffers in use as raw parts, since `clear` needs the pool for
/// itself.
struct Both<T: Element> {
    pool: Pool<T>,
    naive: NaiveBuffers,
    census: Census,
    kept: Vec<(u32, (NonNull<T>, usize))>,
    next: u32,
}

impl<T: Element> Both<T> {
    /// Does `work` on a buffer that `at` chooses and on its naive twin.
    fn with(
        &mut self,
        at: usize,
        work: impl FnOnce(&mut Buffer<'_, T, Counting<Supplied>>, &mut NaiveBuffers, u32, &Census),
    ) {
        let Some(at) = at.checked_rem(self.kept.len()) else {
            return;
        };
        let (key, (first, len)) = self.kept[at];
        // SAFETY: kept, so the parts came from `into_raw_parts` and no buffer exists.
        let mut buffer = unsafe { self.pool.from_raw_parts(first, len) };
        work(&mut buffer, &mut self.naive, key, &self.census);
        self.kept[at].1 = buffer.into_raw_parts();
    }

    fn take(&mut self, at: usize) -> Option<(u32, Buffer<'_, T, Counting<Supplied>>)> {
        let at = at.checked_rem(self.kept.len())?;
        let (key, (first, len)) = self.kept.swap_remove(at);
        // SAFETY: as above; it is not kept any more.
        Some((key, unsafe { self.pool.from_raw_parts(first, len) }))
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Alloc(count) => (0..*count).for_each(|_| self.alloc()),
            Op::Free(at) => {
                let key = self.take(*at).map(|(key, buffer)| {
                    drop(buffer);
                    key
                });
                key.into_iter().for_each(|key| self.naive.free(key));
            }
            Op::Push(at, value) => self.with(*at, |buffer, naive, key, census| {
                let pushed = buffer.push(T::new(census, *value)).is_ok();
                assert_eq!(usize::from(pushed), naive.extend(key, &[*value]));
            }),
            Op::Pop(at) => self.with(*at, |buffer, naive, key, _| {
                let popped = buffer.pop().map(|value| value.number());
                assert_eq!(popped, naive.change(key).pop());
            }),
            Op::Extend(at, values) => self.with(*at, |buffer, naive, key, census| {
                let mut new = values.iter().map(|&value| T::new(census, value));
                let taken = buffer.extend_while_room(&mut new);
                assert_eq!(taken, naive.extend(key, values));
                assert_eq!(new.count(), values.len() - taken);
            }),
            Op::Slice(at, values) => self.with(*at, |buffer, naive, key, census| {
                let new: Vec<_> = values.iter().map(|&value| T::new(census, value)).collect();
                let rest = buffer.extend_from_slice(&new).len();
                assert_eq!(values.len() - rest, naive.extend(key, values));
            }),
            Op::Truncate(at, len) => self.with(*at, |buffer, naive, key, _| {
                buffer.truncate(*len);
                naive.change(key).truncate(*len);
            }),
            Op::Swap(at, with) => self.with(*at, |buffer, naive, key, _| {
                if let Some(with) = with.checked_rem(buffer.len()) {
                    buffer.swap(0, with);
                    naive.change(key).swap(0, with);
                }
            }),
            Op::RawTrip(at) => self.with(*at, |_, _, _, _| ()),
            // Still in the pool, with its elements, for `clear` and the end.
            Op::Forget(at) => {
                if let Some((_, buffer)) = self.take(*at) {
                    forget(buffer);
                }
            }
            Op::Clear => {
                self.kept.clear();
                self.pool.clear();
                self.naive.clear();
            }
            Op::Shrink => {
                self.pool.shrink_to_fit();
            }
        }
    }

    fn alloc(&mut self) {
        let key = self.next;
        self.next += 1;
        let buffer = self.pool.alloc();
        assert_eq!(buffer.is_ok(), self.naive.alloc(key));
        if let Ok(buffer) = buffer {
            assert!(buffer.is_empty());
            self.kept.push((key, buffer.into_raw_parts()));
        }
    }

    fn compare(&mut self) {
        assert_eq!(self.pool.in_use(), self.naive.in_use());
        assert_eq!(
            self.pool.available(),
            self.pool.capacity() - self.pool.in_use()
        );
        if T::COUNTED {
            assert_eq!(self.census.live(), self.naive.live());
        }
        #[cfg(feature = "stats")]
        {
            use flagstone::stats::Metric;
            let stats = self.pool.stats();
            assert_eq!(stats.get(Metric::InUse), self.naive.in_use() as u64);
            let reserved = self.pool.provider().live_bytes() as u64;
            assert_eq!(stats.get(Metric::BytesReserved), reserved);
        }
        for at in 0..self.kept.len() {
            self.with(at, |buffer, naive, key, _| {
                assert!(
                    buffer
                        .iter()
                        .map(Element::number)
                        .eq(naive.get(key).iter().copied())
                );
            });
        }
    }
}

fn replay<T: Element>(
    source: Source,
    growth: Option<usize>,
    elements: usize,
    most: usize,
    ops: &[Op],
) {
    let mut builder = PoolConfig::builder()
        .capacity(growth.map_or(most, |_| most / 3))
        .max_capacity(Some(most));
    if let Some(amount) = growth {
        builder = builder.growth_strategy(GrowthStrategy::Linear { amount });
    }
    let config = builder.build().expect("in range");
    let pool = BufferPool::with_parts(elements, config, Supplied::counting(source));
    let census = Census::default();
    let mut both = Both::<T> {
        pool: pool.expect("memory"),
        naive: NaiveBuffers::new(elements, most),
        census: census.clone(),
        kept: Vec::new(),
        next: 0,
    };
    for op in ops {
        both.apply(op);
        both.compare();
    }
    drop(both);
    assert_eq!(census.live(), 0, "an element outlived its pool");
}

#[test]
fn random_calls_agree() {
    let config = ProptestConfig {
        cases: if cfg!(miri) {
            2
        } else if cfg!(flagstone_asan) {
            24
        } else {
            96
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let sources = sample::select(Source::ALL);
    // Buffers of up to a third of a slab, so that pools have several.
    let elements = prop_oneof![4 => 0_usize..9, 1 => Just(900)];
    let growth = prop_oneof![Just(None), (1_usize..9).prop_map(Some)];
    proptest!(config, |(
        source in sources, growth in growth, elements in elements, most in 0_usize..25,
        ops in vec(op(), 1..150),
    )| {
        replay::<u64>(source, growth, elements, most, &ops);
        replay::<Counted>(source, growth, elements, most, &ops);
    });
}
