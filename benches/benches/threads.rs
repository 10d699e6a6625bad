//! Pools that threads share, and handles that share a value: wall time, contenders in turn.
//!
//! ```text
//! cargo bench -p flagstone-benches --bench threads              print the tables
//! cargo bench -p flagstone-benches --bench threads -- --quick   see that everything runs
//! ```
//!
//! A round runs every contender once, so that all meet the same machine; the table shows the median
//! of the rounds, and the ratio to the best rival *within* the rounds. An operation of the pools is
//! a value stored and, seven later, dropped; the time is that of all threads together divided by the
//! operations of all.

use std::{
    collections::VecDeque,
    hint::black_box,
    rc::Rc,
    sync::{Arc, Barrier, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Parser;
use flagstone::{
    GrowingPool, SharedHandle, SharedPool, ThreadLocalPool, ThreadSafePool, sync::SpinLock,
};

/// Pools that threads share, and handles that share a value.
#[derive(Parser)]
#[command(name = "threads")]
struct Args {
    /// Only tables whose name contains this.
    filter: Option<String>,
    /// Few short rounds: to see that everything runs, not to quote.
    #[arg(long)]
    quick: bool,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is stored.
type Value = [u64; 8];
/// Values that a thread holds at a time.
const WINDOW: usize = 8;
/// Slots of the pools that need to know: enough for the most threads.
const SLOTS: usize = 16 * WINDOW;

/// A contender: runs so many operations on each of so many threads, and says how long that took.
struct Contender {
    name: &'static str,
    ours: bool,
    run: Box<dyn Fn(usize, u64) -> Duration>,
}

fn ours(name: &'static str, run: impl Fn(usize, u64) -> Duration + 'static) -> Contender {
    Contender {
        name,
        ours: true,
        run: Box::new(run),
    }
}

fn rival(name: &'static str, run: impl Fn(usize, u64) -> Duration + 'static) -> Contender {
    Contender {
        name,
        ours: false,
        run: Box::new(run),
    }
}

/// Runs `body` on `threads` threads at once; the time from the start of the first to the end of the
/// last.
fn together(threads: usize, body: impl Fn() + Sync) -> Duration {
    let (start, end) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                body();
                end.wait();
            });
        }
        start.wait();
        let began = Instant::now();
        end.wait();
        began.elapsed()
    })
}

/// Stores values and drops each when seven others have come.
fn window<H>(ops: u64, store: impl Fn(Value) -> H) {
    let mut held = VecDeque::with_capacity(WINDOW);
    for n in 0..ops {
        if held.len() == WINDOW - 1 {
            held.pop_front();
        }
        held.push_back(store([n; 8]));
    }
}

#[cold]
fn full() -> ! {
    panic!("a pool refused a value although its capacity was not reached")
}

type Slab = slab::Slab<Value>;

fn lock_std(slab: &Mutex<Slab>) -> MutexGuard<'_, Slab> {
    slab.lock().unwrap_or_else(|_| full())
}

fn lock_parking_lot(slab: &parking_lot::Mutex<Slab>) -> parking_lot::MutexGuard<'_, Slab> {
    slab.lock()
}

/// A locked slab, and the key of a value in it that goes when the key does.
macro_rules! locked_slab {
    ($function:ident, $mutex:ty, $lock:ident) => {
        fn $function(threads: usize, ops: u64) -> Duration {
            struct Key<'s>(&'s $mutex, usize);

            impl Drop for Key<'_> {
                fn drop(&mut self) {
                    $lock(self.0).remove(self.1);
                }
            }

            let slab = <$mutex>::new(Slab::with_capacity(SLOTS));
            together(threads, || {
                window(ops, |value| {
                    let key = $lock(&slab).insert(value);
                    Key(&slab, key)
                });
            })
        }
    };
}

locked_slab!(std_slab, Mutex<Slab>, lock_std);
locked_slab!(parking_lot_slab, parking_lot::Mutex<Slab>, lock_parking_lot);

struct Maker;

impl opool::PoolAllocator<Value> for Maker {
    fn allocate(&self) -> Value {
        [0; 8]
    }
}

fn pools() -> Vec<Contender> {
    vec![
        ours("flagstone::ThreadSafePool", |threads, ops| {
            let pool = ThreadSafePool::new(SLOTS);
            together(threads, || {
                window(ops, |value| pool.alloc(value).unwrap_or_else(|_| full()));
            })
        }),
        ours("flagstone::ThreadSafePool<SpinLock>", |threads, ops| {
            let pool = ThreadSafePool::<Value, SpinLock>::with_lock(SLOTS);
            let pool = pool.unwrap_or_else(|_| full());
            together(threads, || {
                window(ops, |value| pool.alloc(value).unwrap_or_else(|_| full()));
            })
        }),
        ours("flagstone::ThreadSafePool, kept by Arc", |threads, ops| {
            let pool = Arc::new(ThreadSafePool::new(SLOTS));
            together(threads, || {
                window(ops, |value| {
                    pool.alloc_static(value).unwrap_or_else(|_| full())
                });
            })
        }),
        ours("flagstone::ThreadLocalPool", |threads, ops| {
            let pool = ThreadLocalPool::new(SLOTS);
            together(threads, || {
                window(ops, |value| pool.alloc(value).unwrap_or_else(|_| full()));
            })
        }),
        rival("std::boxed::Box", |threads, ops| {
            together(threads, || window(ops, |value| black_box(Box::new(value))))
        }),
        rival("Mutex<slab::Slab>, std", std_slab),
        rival("Mutex<slab::Slab>, parking_lot", parking_lot_slab),
        rival("opool::Pool", |threads, ops| {
            let pool = opool::Pool::new_prefilled(SLOTS, Maker);
            together(threads, || {
                window(ops, |value| {
                    let mut guard = pool.get();
                    *guard = value;
                    guard
                });
            })
        }),
        rival("fastalloc::ThreadSafePool", |threads, ops| {
            let pool = fastalloc::ThreadSafePool::<Value>::new(SLOTS);
            let pool = pool.unwrap_or_else(|_| full());
            together(threads, || {
                window(ops, |value| pool.allocate(value).unwrap_or_else(|_| full()));
            })
        }),
    ]
}

