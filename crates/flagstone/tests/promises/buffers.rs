//! A buffer gives out what was written to it and nothing else, and exactly that is dropped, whatever
//! panics.
#![expect(unsafe_code, reason = "uses the unchecked doors")]

use std::{
    cell::Cell,
    io::Write as _,
    iter,
    mem::{ManuallyDrop, forget},
    ptr::NonNull,
    rc::Rc,
};

use flagstone::{
    AllocErrorKind, BufferPool, PoolConfig,
    pool::{AnyBits, Buffer, GrowthStrategy, InitializationStrategy, NoPadding},
    provider::Global,
};
use flagstone_testkit::{
    fuse::{Fuse, blows, panics},
    heap_watch,
    leaked::Leaked,
    provider::{Counting, FailNth, Lie, Lying, Reentrant, Source, Supplied},
    value::{Bulk, Census, Ghost, Page, Tracked},
};

/// Elements of the buffers under test, and how many buffers there are at most.
const ELEMENTS: usize = 5;
const BUFFERS: usize = 3;

type Pool<T> = BufferPool<T, Counting<Supplied>>;

/// A pool that has all its buffers, or grows to them.
fn pool<T>(source: Source, growth: Option<GrowthStrategy>) -> Pool<T> {
    let grows = growth.is_some();
    let config = PoolConfig::builder()
        .capacity(if grows { 0 } else { BUFFERS })
        .max_capacity(Some(BUFFERS))
        .growth_strategy(growth.unwrap_or(GrowthStrategy::None))
        .build()
        .expect("in range");
    BufferPool::with_parts(ELEMENTS, config, Supplied::counting(source)).expect("memory")
}

/// Runs `check` on every provider, with and without growth.
fn everywhere<T>(check: impl Fn(Pool<T>)) {
    for &source in Source::ALL {
        println!("on {source:?}");
        check(pool(source, None));
        check(pool(source, Some(GrowthStrategy::Linear { amount: 1 })));
    }
}

fn ids<P: flagstone::Provider>(buffer: &Buffer<'_, Tracked, P>) -> Vec<u64> {
    buffer.iter().map(Tracked::id).collect()
}

/// The slice is what was pushed and not taken out; the rest is not looked at.
#[test]
fn what_was_written_is_there() {
    everywhere::<Tracked>(|pool| {
        let census = Census::default();
        let mut buffer = pool.alloc().expect("free");
        assert!(buffer.is_empty() && !buffer.is_full());
        assert_eq!((buffer.capacity(), buffer.spare()), (ELEMENTS, ELEMENTS));
        for n in 1..=ELEMENTS {
            assert!(buffer.push(census.tracked()).is_ok());
            assert_eq!((buffer.len(), buffer.spare()), (n, ELEMENTS - n));
        }
        assert!(buffer.is_full());
        let refused = buffer.push(census.tracked()).expect_err("full");
        assert_eq!(refused.id(), ELEMENTS as u64 + 1);
        assert_eq!(ids(&buffer), [1, 2, 3, 4, 5]);
        assert_eq!(buffer.pop().map(|value| value.id()), Some(5));
        buffer.truncate(9);
        buffer.swap(0, 3);
        buffer.truncate(2);
        assert_eq!(ids(&buffer), [4, 2]);
        assert_eq!(census.live(), 2 + 1);
        buffer.clear();
        assert!(buffer.pop().is_none() && buffer.is_empty());
        assert!(buffer.push(refused).is_ok());
        drop(buffer);
        assert_eq!((census.live(), pool.in_use()), (0, 0));
    });
}

/// A buffer that comes back is handed out empty, whatever was in it.
#[test]
fn buffers_begin_empty() {
    everywhere::<u64>(|pool| {
        for round in 0..20 {
            let mut buffers: Vec<_> = (0..BUFFERS).flat_map(|_| pool.alloc()).collect();
            assert_eq!(buffers.len(), BUFFERS);
            assert!(buffers.iter().all(|buffer| buffer.is_empty()));
            let refused = pool.alloc().expect_err("all are in use");
            assert_eq!(refused.kind(), AllocErrorKind::Exhausted);
            for buffer in &mut buffers {
                buffer.fill_with(|| round);
            }
            assert!(buffers.iter().all(|buffer| buffer[..] == [round; ELEMENTS]));
        }
    });
}

