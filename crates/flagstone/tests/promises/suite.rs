//! Every pool, under every strategy, on every provider and with every growth, keeps the promises
//! that all pools make.

use std::collections::VecDeque;

use flagstone::{
    ConfigError, IndexAllocator,
    index::{Bitmap, FreeList, Stack, WithCapacity},
    pool::{Checked, Indexed, Intrusive},
    sync::{DefaultLock, NoLock, SpinLock},
};
use flagstone_testkit::{
    conformance,
    conformance::{Fixed, Growing, ThreadSafe},
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
conformance!(fixed_checked, Fixed<Checked<Intrusive>>);
conformance!(fixed_stack, Fixed<Indexed<Stack>>);
conformance!(fixed_free_list, Fixed<Indexed<FreeList>>);
conformance!(fixed_bitmap, Fixed<Indexed<Bitmap>>);
conformance!(fixed_checked_stack, Fixed<Checked<Indexed<Stack>>>);
conformance!(fixed_own_index, Fixed<Indexed<Queue>>);
conformance!(growing_1_kib, Growing<1024>);
conformance!(growing_4_kib, Growing<4096>);
conformance!(growing_64_kib, Growing<{ 64 * 1024 }>);
conformance!(thread_safe_default_lock, ThreadSafe<DefaultLock>);
conformance!(thread_safe_spin_lock, ThreadSafe<SpinLock>);
conformance!(thread_safe_no_lock, ThreadSafe<NoLock>);
