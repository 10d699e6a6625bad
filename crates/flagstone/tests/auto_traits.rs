//! `Send` and `Sync` exactly where they are sound: both that they are there and that they are not.
//!
//! Checked by the compiler, so this is a binary of its own: when it fails, the others still run.

use std::{cell::Cell, error::Error, rc::Rc};

use flagstone::{
    AllocError, Arena, ArenaBox, ConfigError, FixedPool, GrowingPool, IndexError, OutOfMemory,
    PoolConfig, SyncArena,
    arena::{ArenaScope, Checkpoint, ChunksOf, LocalArena, LockArena, UsedBytes},
    index::{Bitmap, FreeList, Stack},
    pool::{
        Checked, FixedHandle, FixedVacant, GrowingHandle, GrowingVacant, Hooks, Indexed, Intrusive,
        NoHooks, PoolConfigBuilder,
    },
    provider::{ByteRegion, Global, OsPages, StaticRegion},
    sync::{NoLock, SpinLock},
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

/// Hooks that must stay on their thread.
struct RcHooks(#[expect(dead_code, reason = "its type is what counts")] Rc<()>);
impl<T> Hooks<T> for RcHooks {}

/// Neither `Send` nor `Sync`.
type Tied = Rc<()>;
/// `Send`, not `Sync`.
type Movable = Cell<u8>;
/// `Sync`, not `Send`.
type Shareable = std::sync::MutexGuard<'static, u8>;

// A pool is sent when all its parts can be, and never shared.
assert_impl_all!(FixedPool<u8>: Send, Unpin);
assert_impl_all!(FixedPool<Movable>: Send);
assert_impl_all!(FixedPool<u8, Checked<Intrusive>>: Send);
assert_impl_all!(FixedPool<u8, Indexed<Stack>>: Send);
assert_impl_all!(FixedPool<u8, Indexed<FreeList>>: Send);
assert_impl_all!(FixedPool<u8, Checked<Indexed<Bitmap>>>: Send);
assert_impl_all!(FixedPool<u8, Intrusive, NoHooks, ByteRegion<'static>>: Send);
assert_impl_all!(FixedPool<u8, Intrusive, NoHooks, &'static StaticRegion<64>>: Send);
assert_impl_all!(GrowingPool<u8>: Send, Unpin);
assert_impl_all!(GrowingPool<Movable>: Send);
assert_impl_all!(GrowingPool<u8, NoHooks, OsPages>: Send);
assert_not_impl_any!(FixedPool<u8>: Sync);
assert_not_impl_any!(FixedPool<u8, Checked<Intrusive>>: Sync);
assert_not_impl_any!(FixedPool<u8, Indexed<Stack>>: Sync);
assert_not_impl_any!(FixedPool<u8, Indexed<FreeList>>: Sync);
assert_not_impl_any!(FixedPool<u8, Indexed<Bitmap>>: Sync);
assert_not_impl_any!(GrowingPool<u8>: Sync);
assert_not_impl_any!(FixedPool<Tied>: Send, Sync);
assert_not_impl_any!(FixedPool<Shareable>: Send, Sync);
assert_not_impl_any!(FixedPool<u8, Intrusive, RcHooks>: Send, Sync);
assert_not_impl_any!(FixedPool<u8, Intrusive, NoHooks, &'static ByteRegion<'static>>: Send, Sync);
assert_not_impl_any!(GrowingPool<Tied>: Send, Sync);
assert_not_impl_any!(GrowingPool<Shareable>: Send, Sync);
assert_not_impl_any!(GrowingPool<u8, RcHooks>: Send, Sync);
assert_not_impl_any!(GrowingPool<u8, NoHooks, &'static ByteRegion<'static>>: Send, Sync);

// A handle stays on the thread of its pool; a reference to one is a reference to the value.
assert_impl_all!(FixedHandle<'static, u8>: Sync, Unpin);
assert_impl_all!(FixedHandle<'static, Shareable>: Sync);
assert_impl_all!(GrowingHandle<'static, u8>: Sync, Unpin);
assert_impl_all!(GrowingHandle<'static, Shareable>: Sync);
assert_not_impl_any!(FixedHandle<'static, u8>: Send);
assert_not_impl_any!(FixedHandle<'static, Movable>: Send, Sync);
assert_not_impl_any!(FixedHandle<'static, Tied>: Send, Sync);
assert_not_impl_any!(GrowingHandle<'static, u8>: Send);
assert_not_impl_any!(GrowingHandle<'static, Movable>: Send, Sync);
assert_not_impl_any!(GrowingHandle<'static, Tied>: Send, Sync);
assert_not_impl_any!(FixedVacant<'static, u8>: Send);
assert_not_impl_any!(GrowingVacant<'static, u8>: Send);

// Handles are moved, not copied.
assert_not_impl_any!(FixedHandle<'static, u8>: Clone, Copy, Default);
assert_not_impl_any!(GrowingHandle<'static, u8>: Clone, Copy, Default);
assert_not_impl_any!(FixedVacant<'static, u8>: Clone, Copy);

// An arena is sent when its provider can be: what it drops is `Send`. It is never shared.
assert_impl_all!(Arena: Send, Unpin);
assert_impl_all!(Arena<ByteRegion<'static>, 64>: Send);
assert_impl_all!(Arena<&'static StaticRegion<64>>: Send);
assert_impl_all!(Arena<OsPages, 1>: Send);
assert_not_impl_any!(Arena: Sync, Clone);
assert_not_impl_any!(Arena<&'static ByteRegion<'static>>: Send, Sync);

// A scope has borrowed its arena, and stays; so does all that points into one by itself.
assert_not_impl_any!(ArenaScope<'static, Global>: Send, Sync, Clone);
assert_not_impl_any!(Checkpoint: Send, Sync);

// A box and a walk are as their values.
assert_impl_all!(ArenaBox<'static, u8>: Send, Sync, Unpin);
assert_impl_all!(ArenaBox<'static, [Movable]>: Send);
assert_impl_all!(ArenaBox<'static, Shareable>: Sync);
assert_not_impl_any!(ArenaBox<'static, Movable>: Sync);
assert_not_impl_any!(ArenaBox<'static, Shareable>: Send);
assert_not_impl_any!(ArenaBox<'static, Tied>: Send, Sync);
assert_not_impl_any!(ArenaBox<'static, dyn std::fmt::Debug>: Send, Sync);
assert_not_impl_any!(ArenaBox<'static, u8>: Clone, Copy, Default);
assert_not_impl_any!(ChunksOf<'static, u8>: Send, Sync, Clone);
assert_not_impl_any!(UsedBytes<'static>: Send, Sync, Clone);

// A shared arena needs a provider that can be shared. A local one goes to another thread, and is
// never shared.
assert_impl_all!(SyncArena: Send, Sync);
assert_impl_all!(SyncArena<&'static StaticRegion<64>, 64>: Send, Sync);
assert_impl_all!(SyncArena<ByteRegion<'static>>: Send);
assert_not_impl_any!(SyncArena<ByteRegion<'static>>: Sync);
assert_not_impl_any!(SyncArena<&'static ByteRegion<'static>>: Send, Sync);
assert_impl_all!(LocalArena<'static>: Send);
assert_not_impl_any!(LocalArena<'static>: Sync, Clone);
assert_not_impl_any!(LocalArena<'static, ByteRegion<'static>>: Send, Sync);
assert_impl_all!(LockArena<SpinLock>: Send, Sync);
assert_not_impl_any!(LockArena<NoLock>: Sync);
assert_not_impl_any!(LockArena<SpinLock, ByteRegion<'static>>: Sync);
assert_not_impl_any!(LockArena<SpinLock, &'static ByteRegion<'static>>: Send, Sync);

// Providers, locks and numbers.
assert_impl_all!(Global: Send, Sync, Copy);
assert_impl_all!(OsPages: Send, Sync, Copy);
assert_impl_all!(StaticRegion<64>: Send, Sync);
assert_impl_all!(ByteRegion<'static>: Send);
assert_not_impl_any!(ByteRegion<'static>: Sync, Clone);
assert_impl_all!(SpinLock: Send, Sync);
assert_impl_all!(NoLock: Send);
assert_not_impl_any!(NoLock: Sync);
assert_impl_all!(Stack: Send, Sync);
assert_impl_all!(FreeList: Send, Sync);
assert_impl_all!(Bitmap: Send, Sync);

// What is configured can be built elsewhere; closures are `Send + Sync`, and no value is inside.
assert_impl_all!(PoolConfig<Tied>: Send, Sync);
assert_impl_all!(PoolConfigBuilder<Tied>: Send, Sync);

// Errors travel, as far as the value in them does.
assert_impl_all!(AllocError<u8>: Send, Sync, Error);
assert_impl_all!(AllocError<Tied>: Error);
assert_not_impl_any!(AllocError<Tied>: Send, Sync);
assert_impl_all!(ConfigError: Send, Sync, Error, Copy);
assert_impl_all!(IndexError: Send, Sync, Error, Copy);
assert_impl_all!(OutOfMemory: Send, Sync, Error, Copy);

/// A pool that was filled here serves there.
#[test]
fn a_pool_moves_to_another_thread_with_its_values() {
    let fixed = FixedPool::new(4);
    let growing = GrowingPool::new(4);
    std::mem::forget(fixed.alloc(Cell::new(1)));
    std::mem::forget(growing.alloc(Cell::new(2)));
    let there = std::thread::spawn(move || {
        let (mut fixed, mut growing) = (fixed, growing);
        let left = (
            fixed.drain().map(|cell| cell.get()).collect::<Vec<_>>(),
            growing.drain().map(|cell| cell.get()).collect::<Vec<_>>(),
        );
        assert!(fixed.alloc(Cell::new(3)).is_ok() && growing.alloc(Cell::new(4)).is_ok());
        left
    });
    assert_eq!(there.join().expect("no panic"), (vec![1], vec![2]));
}