/// Filling takes as much as there is room for and loses nothing of the rest.
#[test]
fn filling_loses_nothing() {
    everywhere::<u64>(|pool| {
        let mut buffer = pool.alloc().expect("free");
        let mut numbers = 0..12;
        assert_eq!(buffer.extend_while_room(&mut numbers), ELEMENTS);
        assert_eq!(numbers, 5..12);
        assert_eq!(buffer.extend_while_room(&mut numbers), 0);
        assert_eq!(numbers, 5..12);
        buffer.truncate(1);
        assert_eq!(buffer.extend_from_slice(&[7, 8]), [0; 0]);
        assert_eq!(buffer.extend_from_slice(&[9, 10, 11, 12]), [11, 12]);
        assert_eq!(buffer[..], [0, 7, 8, 9, 10]);
        buffer.clear();
        buffer.extend([1, 2, 3]);
        buffer.extend([4, 5]);
        buffer.extend(iter::empty());
        assert!(panics(|| buffer.extend([6])));
        assert_eq!(buffer[..], [1, 2, 3, 4, 5]);
        // An iterator that says nothing true of its length.
        let mut lying = (0..100).filter(|_| true).rev().chain(iter::repeat(7));
        buffer.clear();
        assert_eq!(buffer.extend_while_room(&mut lying), ELEMENTS);
    });
}

/// A panic at the n-th call of an iterator, a clone or a destructor: what was written is counted and
/// dropped once, and the buffer and the pool serve as before.
#[test]
fn panics_lose_nothing() {
    #[derive(Debug)]
    struct Cloned(Tracked, Census, Fuse);
    impl Clone for Cloned {
        fn clone(&self) -> Self {
            self.2.tick();
            Self(self.1.tracked(), self.1.clone(), self.2.clone())
        }
    }
    for nth in 1..=ELEMENTS {
        everywhere::<Tracked>(|pool| {
            let census = Census::default();
            let fuse = Fuse::at(nth);
            let mut buffer = pool.alloc().expect("free");
            let mut values = iter::repeat_with(|| {
                fuse.tick();
                census.tracked()
            });
            assert!(blows(|| {
                buffer.extend_while_room(&mut values);
            }));
            assert_eq!((buffer.len(), census.live()), (nth - 1, nth - 1));
            fuse.set(nth);
            let left = ELEMENTS - buffer.len();
            assert_eq!(
                blows(|| buffer.fill_with(|| {
                    fuse.tick();
                    census.tracked()
                })),
                nth <= left
            );
            fuse.set(0);
            assert_eq!(buffer.len(), census.live());
            buffer.fill_with(|| census.tracked());

            census.drops().set(nth);
            assert!(blows(|| buffer.truncate(0)));
            assert_eq!((buffer.len(), census.live()), (0, 0));
            buffer.fill_with(|| census.tracked());
            census.drops().set(nth);
            assert!(blows(|| drop(buffer)));
            assert_eq!((pool.in_use(), census.live()), (0, 0));
        });
        everywhere::<Cloned>(|pool| {
            let census = Census::default();
            let fuse = Fuse::never();
            let values: Vec<_> = (0..ELEMENTS)
                .map(|_| Cloned(census.tracked(), census.clone(), fuse.clone()))
                .collect();
            let mut buffer = pool.alloc().expect("free");
            fuse.set(nth);
            assert!(blows(|| {
                let _ = buffer.extend_from_slice(&values);
            }));
            assert_eq!(buffer.len(), nth - 1);
            assert!(buffer.extend_from_slice(&values[..1]).is_empty());
            assert_eq!(census.live(), ELEMENTS + nth);
            assert!(buffer.iter().all(|value| value.0.id() > 0));
            drop(buffer);
            drop(values);
            assert_eq!(census.live(), 0);
        });
    }
}

