//! `Send` and `Sync` exactly where they are sound: both that they are there and that they are not.
//!
//! Checked by the compiler, so this is a binary of its own: when it fails, the others still run.

use std::{
    cell::Cell,
    error::Error,
    ops::DerefMut,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
    sync::atomic::AtomicU64,
};

use flagstone::{
    AllocError, Arena, ArenaBox, BufferPool, ConfigError, FixedPool, GrowingPool, IndexError,
    LockFreePool, OutOfMemory, OwnedHandle, PoolConfig, RecyclePool, SharedPool, SyncArena,
    ThreadLocalPool, ThreadSafePool,
    arena::{ArenaScope, Checkpoint, ChunksOf, LocalArena, LockArena, UsedBytes},
    handle::Mapped,
    index::{AtomicBitmap, AtomicStack, AtomicWord, Bitmap, FreeList, Stack},
    pool::{
        ArcHandle, ArcShared, ArcWeak, AtAcquire, Buffer, Checked, ConfiguredRecycle, Deferred,
        FixedHandle, FixedVacant, GrowingHandle, GrowingVacant, Hooks, Indexed, Intrusive,
        LentHandle, LentWeak, LockFreeHandle, LockFreeVacant, LockedHome, NoHooks,
        PoolConfigBuilder, RawBuffers, RcHandle, RcShared, RcWeak, Recycle, Recycled,
        RecycledVacant, ThreadLocalHandle, ThreadSafeHandle, ThreadSafeVacant, ZeroOnFree,
    },
    provider::{ByteRegion, Global, OsPages, StaticRegion},
    slab::{RecycleBox, RecycleCache, SlabBox, SlabCache, VacantSlabBox},
    sync::{DefaultLock, NoLock, SpinLock},
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

/// Hooks that must stay on their thread.
struct RcHooks(#[expect(dead_code, reason = "its type is what counts")] Rc<()>);
impl<T> Hooks<T> for RcHooks {}

/// Makes objects of any type that has a default, with and without ties to its thread.
struct Maker;
impl<T> Recycle<T> for Maker {
    fn create(&self) -> T {
        unreachable!("nothing is acquired in this file")
    }
}
struct RcMaker(#[expect(dead_code, reason = "its type is what counts")] Rc<()>);
impl<T> Recycle<T> for RcMaker {
    fn create(&self) -> T {
        unreachable!("nothing is acquired in this file")
    }
}

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

assert_impl_all!(RecyclePool<u8, Maker>: Send, Unpin);
assert_impl_all!(RecyclePool<Movable, AtAcquire<Maker>>: Send);
assert_impl_all!(RecyclePool<u8, Maker, ByteRegion<'static>>: Send);
assert_not_impl_any!(RecyclePool<u8, Maker>: Sync);
assert_not_impl_any!(RecyclePool<Tied, Maker>: Send, Sync);
assert_not_impl_any!(RecyclePool<Shareable, Maker>: Send, Sync);
assert_not_impl_any!(RecyclePool<u8, RcMaker>: Send, Sync);
assert_not_impl_any!(RecyclePool<u8, Maker, &'static ByteRegion<'static>>: Send, Sync);
assert_impl_all!(ConfiguredRecycle<Tied>: Send, Sync);
assert_impl_all!(BufferPool<u8>: Send, Unpin);
assert_impl_all!(BufferPool<Movable>: Send);
assert_not_impl_any!(BufferPool<u8>: Sync);
assert_not_impl_any!(BufferPool<Tied>: Send, Sync);
assert_not_impl_any!(BufferPool<Shareable>: Send, Sync);
assert_not_impl_any!(BufferPool<u8, &'static ByteRegion<'static>>: Send, Sync);

// A region only gives out addresses: it is shared as far as what may lie in it.
assert_impl_all!(RawBuffers<u8>: Send, Sync, Unpin);
assert_impl_all!(RawBuffers<Movable>: Send);
assert_not_impl_any!(RawBuffers<Movable>: Sync);
assert_not_impl_any!(RawBuffers<Tied>: Send, Sync);
assert_not_impl_any!(RawBuffers<Shareable>: Send);
assert_not_impl_any!(RawBuffers<u8, ByteRegion<'static>>: Sync);

// A pool with a lock is shared when its values may move and all its parts can be shared.
assert_impl_all!(LockFreePool<u8>: Send, Sync, Unpin);
assert_impl_all!(LockFreePool<Movable>: Send, Sync);
assert_not_impl_any!(LockFreePool<Tied>: Send, Sync);
assert_not_impl_any!(LockFreePool<Shareable>: Send, Sync);
assert_not_impl_any!(LockFreePool<u8, RcHooks>: Send, Sync);
assert_not_impl_any!(LockFreePool<u8, NoHooks, ByteRegion<'static>>: Send, Sync);
assert_impl_all!(LockFreeHandle<u8>: Send, Sync, Unpin);
assert_impl_all!(LockFreeHandle<Movable>: Send);
assert_impl_all!(LockFreeHandle<Shareable>: Sync);
assert_impl_all!(LockFreeVacant<Movable>: Send);
assert_not_impl_any!(LockFreeHandle<Movable>: Sync);
assert_not_impl_any!(LockFreeHandle<Shareable>: Send);
assert_not_impl_any!(LockFreeHandle<Tied>: Send, Sync);
assert_not_impl_any!(LockFreeHandle<u8, RcHooks>: Send);
assert_not_impl_any!(LockFreeVacant<Tied>: Send);
assert_not_impl_any!(LockFreeHandle<u8>: Clone, Copy, Default);

assert_impl_all!(ThreadSafePool<u8>: Send, Sync, Unpin);
assert_impl_all!(ThreadSafePool<Movable>: Send, Sync);
assert_impl_all!(ThreadSafePool<u8, SpinLock, NoHooks, OsPages>: Send, Sync);
assert_impl_all!(ThreadSafePool<u8, NoLock>: Send);
assert_not_impl_any!(ThreadSafePool<u8, NoLock>: Sync);
assert_not_impl_any!(ThreadSafePool<Tied>: Send, Sync);
assert_not_impl_any!(ThreadSafePool<Shareable>: Send, Sync);
assert_not_impl_any!(ThreadSafePool<u8, SpinLock, RcHooks>: Send, Sync);
assert_impl_all!(ThreadSafePool<u8, SpinLock, NoHooks, ByteRegion<'static>>: Send);
assert_not_impl_any!(ThreadSafePool<u8, SpinLock, NoHooks, ByteRegion<'static>>: Sync);
assert_not_impl_any!(ThreadSafePool<u8, SpinLock, NoHooks, &'static ByteRegion<'static>>: Send, Sync);

// Its handles go where their values may.
assert_impl_all!(ThreadSafeHandle<'static, u8>: Send, Sync, Unpin);
assert_impl_all!(ThreadSafeHandle<'static, Movable>: Send);
assert_impl_all!(ThreadSafeHandle<'static, Shareable>: Sync);
assert_impl_all!(ThreadSafeVacant<'static, Movable>: Send);
assert_not_impl_any!(ThreadSafeHandle<'static, Movable>: Sync);
assert_not_impl_any!(ThreadSafeHandle<'static, Shareable>: Send);
assert_not_impl_any!(ThreadSafeHandle<'static, Tied>: Send, Sync);
assert_not_impl_any!(ThreadSafeHandle<'static, u8, NoLock>: Send);
assert_not_impl_any!(ThreadSafeHandle<'static, u8, SpinLock, RcHooks>: Send);
assert_not_impl_any!(ThreadSafeVacant<'static, Tied>: Send);
assert_not_impl_any!(ThreadSafeHandle<'static, u8>: Clone, Copy, Default);

// A handle that keeps its pool goes where an `Rc` or `Arc` of the pool, and the value, may.
assert_impl_all!(ArcHandle<ThreadSafePool<u8>>: Send, Sync, Unpin);
assert_impl_all!(ArcHandle<ThreadSafePool<Movable>>: Send);
assert_not_impl_any!(ArcHandle<ThreadSafePool<Movable>>: Sync);
assert_not_impl_any!(ArcHandle<ThreadSafePool<Shareable>>: Send);
assert_not_impl_any!(ArcHandle<ThreadSafePool<Tied>>: Send, Sync);
assert_not_impl_any!(ArcHandle<ThreadSafePool<u8, NoLock>>: Send);
assert_not_impl_any!(ArcHandle<ThreadSafePool<u8, SpinLock, RcHooks>>: Send);
assert_not_impl_any!(RcHandle<FixedPool<u8>>: Send, Clone);
assert_not_impl_any!(RcHandle<GrowingPool<u8>>: Send, Clone);
assert_impl_all!(RcHandle<FixedPool<u8>>: Sync, Unpin);

// A part of a value goes where the whole may.
type Part<'p> = OwnedHandle<'p, u8, Mapped<LockedHome<'p, (u8, Tied)>>>;
assert_not_impl_any!(Part<'static>: Send);
assert_impl_all!(OwnedHandle<'static, u8, Mapped<LockedHome<'static, (u8, Movable)>>>: Send, Sync);

// Shared handles are as `Rc` and `Weak` over a pool for one thread, as `Arc` over one that is shared.
type Local<T> = GrowingPool<T>;
type Threads<T> = ThreadSafePool<T>;
assert_impl_all!(SharedPool<Local<u8>>: Send);
assert_not_impl_any!(SharedPool<Local<u8>>: Sync);
assert_impl_all!(SharedPool<Threads<u8>>: Send, Sync);
assert_impl_all!(SharedPool<Threads<Movable>>: Send, Sync);
assert_not_impl_any!(SharedPool<Threads<Tied>>: Send, Sync);
assert_not_impl_any!(SharedPool<ThreadSafePool<u8, NoLock>>: Sync);
assert_not_impl_any!(LentHandle<'static, Local<u8>>: Send, Sync);
assert_not_impl_any!(LentWeak<'static, Local<u8>>: Send, Sync);
assert_not_impl_any!(RcShared<Local<u8>>: Send, Sync);
assert_not_impl_any!(RcWeak<Local<u8>>: Send, Sync);
assert_impl_all!(LentHandle<'static, Threads<u8>>: Send, Sync, Clone, Unpin);
assert_impl_all!(LentWeak<'static, Threads<u8>>: Send, Sync, Clone, Unpin);
assert_impl_all!(ArcShared<Threads<u8>>: Send, Sync, Clone, Unpin);
assert_impl_all!(ArcWeak<Threads<u8>>: Send, Sync, Clone, Unpin);
assert_not_impl_any!(LentHandle<'static, Threads<Movable>>: Send, Sync);
assert_not_impl_any!(LentHandle<'static, Threads<Shareable>>: Send, Sync);
assert_not_impl_any!(LentHandle<'static, Threads<Tied>>: Send, Sync);
assert_not_impl_any!(LentHandle<'static, ThreadSafePool<u8, NoLock>>: Send, Sync);
assert_not_impl_any!(ArcShared<Threads<Movable>>: Send, Sync);
assert_not_impl_any!(ArcWeak<Threads<Movable>>: Send, Sync);
assert_not_impl_any!(ArcWeak<ThreadSafePool<u8, SpinLock, RcHooks>>: Send, Sync);
assert_not_impl_any!(LentHandle<'static, Threads<u8>>: Copy, DerefMut, Default);

// A pool with an instance for each thread is named anywhere; its handles stay where they are.
assert_impl_all!(ThreadLocalPool<Tied>: Send, Sync, Unpin);
assert_not_impl_any!(ThreadLocalHandle<u8>: Send, Clone);

// A policy is shared as far as what it holds may be.
assert_impl_all!(Deferred<Movable, SpinLock>: Send, Sync);
assert_not_impl_any!(Deferred<Movable, NoLock>: Sync);
assert_not_impl_any!(Deferred<Tied, SpinLock>: Send, Sync);
assert_impl_all!(ZeroOnFree: Send, Sync, Copy);

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
assert_impl_all!(Recycled<'static, u8, Maker>: Sync, Unpin);
assert_impl_all!(Recycled<'static, Shareable, Maker>: Sync);
assert_not_impl_any!(Recycled<'static, u8, Maker>: Send, Clone, Copy);
assert_not_impl_any!(Recycled<'static, Movable, Maker>: Send, Sync);
assert_not_impl_any!(Recycled<'static, Tied, Maker>: Send, Sync);
assert_not_impl_any!(RecycledVacant<'static, u8, Maker>: Send, Clone);
assert_impl_all!(Buffer<'static, u8>: Sync, Unpin);
assert_impl_all!(Buffer<'static, Shareable>: Sync);
assert_not_impl_any!(Buffer<'static, u8>: Send, Clone, Copy, Default);
assert_not_impl_any!(Buffer<'static, Movable>: Send, Sync);
assert_not_impl_any!(Buffer<'static, Tied>: Send, Sync);
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
assert_impl_all!(DefaultLock: Send, Sync);
assert_impl_all!(NoLock: Send);
assert_not_impl_any!(NoLock: Sync);
assert_impl_all!(Stack: Send, Sync);
assert_impl_all!(FreeList: Send, Sync);
assert_impl_all!(Bitmap: Send, Sync);
assert_impl_all!(AtomicStack: Send, Sync);
assert_impl_all!(AtomicStack<&'static [AtomicU64]>: Send, Sync);
assert_impl_all!(AtomicBitmap: Send, Sync);
assert_impl_all!(AtomicBitmap<&'static [AtomicWord]>: Send, Sync);

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

// What was counted travels; what counts does so with its structure.
#[cfg(feature = "stats")]
mod stats {
    use flagstone::stats::{Collector, Report, Snapshot};
    use static_assertions::{assert_impl_all, assert_not_impl_any};

    assert_impl_all!(Snapshot: Send, Sync, Copy);
    assert_impl_all!(Report<'static>: Send, Sync, Copy);
    assert_impl_all!(Collector: Send);
    assert_not_impl_any!(Collector: Sync, Clone);
}

/// A pool that was filled here serves there.
#[test]
fn a_pool_moves_to_another_thread_with_its_values() {
    let fixed = FixedPool::new(4);
    let growing = GrowingPool::new(4);
    std::mem::forget(fixed.alloc(Cell::new(1)));
    std::mem::forget(growing.alloc(Cell::new(2)));
    let buffers = flagstone::BufferPool::new(2, 4);
    let mut buffer = buffers.alloc().expect("free");
    assert!(buffer.push(Cell::new(5)).is_ok());
    std::mem::forget(buffer);
    let there = std::thread::spawn(move || {
        let mut buffers = buffers;
        buffers.clear();
        assert!(buffers.is_empty() && buffers.alloc().is_ok());
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

// A slab cache is sent, not shared: it takes slots without atomics. Boxes go where their values may, and
// without a lock nowhere.
assert_impl_all!(SlabCache<u8>: Send, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(SlabCache<u8, SpinLock, 4096, &'static StaticRegion<64>>: Send);
assert_not_impl_any!(SlabCache<u8>: Sync);
assert_not_impl_any!(SlabCache<u8, NoLock>: Send, Sync);
assert_not_impl_any!(SlabCache<Tied>: Send, Sync);
assert_not_impl_any!(SlabCache<Shareable>: Send, Sync);
assert_not_impl_any!(SlabCache<u8, SpinLock, 4096, &'static ByteRegion<'static>>: Send, Sync);
assert_impl_all!(SlabBox<u8>: Send, Sync, Unpin);
assert_impl_all!(SlabBox<u8, SpinLock, 4096, &'static StaticRegion<64>>: Send, Sync);
assert_impl_all!(SlabBox<Movable>: Send);
assert_not_impl_any!(SlabBox<Movable>: Sync);
assert_not_impl_any!(SlabBox<Tied>: Send, Sync);
assert_impl_all!(SlabBox<Shareable>: Sync);
assert_not_impl_any!(SlabBox<Shareable>: Send);
assert_not_impl_any!(SlabBox<u8, NoLock>: Send);
assert_not_impl_any!(SlabBox<u8, SpinLock, 4096, &'static ByteRegion<'static>>: Send);
assert_impl_all!(VacantSlabBox<u8>: Send, Sync);
assert_not_impl_any!(VacantSlabBox<Tied>: Send);
assert_not_impl_any!(VacantSlabBox<u8, NoLock>: Send);
assert_impl_all!(RecycleCache<u8, Maker>: Send, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(RecycleCache<u8, Maker>: Sync);
assert_not_impl_any!(RecycleCache<u8, RcMaker>: Send, Sync);
assert_not_impl_any!(RecycleCache<Tied, Maker>: Send, Sync);
assert_not_impl_any!(RecycleCache<u8, Maker, NoLock>: Send, Sync);
assert_impl_all!(RecycleBox<u8, Maker>: Send, Sync);
assert_not_impl_any!(RecycleBox<u8, RcMaker>: Send);
assert_not_impl_any!(RecycleBox<u8, Maker, NoLock>: Send);
