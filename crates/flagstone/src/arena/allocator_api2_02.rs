//! The allocator API of `allocator-api2` 0.2: collections that live in an arena.
#![expect(unsafe_code, reason = "implements Allocator")]

use lock_api::RawMutex;

use super::{Arena, LocalArena, LockArena, SyncArena, block::allocator};
use crate::provider::Provider;

allocator!(allocator_api2_02:
    [P: Provider, const MIN_ALIGN: usize] Arena<P, MIN_ALIGN>,
    [P: Provider, const MIN_ALIGN: usize] SyncArena<P, MIN_ALIGN>,
    [P: Provider, const MIN_ALIGN: usize] LocalArena<'_, P, MIN_ALIGN>,
    [R: RawMutex, P: Provider, const MIN_ALIGN: usize] LockArena<R, P, MIN_ALIGN>,
);