/// The elements of a buffer that was forgotten are dropped by `clear` and with the pool, though one
/// panics; raw parts come back, or are dropped as well.
#[test]
fn forgotten_elements_are_dropped() {
    for nth in 0..=7 {
        for clear in [true, false] {
            everywhere::<Tracked>(|mut pool| {
                let census = Census::default();
                let mut first = pool.alloc().expect("free");
                first.fill_with(|| census.tracked());
                first.truncate(4);
                let mut second = pool.alloc().expect("free");
                assert!(second.push(census.tracked()).is_ok());
                let mut third = pool.alloc().expect("free");
                third.extend([census.tracked(), census.tracked(), census.tracked()]);
                drop(third.pop());
                forget((first, third));
                let parts = second.into_raw_parts();
                assert_eq!((pool.in_use(), census.live()), (3, 7));
                // SAFETY: the parts came from `into_raw_parts` and come back once.
                let second = unsafe { pool.from_raw_parts(parts.0, parts.1) };
                assert_eq!(second.len(), 1);
                forget(second);
                census.drops().set(nth);
                if clear {
                    assert_eq!(blows(|| pool.clear()), nth > 0);
                    assert_eq!((pool.in_use(), pool.available()), (0, pool.capacity()));
                    let all: Vec<_> = (0..BUFFERS).map(|_| pool.alloc()).collect();
                    assert!(all.iter().all(Result::is_ok));
                } else {
                    assert_eq!(blows(|| drop(pool)), nth > 0);
                }
                assert_eq!(census.live(), 0);
            });
        }
    }
}

/// A buffer that was forgotten empty has nothing to drop, whatever its last owner had in it.
#[test]
fn a_buffer_forgotten_empty_drops_nothing() {
    everywhere::<Tracked>(|mut pool| {
        let census = Census::default();
        for clear in [true, false, true] {
            let mut buffer = pool.alloc().expect("free");
            buffer.fill_with(|| census.tracked());
            drop(buffer);
            forget(pool.alloc()); // the same one, empty
            if clear {
                pool.clear();
                assert!(pool.is_empty());
            }
        }
        // A value that is dropped twice fails the census.
        drop(pool);
        assert_eq!(census.live(), 0);
    });
}

/// Elements without destructors that were forgotten cost nothing but their buffer.
#[test]
fn forgotten_plain_buffers_come_back_with_clear() {
    everywhere::<u8>(|mut pool| {
        for _ in 0..3 {
            forget((pool.alloc(), pool.alloc()));
            assert_eq!(pool.in_use(), 2);
            pool.clear();
            assert!(pool.is_empty());
        }
        forget(pool.alloc());
    });
}

/// The unchecked doors reach every element, and change no count.
#[test]
fn unchecked_access_reaches_every_element() {
    everywhere::<u32>(|pool| {
        let mut buffer = pool.alloc().expect("free");
        for index in (0..ELEMENTS).rev() {
            // SAFETY: below the capacity.
            unsafe { buffer.write_unchecked(index, index as u32 * 10) };
        }
        assert!(buffer.is_empty());
        // SAFETY: written above.
        unsafe { *buffer.mut_unchecked(3) += 1 };
        // SAFETY: written above.
        assert_eq!(unsafe { buffer.read_unchecked(3) }, 31);
        // SAFETY: written above.
        assert_eq!(unsafe { *buffer.ref_unchecked(4) }, 40);
        // SAFETY: all were written.
        unsafe { buffer.set_len(ELEMENTS) };
        assert_eq!(buffer[..], [0, 10, 20, 31, 40]);
        buffer.truncate(2);
        let spare = buffer.spare_capacity_mut();
        assert_eq!(spare.len(), ELEMENTS - 2);
        spare[0].write(7);
        // SAFETY: one more was written.
        unsafe { buffer.set_len(3) };
        assert_eq!(buffer[..], [0, 10, 7]);
        let first = buffer.as_non_null();
        // SAFETY: within the buffer, which is ours.
        unsafe { first.add(ELEMENTS - 1).write(9) };
        assert_eq!(buffer.len(), 3);
    });
}

