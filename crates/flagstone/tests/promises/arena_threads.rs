//! What threads allocate at once in one arena is apart, stays, and is dropped once.

use std::{
    collections::BTreeSet,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use flagstone::{
    AllocErrorKind, SyncArena,
    arena::LockArena,
    provider::{Global, StaticRegion},
    sync::SpinLock,
};
use flagstone_testkit::provider::Counting;

const THREADS: usize = 4;
const EACH: usize = if cfg!(miri) { 50 } else { 5_000 };

/// Runs `work` on some threads that start together; what each returns.
fn together<R: Send>(work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let barrier = Barrier::new(THREADS);
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    work(number)
                })
            })
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.collect()
    })
}

/// Whether every number that a thread wrote is still there, each at an address of its own.
fn all_apart(results: &[Vec<&mut (usize, usize)>]) {
    let mut addresses = BTreeSet::new();
    for (thread, values) in results.iter().enumerate() {
        for (n, value) in values.iter().enumerate() {
            assert_eq!(**value, (thread, n), "overwritten");
            assert!(
                addresses.insert(std::ptr::from_ref(&**value).addr()),
                "handed out twice"
            );
        }
    }
    assert_eq!(addresses.len(), THREADS * EACH);
}

#[test]
fn the_shared_arena_itself() {
    let arena = SyncArena::new();
    let results = together(|thread| {
        let place = |n| arena.alloc((thread, n));
        (0..EACH).map(place).collect()
    });
    all_apart(&results);
    assert!(arena.usage().allocated >= THREADS * EACH * size_of::<(usize, usize)>());
}

#[test]
fn local_arenas() {
    let arena = SyncArena::new();
    let results = together(|thread| {
        let local = arena.local();
        let place = |n| local.alloc((thread, n));
        (0..EACH).map(place).collect()
    });
    // The local arenas are gone; what they handed out is not.
    all_apart(&results);
}

#[test]
fn many_short_local_arenas() {
    let arena = SyncArena::new();
    let results = together(|thread| {
        let place = |n| {
            let local = arena.local();
            local.alloc((thread, n))
        };
        (0..EACH).map(place).collect()
    });
    all_apart(&results);
    // Each took a piece of a KiB; what it left was given back or used by others.
    let used = THREADS * EACH * size_of::<(usize, usize)>();
    assert!(
        arena.usage().allocated < 4 * used + 64 * 1024,
        "pieces are lost: {:?}",
        arena.usage()
    );
}

#[test]
fn the_locked_arena() {
    let arena = LockArena::<SpinLock>::new_in(Global);
    let results = together(|thread| {
        let place = |n| arena.alloc((thread, n));
        (0..EACH).map(place).collect()
    });
    all_apart(&results);
}

/// Slices that grow while other threads allocate move, and are whole.
#[test]
fn slices_of_unknown_length() {
    let arena = SyncArena::new();
    let results = together(|thread| {
        let local = arena.local();
        let mut slices = Vec::new();
        for len in 0..EACH / 20 {
            let values = (0..len).map(|n| thread * 1_000_000 + n);
            // Without a hint, so that they grow.
            slices.push(arena.alloc_slice_iter(values.clone().filter(|_| true)));
            slices.push(local.alloc_slice_iter(values.filter(|_| true)));
        }
        slices
    });
    for (thread, slices) in results.iter().enumerate() {
        for (at, slice) in slices.iter().enumerate() {
            let expected = (0..at / 2).map(|n| thread * 1_000_000 + n);
            assert!(slice.iter().copied().eq(expected), "slice {at} is damaged");
        }
    }
}

/// Counts its drops.
struct Counted<'c>(&'c AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_all_threads_kept_is_dropped_once() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    let mut arena = SyncArena::new();
    for round in 1..=3 {
        together(|_| {
            let local = arena.local();
            for _ in 0..EACH / 10 {
                arena.alloc_drop(Counted(&DROPS));
                local.alloc_drop(Counted(&DROPS));
            }
        });
        assert_eq!(
            DROPS.load(Ordering::Relaxed),
            (round - 1) * THREADS * (EACH / 10) * 2
        );
        arena.reset();
        assert_eq!(
            DROPS.load(Ordering::Relaxed),
            round * THREADS * (EACH / 10) * 2
        );
    }
}

/// After some rounds no chunk is asked for any more, and all go back at the end.
#[test]
fn rounds_of_threads_reach_a_steady_state() {
    let provider = Counting::new(Global);
    let chunks = {
        // The counting provider is for one thread, so the rounds are played one thread at a time.
        let mut arena: SyncArena<_> = SyncArena::new_in(&provider);
        let mut round = || {
            for thread in 0..THREADS {
                let local = arena.local();
                for n in 0..EACH {
                    local.alloc((thread, n));
                    arena.alloc(n);
                }
            }
            arena.reset();
            assert_eq!(arena.usage().chunks, 1);
            assert_eq!(arena.usage().allocated, 0);
            provider.requests()
        };
        let warm = [round(), round()];
        assert_eq!(round(), warm[1], "a steady state asks for nothing");
        assert_eq!(round(), warm[1], "a steady state asks for nothing");
        provider.live()
    };
    assert_eq!((chunks, provider.live()), (1, 0));
}

/// Zero-sized values need no chunk, from any thread on a fresh arena.
#[test]
fn values_without_a_size() {
    let arena = SyncArena::new();
    together(|_| {
        let local = arena.local();
        for _ in 0..EACH {
            arena.alloc(());
            local.alloc([0_u64; 0]);
            assert!(arena.alloc_str("").is_empty());
        }
    });
    assert_eq!(arena.usage().reserved, 0);
}

/// The limit holds for all threads together, and what is refused says so.
#[test]
fn a_limit_for_all() {
    const LIMIT: usize = 256 * 1024;
    let arena = SyncArena::new();
    arena.set_limit(Some(LIMIT));
    let refusals = together(|_| {
        let local = arena.local();
        let refused = loop {
            if let Err(refused) = local.try_alloc([0_u8; 100]) {
                break refused;
            }
        };
        refused.kind()
    });
    assert_eq!(refusals, [AllocErrorKind::LimitReached; THREADS]);
    assert!(arena.usage().reserved <= LIMIT);
    // A thread may be refused because another one is just getting a chunk; alone it has the rest.
    while arena.try_alloc([0_u8; 100]).is_ok() {}
    assert!(arena.usage().reserved <= LIMIT);
    assert!(arena.usage().allocated > LIMIT / 2);
}

/// Both shared arenas may stand in statics, on memory without an allocator.
#[test]
fn in_statics() {
    type Region = &'static StaticRegion<{ 64 * 1024 }>;
    static MEMORY: StaticRegion<{ 64 * 1024 }> = StaticRegion::new();
    static SHARED: SyncArena<Region> = SyncArena::new_in(&MEMORY);
    static LOCKED: LockArena<SpinLock, Region> = LockArena::new_in(&MEMORY);
    let texts = together(|thread| {
        let local = SHARED.local();
        let a: &'static str = local.alloc_fmt(format_args!("local {thread}"));
        let b: &'static str = LOCKED.alloc_fmt(format_args!("locked {thread}"));
        (a, b)
    });
    for (thread, (a, b)) in texts.iter().enumerate() {
        assert_eq!(*a, format!("local {thread}"));
        assert_eq!(*b, format!("locked {thread}"));
    }
}