/// Clones and drops a handle of one value.
fn clones<H: Clone>(handle: &H, ops: u64) -> Duration {
    let began = Instant::now();
    for _ in 0..ops {
        drop(black_box(black_box(handle).clone()));
    }
    began.elapsed()
}

fn local_handles() -> Vec<Contender> {
    vec![
        ours("flagstone::SharedHandle, one thread", |_, ops| {
            let pool = SharedPool::new(GrowingPool::new(1));
            let handle = pool.alloc([7_u64; 8]).unwrap_or_else(|_| full());
            let took = clones(&handle, ops);
            assert_eq!(SharedHandle::strong_count(&handle), 1);
            took
        }),
        rival("std::rc::Rc", |_, ops| clones(&Rc::new([7_u64; 8]), ops)),
    ]
}

fn atomic_handles() -> Vec<Contender> {
    vec![
        ours("flagstone::SharedHandle, any thread", |threads, ops| {
            let pool = SharedPool::new(ThreadSafePool::new(1));
            let handle = pool.alloc([7_u64; 8]).unwrap_or_else(|_| full());
            together(threads, || {
                clones(&handle, ops);
            })
        }),
        rival("std::sync::Arc", |threads, ops| {
            let handle = Arc::new([7_u64; 8]);
            together(threads, || {
                clones(&handle, ops);
            })
        }),
    ]
}

/// Shares a value once and drops it: what the count costs that nobody clones.
fn shared_values() -> Vec<Contender> {
    vec![
        ours("flagstone::SharedPool<GrowingPool>", |_, ops| {
            let pool = SharedPool::new(GrowingPool::new(SLOTS));
            let began = Instant::now();
            window(ops, |value| pool.alloc(value).unwrap_or_else(|_| full()));
            began.elapsed()
        }),
        ours("flagstone::SharedPool<ThreadSafePool>", |_, ops| {
            let pool = SharedPool::new(ThreadSafePool::new(SLOTS));
            let began = Instant::now();
            window(ops, |value| pool.alloc(value).unwrap_or_else(|_| full()));
            began.elapsed()
        }),
        rival("std::rc::Rc", |_, ops| {
            let began = Instant::now();
            window(ops, |value| black_box(Rc::new(value)));
            began.elapsed()
        }),
        rival("std::sync::Arc", |_, ops| {
            let began = Instant::now();
            window(ops, |value| black_box(Arc::new(value)));
            began.elapsed()
        }),
    ]
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Runs the contenders in turn, so many rounds, and prints a table.
fn race(title: &str, contenders: &[Contender], threads: usize, args: &Args) {
    if !title.contains(args.filter.as_deref().unwrap_or_default()) {
        return;
    }
    let (rounds, ops) = if args.quick {
        (3, 2_000)
    } else {
        (41, 100_000)
    };
    let ops = ops / threads as u64;
    let mut nanos = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..=rounds {
        for (contender, nanos) in contenders.iter().zip(&mut nanos) {
            let took = (contender.run)(threads, ops);
            // The first round warms up.
            if round > 0 {
                nanos.push(took.as_nanos() as f64 / (ops * threads as u64) as f64);
            }
        }
    }
    let best: Vec<f64> = (0..rounds)
        .map(|round| {
            let rivals = contenders.iter().zip(&nanos).filter(|(c, _)| !c.ours);
            rivals
                .map(|(_, nanos)| nanos[round])
                .fold(f64::MAX, f64::min)
        })
        .collect();
    println!("\n{title}, {threads} thread(s), {rounds} rounds\n");
    println!("| contender | ns per operation | of the best rival |");
    println!("|---|---:|---:|");
    for (contender, nanos) in contenders.iter().zip(nanos) {
        let ratios = nanos.iter().zip(&best).map(|(ns, best)| ns / best);
        let ratio = median(ratios.collect());
        println!("| {} | {:.1} | {ratio:.2} |", contender.name, median(nanos));
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    for threads in [1, 2, 8] {
        race("pools", &pools(), threads, &args);
    }
    race("clone and drop, Rc", &local_handles(), 1, &args);
    for threads in [1, 2] {
        race("clone and drop, Arc", &atomic_handles(), threads, &args);
    }
    race("place and drop a shared value", &shared_values(), 1, &args);
    Ok(())
}