/// Bytes are those of the elements, and of nothing else.
#[test]
fn bytes_are_those_of_the_elements() {
    fn bytes<T: AnyBits>(pool: &BufferPool<T>, value: T) -> usize {
        let mut buffer = pool.alloc().expect("free");
        assert!(buffer.as_bytes().is_empty());
        assert!(buffer.push(value).is_ok());
        buffer.as_bytes_mut().fill(0xFF);
        buffer.as_bytes().len()
    }
    assert_eq!(bytes(&BufferPool::new(3, 1), 1_u8), 1);
    assert_eq!(bytes(&BufferPool::new(3, 1), 1_i128), 16);
    assert_eq!(bytes(&BufferPool::new(3, 1), [1.0_f32; 3]), 12);
    fn shown<T: NoPadding>(values: [T; 2]) -> Vec<u8> {
        let pool = BufferPool::new(2, 1);
        let mut buffer = pool.alloc().expect("free");
        buffer.extend(values);
        buffer.as_bytes().to_vec()
    }
    assert_eq!(shown([true, false]), [1, 0]);
    assert_eq!(
        shown([0x0102_u16.to_be(), 0x0304_u16.to_be()]),
        [1, 2, 3, 4]
    );
    assert_eq!(shown(['a', 'b']).len(), 8);
}

/// A buffer of bytes is a writer that stops when it is full.
#[test]
fn bytes_can_be_written() {
    let pool = BufferPool::<u8>::new(10, 1);
    let mut buffer = pool.alloc().expect("free");
    assert!(write!(buffer, "{}-{}", 12, 34).is_ok());
    assert_eq!(buffer[..], *b"12-34");
    assert_eq!(buffer.write(b"123456789").expect("never fails"), 5);
    assert!(buffer.write_all(b"x").is_err());
    assert_eq!(buffer[..], *b"12-3412345");
}

/// A buffer does what its slice does.
#[test]
fn buffers_compare_and_print_as_slices() {
    let pool = BufferPool::new(3, 2);
    let (mut a, mut b) = (pool.alloc().expect("free"), pool.alloc().expect("free"));
    a.extend([1, 2]);
    b.extend([1, 3]);
    assert!(a < b && a != b);
    assert_eq!(format!("{a:?}"), "[1, 2]");
    assert_eq!(a.as_ref(), [1, 2]);
    for value in &mut b {
        *value -= 1;
    }
    assert_eq!((&b).into_iter().sum::<i32>(), 2);
    assert_eq!((pool.index_of(&a), pool.index_of(&b)), (Some(0), Some(1)));
    let other = BufferPool::<i32>::new(3, 2);
    assert_eq!(other.index_of(&a), None);
}

/// Four buffers, at once or `growth` at a time.
fn four<T>(growth: Option<usize>) -> PoolConfig<T> {
    let mut builder = PoolConfig::builder()
        .capacity(growth.map_or(4, |_| 0))
        .max_capacity(Some(4));
    if let Some(amount) = growth {
        builder = builder.growth_strategy(GrowthStrategy::Linear { amount });
    }
    builder.build().expect("in range")
}

/// No buffers, no elements, elements without bytes, with much alignment, with many bytes.
#[test]
fn every_shape_has_an_answer() {
    for growth in [None, Some(4)] {
        let provider = Counting::<Global>::default();
        let empty = BufferPool::<u8, _>::with_parts(0, four(growth), &provider).expect("memory");
        let mut all: Vec<_> = iter::from_fn(|| empty.alloc().ok()).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].push(1), Err(1));
        assert!(all[0].is_full() && all[0].is_empty());
        let mut places: Vec<_> = all.iter().map(Buffer::as_non_null).collect();
        places.sort();
        places.dedup();
        assert_eq!(places.len(), 4, "every buffer has a place of its own");

        let ghosts =
            BufferPool::<Ghost, _>::with_parts(3, four(growth), &provider).expect("memory");
        let mut buffer = ghosts.alloc().expect("free");
        buffer.fill_with(Ghost::appear);
        let mut other = ghosts.alloc().expect("free");
        assert!(other.push(Ghost::appear()).is_ok());
        assert_eq!(Ghost::live(), 4);
        drop(buffer);
        forget(other);
        drop(ghosts);
        assert_eq!(Ghost::live(), 0);

        let census = Census::default();
        let pages = BufferPool::<Tracked<Page>, _>::with_parts(2, four(growth), &provider);
        let pages = pages.expect("memory");
        let bulk =
            BufferPool::<Tracked<Bulk>, _>::with_parts(2, four(growth), &provider).expect("memory");
        let (mut a, mut b) = (pages.alloc().expect("free"), bulk.alloc().expect("free"));
        a.fill_with(|| census.tracked());
        b.fill_with(|| census.tracked());
        assert!(
            a.iter()
                .all(|page| std::ptr::from_ref(page).addr() % 4096 == 0)
        );
        assert!(b.iter().all(|bulk| bulk.shape().0 == Bulk::default().0));
        forget((a, b));
        drop((pages, bulk));
        assert_eq!(census.live(), 0);
        drop(all);
        drop(empty);
        assert_eq!(provider.live(), 0);
    }
    let none = BufferPool::<u8>::new(4, 0);
    assert!(none.alloc().is_err() && none.is_full() && none.is_empty());
    assert_eq!((none.capacity(), none.elements()), (0, 4));
}

