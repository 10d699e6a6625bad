//! Single calls on pools whose slots are at hand, for an instruction counter.
//!
//! The events of shared pools run in threads of their own, where a counter of one function would count the
//! threads, too; here the one call is counted that every thread makes most.

use std::hint::black_box;

use flagstone::{FixedPool, LockFreePool};

use crate::{arena::Call, contender::exhausted};

/// Slots of a pool, of which one is in use at a time.
const SLOTS: usize = 1 << 10;

/// A value of 8 bytes is stored and dropped, so many times.
macro_rules! warm {
    ($name:ident, $pool:expr) => {
        fn $name(times: u64) {
            #[inline(never)]
            fn measured_alloc_free(number: u64, alloc_free: impl Fn(u64)) {
                alloc_free(number);
            }
            let pool = $pool;
            for number in 0..times {
                measured_alloc_free(number, |number| {
                    let handle = pool.alloc(number).unwrap_or_else(|_| exhausted());
                    black_box(&raw const *handle);
                });
            }
        }
    };
}

warm!(lock_free, LockFreePool::<u64>::new(SLOTS));
warm!(exact, LockFreePool::<u64>::exact(SLOTS));
warm!(fixed, FixedPool::<u64>::new(SLOTS));

/// All calls of all contenders.
#[must_use]
pub fn warm_calls() -> Vec<Call> {
    [
        ("flagstone::LockFreePool", lock_free as fn(u64)),
        ("flagstone::LockFreePool(exact)", exact),
        ("flagstone::FixedPool", fixed),
    ]
    .map(|(contender, repeat)| Call {
        name: "call/alloc-free",
        contender,
        repeat,
    })
    .into()
}
