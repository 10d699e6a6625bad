//! Uses a pool or an arena as told: `misuse <place> <deed>`, place `fixed`, `growing`, `arena`, `scope`,
//! `shared` or `local`, deed `none`, `use-after-free` or `overflow`.
//!
//! The bad deeds touch bytes that belong to the place's own chunk, so a tool that watches the
//! allocator sees nothing wrong in them. Only a tool that was told about slots and blocks can object,
//! which is what makes this a test of the telling: see `ci/asan-hooks` and `ci/valgrind-hooks`.

use std::{env, process::ExitCode, ptr::NonNull};

use flagstone::{Arena, FixedPool, GrowingPool, OwnedHandle, SyncArena, handle::Home};

/// As large as its slot, so that the byte behind it belongs to the next one.
type Value = [u64; 8];

/// Bytes of the arenas' first chunk: enough, so that it stays when they are reset.
const CAPACITY: usize = 16 * 1024;

#[derive(Clone, Copy)]
enum Deed {
    None,
    UseAfterFree,
    Overflow,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let [place, deed] = arguments[..] else {
        return usage();
    };
    let deed = match deed {
        "none" => Deed::None,
        "use-after-free" => Deed::UseAfterFree,
        "overflow" => Deed::Overflow,
        _ => return usage(),
    };
    match place {
        "fixed" => {
            let pool = FixedPool::<Value>::new(4);
            run(deed, || pool.alloc([1; 8]).expect("a free slot"));
        }
        "growing" => {
            let pool = GrowingPool::<Value>::new(4);
            run(deed, || pool.alloc([1; 8]).expect("a free slot"));
        }
        "arena" => {
            let mut arena = Arena::with_capacity(CAPACITY);
            for _ in 0..3 {
                run_in_arena(deed, |value| NonNull::from(arena.alloc(value)));
                arena.reset();
            }
            let last = NonNull::from(arena.alloc([1; 8]));
            arena.reset();
            after_the_end(deed, last);
        }
        "scope" => {
            let arena = Arena::with_capacity(CAPACITY);
            let scope = arena.scope();
            run_in_arena(deed, |value| NonNull::from(scope.alloc(value)));
            let last = NonNull::from(scope.alloc([1; 8]));
            drop(scope);
            after_the_end(deed, last);
        }
        "shared" => {
            let mut arena = SyncArena::with_capacity(CAPACITY);
            run_in_arena(deed, |value| NonNull::from(arena.alloc(value)));
            let last = NonNull::from(arena.alloc([1; 8]));
            arena.reset();
            after_the_end(deed, last);
        }
        "local" => {
            let mut arena = SyncArena::with_capacity(CAPACITY);
            let local = arena.local();
            run_in_arena(deed, |value| NonNull::from(local.alloc(value)));
            let last = NonNull::from(local.alloc([1; 8]));
            drop(local);
            arena.reset();
            after_the_end(deed, last);
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: misuse fixed|growing|arena|scope|shared|local none|use-after-free|overflow");
    ExitCode::from(2)
}

/// Places values; may look behind the last one.
fn run_in_arena(deed: Deed, alloc: impl Fn(Value) -> NonNull<Value>) {
    let mut sum = 0;
    for n in 0..40 {
        // SAFETY: just placed, and nobody else's.
        sum += unsafe { alloc([n; 8]).as_ref() }.iter().sum::<u64>();
    }
    assert_eq!(sum, 8 * 39 * 40 / 2);
    if let Deed::Overflow = deed {
        read_behind(alloc([1; 8]).cast());
    }
}

/// May look at a value whose room was taken back.
fn after_the_end(deed: Deed, value: NonNull<Value>) {
    if let Deed::UseAfterFree = deed {
        read_inside(value.cast());
    }
}

fn read_inside(address: NonNull<u64>) {
    // SAFETY: none: the value is gone. The bytes are still those of the place it was in, so the read
    // itself does no harm.
    let _ = unsafe { address.add(1).read_volatile() };
    println!("read from a slot or block that is free");
}

fn read_behind(address: NonNull<u64>) {
    // SAFETY: none: the value ends here. The bytes behind it are the next slot or block, which is
    // free.
    let _ = unsafe { address.add(8).read_volatile() };
    println!("read behind a value");
}

/// Takes slots, gives some back, takes them again; then does the deed.
fn run<'p, H: Home + 'p>(deed: Deed, alloc: impl Fn() -> OwnedHandle<'p, Value, H>) {
    let kept = alloc();
    for _ in 0..3 {
        let mut again = alloc();
        again[7] += 1;
        assert_eq!(again.iter().sum::<u64>(), 9);
    }
    let last = alloc();
    let address = NonNull::from(&*last).cast::<u64>();
    match deed {
        Deed::None => {}
        Deed::UseAfterFree => {
            drop(last);
            read_inside(address);
        }
        Deed::Overflow => read_behind(address),
    }
    drop(kept);
}