/// What does not fit is refused by the name of the knob and with the number that would fit.
#[test]
fn absurd_sizes_are_refused_by_name() {
    fn most(error: flagstone::ConfigError, knob: &str) -> usize {
        assert_eq!(error.knob(), Some(knob), "{error}");
        let text = error.to_string();
        let allowed = text.rsplit("allowed: 0 to ").next().unwrap_or_default();
        let number = allowed.split_whitespace().next().unwrap_or_default();
        number.parse().expect("a number in the sentence")
    }
    let growing = |capacity| {
        PoolConfig::builder()
            .capacity(capacity)
            .growth_strategy(GrowthStrategy::Linear { amount: 1 })
            .build()
            .expect("in range")
    };
    for elements in [usize::MAX, isize::MAX as usize, isize::MAX as usize / 8 + 1] {
        let fixed = BufferPool::<u64>::try_new(elements, 1).expect_err("refused");
        let fixed = most(fixed, "elements");
        assert!(fixed < elements && fixed > isize::MAX as usize / 16);
        assert!(BufferPool::<u64>::try_new(fixed, 0).is_ok());
        assert!(BufferPool::<u64>::try_new(fixed + 1, 0).is_err());
        let slabs = BufferPool::<u64>::with_config(elements, growing(0)).expect_err("refused");
        let slabs = most(slabs, "elements");
        assert!(BufferPool::<u64>::with_config(slabs, growing(0)).is_ok());
        assert!(BufferPool::<u64>::with_config(slabs + 1, growing(0)).is_err());
    }
    for buffers in [
        usize::MAX,
        isize::MAX as usize,
        isize::MAX as usize / 32 + 1,
    ] {
        let error = BufferPool::<u64>::try_new(4, buffers).expect_err("refused");
        assert!(most(error, "capacity") < buffers);
        let error = BufferPool::<u64>::with_config(4, growing(buffers)).expect_err("refused");
        assert!(most(error, "capacity") < buffers);
    }
    assert!(
        BufferPool::<()>::try_new(usize::MAX, 3).is_ok(),
        "no bytes, no limit"
    );
    let made = PoolConfig::builder()
        .capacity(1)
        .initialization(InitializationStrategy::eager(|| 7))
        .build();
    let made = BufferPool::<u8>::with_config(1, made.expect("in range"));
    assert_eq!(
        made.expect_err("buffers begin empty").knob(),
        Some("initialization")
    );
    let config = PoolConfig::builder()
        .capacity(1)
        .max_capacity(Some(2))
        .build();
    let fixed = BufferPool::<u8>::with_config(1, config.expect("in range"));
    assert_eq!(
        fixed.expect_err("does not grow").knob(),
        Some("max_capacity")
    );
}

/// A pool that grows does so as it is told, never past its limit, and gives empty slabs back.
#[test]
fn pools_grow_and_shrink() {
    let provider = Counting::<Global>::default();
    let config = PoolConfig::builder()
        .capacity(5)
        .max_capacity(Some(100))
        .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
        .alignment(64)
        .build();
    let pool = BufferPool::<u8, _>::with_parts(9000, config.expect("in range"), &provider)
        .expect("memory");
    assert!((5..50).contains(&pool.capacity()));
    for _ in 0..3 {
        let mut buffers = Vec::new();
        while let Ok(mut buffer) = pool.alloc() {
            assert_eq!(buffer.as_non_null().addr().get() % 64, 0);
            buffer.fill_with(|| buffers.len() as u8);
            buffers.push(buffer);
        }
        assert_eq!((buffers.len(), pool.capacity()), (100, 100));
        assert!(pool.is_full());
        for (n, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|&byte| byte == n as u8));
        }
        let full = provider.live();
        drop(buffers);
        assert!(provider.live() < full, "a spike goes back");
        assert!(pool.capacity() >= 5, "what it was built with stays");
    }
    pool.shrink_to_fit();
    assert_eq!((pool.capacity(), provider.live()), (0, 1));
    assert!(pool.alloc().is_ok());
    let fixed = BufferPool::<u8>::new(9, 9);
    assert_eq!((fixed.shrink_to_fit(), fixed.capacity()), (0, 9));
}

