//! Every pool, under every strategy, on every provider and with every growth, keeps the promises
//! that all pools make.

use std::collections::VecDeque;

use flagstone::{
    ConfigError, IndexAllocator,
    index::WithCapacity,
    pool::{Indexed, Intrusive},
    sync::{DefaultLock, SpinLock},
};
use flagstone_testkit::{
    conformance,
    conformance::{
        Buffered, Cached, Fixed, Growing, KeptThreadSafe, LockFree, LockFreeExact, Recycling,
        ThreadSafe, Zeroing,
    },
};

/// An index allocator as a user would write one: first freed, first used.
#[derive(Debug)]
struct Queue {
    free: VecDeque<usize>,
    capacity: usize,
}

impl IndexAllocator for Queue {
    fn allocate(&mut self) -> Option<usize> {
        self.free.pop_front()
    }

    fn free(&mut self, index: usize) {
        self.free.push_back(index);
    }

    fn available(&self) -> usize {
        self.free.len()
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

impl WithCapacity for Queue {
    fn with_capacity(capacity: usize) -> Result<Self, ConfigError> {
        Ok(Self {
            free: (0..capacity).collect(),
            capacity,
        })
    }
}

conformance!(fixed_intrusive, Fixed<Intrusive>);
conformance!(fixed_own_index, Fixed<Indexed<Queue>>);
conformance!(growing_1_kib, Growing<1024>);
conformance!(recycling, Recycling, only
    exhaustion: [
        value_comes_back, maker_is_not_called, room_comes_back, counts_are_exact,
        zero_capacity_refuses,
    ],
    panics: [
        in_drop, in_drop_of_a_value_moved_in, in_a_closure, at_every_drop_of_clear,
        at_every_drop_of_a_pool,
    ],
    reentrancy: [destructor_allocates, value_owns_a_handle_of_its_pool, closure_allocates],
    forgotten: [dropped_with_the_pool, dropped_by_clear],
    shape: [over_aligned, values_do_not_move, references_outlast_other_calls],
    steady: [allocates_nothing],
);
conformance!(buffers_small, Buffered<1>, only
    exhaustion: [
        value_comes_back, maker_is_not_called, room_comes_back, counts_are_exact,
        zero_capacity_refuses,
    ],
    panics: [
        in_drop, in_drop_of_a_value_moved_in, in_a_closure, at_every_drop_of_clear,
        at_every_drop_of_a_pool,
    ],
    reentrancy: [destructor_allocates, value_owns_a_handle_of_its_pool, closure_allocates],
    forgotten: [dropped_with_the_pool, dropped_by_clear],
    shape: [over_aligned, alignment_knob, values_do_not_move, references_outlast_other_calls],
    initial: [touched_memory_serves],
    steady: [allocates_nothing],
);
// Emptied as a whole, a pool of several slabs gives one back each time, so its state is not steady.
conformance!(buffers_large, Buffered<8000>, only
    exhaustion: [
        value_comes_back, maker_is_not_called, room_comes_back, counts_are_exact,
        zero_capacity_refuses,
    ],
    panics: [
        in_drop, in_drop_of_a_value_moved_in, in_a_closure, at_every_drop_of_clear,
        at_every_drop_of_a_pool,
    ],
    reentrancy: [destructor_allocates, value_owns_a_handle_of_its_pool, closure_allocates],
    forgotten: [dropped_with_the_pool, dropped_by_clear],
    shape: [over_aligned, alignment_knob, values_do_not_move, references_outlast_other_calls],
    initial: [touched_memory_serves],
);
/// The promises that need no walk over forgotten values, which this pool cannot find: its handles keep
/// their slots whatever becomes of the pool. `lock_free.rs` has the others in its own words.
macro_rules! lock_free {
    ($name:ident, $kind:ty) => {
        mod $name {
            flagstone_testkit::conformance!(@tests $kind,
                exhaustion: [
                    value_comes_back, maker_is_not_called, room_comes_back, counts_are_exact,
                    zero_capacity_refuses,
                ],
                panics: [in_drop, in_drop_of_a_value_moved_in, in_a_closure],
                reentrancy: [
                    destructor_allocates, value_owns_a_handle_of_its_pool, closure_allocates,
                    hook_allocates,
                ],
                shape: [
                    over_aligned, alignment_knob, values_do_not_move, references_outlast_other_calls,
                ],
                initial: [custom_waits, lazy_refuses, touched_memory_serves],
                steady: [allocates_nothing],
                order: [of_a_life, slot_is_free_after_drop],
            );
        }
    };
}
lock_free!(lock_free, LockFree);
lock_free!(lock_free_exact, LockFreeExact);

/// The promises that need neither hooks nor walks, which slab caches do not have, under a lock.
/// `slab_cache.rs` has the others in its own words.
macro_rules! cached {
    ($name:ident, $lock:ty) => {
        conformance!($name, Cached<$lock>, only
            exhaustion: [
                value_comes_back, maker_is_not_called, room_comes_back, counts_are_exact,
            ],
            panics: [in_drop, in_drop_of_a_value_moved_in, in_a_closure],
            reentrancy: [
                destructor_allocates, value_owns_a_handle_of_its_pool, closure_allocates,
            ],
            shape: [over_aligned, values_do_not_move, references_outlast_other_calls],
            steady: [allocates_nothing],
            order: [slot_is_free_after_drop],
        );
    };
}
cached!(cached_spin_lock, SpinLock);

conformance!(thread_safe_spin_lock, ThreadSafe<SpinLock>);
conformance!(zeroing_growing, Zeroing<Growing<4096>>);

/// The promises of pools whose handles keep them: all but those on handles that are forgotten, which
/// keep the pool for ever (`static_handles.rs` has the promise on that).
macro_rules! kept {
    ($name:ident, $kind:ty) => {
        mod $name {
            flagstone_testkit::conformance!(@tests $kind,
                exhaustion: [
                    value_comes_back, maker_is_not_called, room_comes_back, counts_are_exact,
                    zero_capacity_refuses,
                ],
                panics: [
                    in_drop, in_drop_of_a_value_moved_in, in_a_closure, in_the_acquire_hook,
                    in_the_initializer, in_drop_of_a_value_made_ahead,
                ],
                reentrancy: [
                    destructor_allocates, value_owns_a_handle_of_its_pool, closure_allocates,
                    hook_allocates,
                ],
                forgotten: [raw_pointers_come_back],
                shape: [
                    over_aligned, alignment_knob, values_do_not_move,
                    references_outlast_other_calls,
                ],
                initial: [
                    eager_count_is_exact, custom_waits, custom_ahead, lazy_refuses,
                    made_ahead_makes_room, touched_memory_serves,
                ],
                steady: [allocates_nothing],
                order: [of_a_life, slot_is_free_after_drop],
                model: [pool_agrees, pool_of_larger_values_agrees],
            );
        }
    };
}

kept!(kept_thread_safe, KeptThreadSafe<DefaultLock>);

/// Kinds that differ from one above in a parameter. All of them take minutes to compile with optimisation
/// or a sanitizer, or to be counted, which would show the same once more.
#[cfg(all(debug_assertions, not(flagstone_asan), not(feature = "stats")))]
mod variants {
    use flagstone::{
        index::{Bitmap, FreeList, Stack},
        pool::Checked,
        sync::NoLock,
    };
    use flagstone_testkit::conformance::{KeptFixed, KeptGrowing};

    use super::*;

    conformance!(fixed_checked, Fixed<Checked<Intrusive>>);
    conformance!(fixed_stack, Fixed<Indexed<Stack>>);
    conformance!(fixed_free_list, Fixed<Indexed<FreeList>>);
    conformance!(fixed_bitmap, Fixed<Indexed<Bitmap>>);
    conformance!(fixed_checked_stack, Fixed<Checked<Indexed<Stack>>>);
    conformance!(growing_4_kib, Growing<4096>);
    conformance!(growing_64_kib, Growing<{ 64 * 1024 }>);
    conformance!(thread_safe_default_lock, ThreadSafe<DefaultLock>);
    conformance!(thread_safe_no_lock, ThreadSafe<NoLock>);
    conformance!(zeroing_fixed, Zeroing<Fixed<Intrusive>>);
    conformance!(zeroing_thread_safe, Zeroing<ThreadSafe<NoLock>>);
    cached!(cached_no_lock, NoLock);
    cached!(cached_default_lock, DefaultLock);
    kept!(kept_fixed, KeptFixed);
    kept!(kept_growing, KeptGrowing);
    kept!(kept_behind_no_lock, KeptThreadSafe<NoLock>);
}
