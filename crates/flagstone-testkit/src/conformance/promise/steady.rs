//! A steady state allocates nothing: neither from the pool's provider nor from the heap.

use super::SLOTS;
use crate::{
    conformance::{Counted, Door, PoolKind, Unwrap, each, fill},
    heap_watch,
};

/// After the first round nothing is asked of anybody. The provider's own calls go through the heap
/// too, or are counted by a ledger on it, so one count covers both.
pub fn allocates_nothing<K: PoolKind>() {
    assert!(
        heap_watch::is_installed(),
        "the binary must count heap calls"
    );
    each::<K>(|setting| {
        let pool = K::plain::<[u64; 3]>(setting, SLOTS);
        drop(fill(&pool, || [0; 3]));
        let mut held = Vec::with_capacity(SLOTS);
        let calls = heap_watch::calls_during(|| {
            for round in 0..20 {
                while let Ok(handle) = pool.alloc([round; 3]) {
                    held.push(handle);
                }
                assert_eq!(held.len(), SLOTS);
                // Every other one first, so that frees are not the reverse of allocations.
                for at in (0..SLOTS / 2).rev() {
                    drop(held.swap_remove(at));
                }
                while let Some(handle) = held.pop() {
                    let value = <K::Pool<[u64; 3], flagstone::pool::NoHooks>>::into_inner(handle);
                    assert_eq!(value, [round; 3]);
                }
                assert!(pool.is_empty());
            }
        });
        assert_eq!(calls, 0);
    });
}