/// A pool of many slabs has the buffers it says it has, without growing for them.
#[test]
fn the_capacity_that_is_said_is_there() {
    let provider = Counting::<Global>::default();
    let config = PoolConfig::builder()
        .capacity(1000)
        .growth_strategy(GrowthStrategy::Linear { amount: 1 })
        .build();
    let pool = BufferPool::<u8, _>::with_parts(7000, config.expect("in range"), &provider)
        .expect("memory");
    assert!(provider.requests() > 64, "more slabs than a word has bits");
    let (capacity, requests) = (pool.capacity(), provider.requests());
    let buffers: Vec<_> = (0..capacity).flat_map(|_| pool.alloc()).collect();
    assert_eq!((buffers.len(), pool.available()), (capacity, 0));
    assert_eq!(provider.requests(), requests, "it did not grow");
    drop(pool.alloc());
    assert!(provider.requests() > requests);
}

/// Whatever request the provider refuses, the pool is built or not, grows or not, and loses nothing.
#[test]
fn a_provider_may_refuse() {
    for nth in 1..=4 {
        let ledger = Counting::new(FailNth::only(nth));
        let fixed = BufferPool::<u64, _>::try_new_in(10, 10, &ledger);
        assert_eq!(fixed.is_err(), nth == 1);
        drop(fixed);
        assert_eq!(ledger.live(), 0);

        let ledger = Counting::new(FailNth::only(nth));
        let config = PoolConfig::builder()
            .capacity(0)
            .max_capacity(Some(20))
            .growth_strategy(GrowthStrategy::Linear { amount: 1 })
            .build();
        let pool = BufferPool::<[u8; 1000], _>::with_parts(9, config.expect("in range"), &ledger);
        let Ok(pool) = pool else {
            assert_eq!(nth, 1);
            continue;
        };
        let (mut buffers, mut refusals) = (Vec::new(), 0);
        while buffers.len() < 20 {
            match pool.alloc() {
                Ok(buffer) => buffers.push(buffer),
                Err(error) => {
                    assert_eq!(error.kind(), AllocErrorKind::OutOfMemory);
                    refusals += 1;
                }
            }
        }
        assert_eq!(refusals, usize::from(nth <= ledger.inner().asked()));
    }
}

/// A chunk that is too short or misaligned goes back, and the pool is not built or does not grow.
#[test]
fn a_provider_may_lie() {
    for lie in [Lie::Short, Lie::Misaligned] {
        for nth in 1..=3 {
            for growth in [None, Some(1)] {
                let provider = Lying::at(nth, lie);
                let pool = BufferPool::<u64, _>::with_parts(1000, four(growth), &provider);
                let Ok(pool) = pool else {
                    assert_eq!(nth, 1);
                    continue;
                };
                let refused = (0..4).filter(|_| pool.alloc().map(forget).is_err()).count();
                assert_eq!(
                    refused,
                    usize::from(growth.is_some() && nth == 2),
                    "{lie:?} at {nth}"
                );
            }
        }
    }
}

