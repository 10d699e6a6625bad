//! Uses a pool as told: `misuse <pool> <deed>`, pool `fixed` or `growing`, deed `none`,
//! `use-after-free` or `overflow`.
//!
//! The bad deeds touch bytes that belong to the pool's own chunk, so a tool that watches the
//! allocator sees nothing wrong in them. Only a tool that was told about slots can object, which is
//! what makes this a test of the telling: see `ci/asan-hooks` and `ci/valgrind-hooks`.

use std::{env, process::ExitCode, ptr::NonNull};

use flagstone::{FixedPool, GrowingPool, OwnedHandle, handle::Home};

/// As large as its slot, so that the byte behind it belongs to the next one.
type Value = [u64; 8];

#[derive(Clone, Copy)]
enum Deed {
    None,
    UseAfterFree,
    Overflow,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let [pool, deed] = arguments[..] else {
        return usage();
    };
    let deed = match deed {
        "none" => Deed::None,
        "use-after-free" => Deed::UseAfterFree,
        "overflow" => Deed::Overflow,
        _ => return usage(),
    };
    match pool {
        "fixed" => {
            let pool = FixedPool::<Value>::new(4);
            run(deed, || pool.alloc([1; 8]).expect("a free slot"));
        }
        "growing" => {
            let pool = GrowingPool::<Value>::new(4);
            run(deed, || pool.alloc([1; 8]).expect("a free slot"));
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: misuse fixed|growing none|use-after-free|overflow");
    ExitCode::from(2)
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
            // SAFETY: none: the slot was given back. The bytes are still the pool's, so the read
            // itself does no harm.
            let _ = unsafe { address.add(1).read_volatile() };
            println!("read from a slot that is free");
        }
        Deed::Overflow => {
            // SAFETY: none: the value ends here. The bytes behind it are the pool's next slot,
            // which is free.
            let _ = unsafe { address.add(8).read_volatile() };
            println!("read behind a value");
        }
    }
    drop(kept);
}