/// A provider that uses the pool while the pool grows, and while it gives slabs back.
#[test]
fn a_provider_may_use_the_pool() {
    let config = PoolConfig::builder()
        .capacity(0)
        .max_capacity(Some(100))
        .growth_strategy(GrowthStrategy::Linear { amount: 1 })
        .build();
    let pool =
        BufferPool::<u8, _>::with_parts(9000, config.expect("in range"), Reentrant::default());
    // SAFETY: buffers are dropped below or in the callback, and the provider is hushed at the end.
    let leaked = unsafe { Leaked::new(pool.expect("memory")) };
    let pool = leaked.get();
    let calls = Rc::new(Cell::new(0));
    pool.provider().call({
        let calls = Rc::clone(&calls);
        move |_| {
            calls.set(calls.get() + 1);
            let mut buffers: Vec<_> = (0..3).flat_map(|_| pool.alloc()).collect();
            buffers
                .iter_mut()
                .for_each(|buffer| buffer.fill_with(|| 0xEE));
        }
    });
    for _ in 0..2 {
        let mut buffers = Vec::new();
        while let Ok(mut buffer) = pool.alloc() {
            let number = buffers.len() as u8;
            buffer.fill_with(|| number);
            buffers.push(buffer);
        }
        assert_eq!((buffers.len(), pool.capacity()), (100, 100));
        for (number, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|&byte| byte == number as u8));
        }
        drop(buffers);
        pool.shrink_to_fit();
        assert!(pool.is_empty());
    }
    assert!(calls.get() > 10);
    pool.provider().hush();
}

/// After the first round, nothing is asked of anybody.
#[test]
fn steady_state_allocates_nothing() {
    for growth in [None, Some(GrowthStrategy::Linear { amount: 1 })] {
        let pool = pool::<u64>(Source::Global, growth);
        drop(ManuallyDrop::into_inner(ManuallyDrop::new(pool.alloc())));
        let calls = heap_watch::calls_during(|| {
            for round in 0..50 {
                let mut a = pool.alloc().expect("free");
                let mut b = pool.alloc().expect("free");
                a.fill_with(|| round);
                b.extend(a.iter().copied());
                assert_eq!(a, b);
            }
        });
        assert_eq!(calls, 0);
    }
}

/// The pools' own numbers are exact.
#[cfg(feature = "stats")]
#[test]
fn statistics_are_exact() {
    use flagstone::stats::Metric;

    for growth in [None, Some(GrowthStrategy::Linear { amount: 1 })] {
        let mut pool = pool::<Tracked>(Source::Global, growth);
        let census = Census::default();
        let mut held = Vec::new();
        for _ in 0..BUFFERS {
            let mut buffer = pool.alloc().expect("free");
            assert!(buffer.push(census.tracked()).is_ok());
            held.push(buffer);
        }
        assert!(pool.alloc().is_err());
        census.drops().set(1);
        assert!(blows(|| drop(held.pop())));
        forget(held.pop());
        drop(held);
        let stats = pool.stats();
        assert_eq!(stats.get(Metric::InUse), 1);
        assert_eq!(stats.get(Metric::PeakInUse), BUFFERS as u64);
        assert_eq!(stats.get(Metric::Allocations), BUFFERS as u64);
        assert_eq!(stats.get(Metric::Exhausted), 1);
        assert_eq!(stats.get(Metric::Capacity), pool.capacity() as u64);
        assert_eq!(
            stats.get(Metric::ChunksAdded),
            pool.provider().requests() as u64
        );
        assert_eq!(
            stats.get(Metric::BytesReserved),
            pool.provider().live_bytes() as u64
        );
        pool.clear();
        assert_eq!(pool.stats().get(Metric::InUse), 0);
        assert_eq!(pool.stats().get(Metric::Frees), BUFFERS as u64);
    }
}

/// A pointer to a buffer is an address of the pool, and two buffers do not touch.
#[test]
fn buffers_do_not_overlap() {
    everywhere::<u16>(|pool| {
        let mut buffers: Vec<_> = iter::from_fn(|| pool.alloc().ok()).collect();
        let mut places: Vec<NonNull<u16>> = buffers.iter().map(Buffer::as_non_null).collect();
        places.sort();
        let apart = |pair: &[NonNull<u16>]| pair[1].addr().get() - pair[0].addr().get();
        assert!(places.windows(2).all(|pair| apart(pair) >= ELEMENTS * 2));
        for (n, buffer) in buffers.iter_mut().enumerate() {
            buffer.fill_with(|| n as u16);
        }
        for (n, buffer) in buffers.iter().enumerate() {
            assert_eq!(buffer[..], [n as u16; ELEMENTS]);
        }
    });
}
