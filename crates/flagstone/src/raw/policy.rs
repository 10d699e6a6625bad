//! Drop policies: what becomes of a value when it leaves its pool.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::ptr::NonNull;
#[cfg(feature = "alloc")]
use core::{alloc::Layout, fmt, mem};

#[cfg(feature = "alloc")]
use lock_api::{Mutex, RawMutex};

use super::{Hooks, NoHooks};
#[cfg(feature = "alloc")]
use crate::{error::OutOfMemory, sync::NoLock};

/// Overwrites a slot with zeros when its value is gone, before anybody else can have it: for keys,
/// passwords, and whatever must not linger. The optimiser cannot leave the writes out.
///
/// Every byte of the value is overwritten, padding too, whether it was dropped, moved out, or never
/// declared complete, and when the pool itself ends. (The pool then keeps its links in the free slot;
/// a pool that ends with a forgotten vacant handle leaves everything where it is.)
/// What the value owns elsewhere, such as the buffer of a `String`, is its own affair; so are copies
/// that the compiler made while the value was moved.
///
/// `K` are other hooks, or another policy.
///
/// ```
/// use flagstone::pool::{FixedPool, ZeroOnFree};
///
/// let keys = FixedPool::<[u8; 32], _, _>::with_hooks(4, ZeroOnFree::new())?;
/// let key = keys.alloc([7; 32]).unwrap();
/// drop(key); // nothing of it is left in memory
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZeroOnFree<K = NoHooks> {
    hooks: K,
}

impl ZeroOnFree {
    /// The policy alone.
    #[must_use]
    pub const fn new() -> Self {
        Self { hooks: NoHooks }
    }
}

impl<K> ZeroOnFree<K> {
    /// The policy beside other hooks.
    pub const fn with_hooks(hooks: K) -> Self {
        Self { hooks }
    }

    /// The other hooks.
    pub const fn hooks(&self) -> &K {
        &self.hooks
    }
}

impl<T, K: Hooks<T>> Hooks<T> for ZeroOnFree<K> {
    const ACTIVE: bool = K::ACTIVE;
    const DISPOSES: bool = true;

    #[inline]
    fn on_acquire(&self, value: &mut T) {
        self.hooks.on_acquire(value);
    }

    #[inline]
    fn on_release(&self, value: &mut T) {
        self.hooks.on_release(value);
    }

    #[inline]
    unsafe fn dispose(&self, value: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.hooks.dispose(value) }
    }

    #[inline]
    unsafe fn scrub(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.hooks.scrub(slot) };
        // SAFETY: room for a `T` that holds none and is the caller's.
        unsafe { zero(slot.cast(), size_of::<T>()) }
    }
}

/// Writes zeros, for certain.
///
/// # Safety
///
/// The bytes are the caller's, and what they hold does not matter.
#[inline]
pub(crate) unsafe fn zero(start: NonNull<u8>, len: usize) {
    // An empty statement that takes the address, and for all the compiler knows reads what lies
    // there: so the writes before it cannot be left out, and are as fast as any.
    #[cfg(all(
        any(
            target_arch = "x86_64",
            target_arch = "x86",
            target_arch = "aarch64",
            target_arch = "arm",
            target_arch = "riscv32",
            target_arch = "riscv64"
        ),
        not(miri)
    ))]
    {
        // SAFETY: the caller's promise.
        unsafe { start.write_bytes(0, len) };
        // SAFETY: no instruction at all.
        unsafe {
            core::arch::asm!(
                "/* {0} */",
                in(reg) start.as_ptr(),
                options(nostack, preserves_flags),
            );
        }
    }
    #[cfg(not(all(
        any(
            target_arch = "x86_64",
            target_arch = "x86",
            target_arch = "aarch64",
            target_arch = "arm",
            target_arch = "riscv32",
            target_arch = "riscv64"
        ),
        not(miri)
    )))]
    for at in 0..len {
        // SAFETY: within the bytes.
        let byte = unsafe { start.add(at) };
        // SAFETY: the caller's promise.
        unsafe { byte.write_volatile(0) };
    }
}

/// Hands a value to a closure instead of dropping it: to keep it, to send it elsewhere, to take it
/// apart. The slot is free when the closure has returned, or panicked.
///
/// Applies to values whose handle is dropped or that were left in the pool; not to
/// [`into_inner`](crate::OwnedHandle::into_inner), whose caller has the value. `K` are other hooks.
///
/// ```
/// use std::cell::RefCell;
/// use flagstone::pool::{FixedPool, HandOver};
///
/// let kept = RefCell::new(Vec::new());
/// let pool = FixedPool::with_hooks(4, HandOver::to(|text| kept.borrow_mut().push(text)))?;
/// drop(pool.alloc(String::from("not dropped")));
/// assert_eq!(kept.borrow()[0], "not dropped");
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HandOver<F, K = NoHooks> {
    to: F,
    hooks: K,
}

impl<F> HandOver<F> {
    /// The policy that calls `to`.
    pub const fn to<T>(to: F) -> Self
    where
        F: Fn(T),
    {
        Self { to, hooks: NoHooks }
    }
}

impl<F, K> HandOver<F, K> {
    /// The policy that calls `to`, beside other hooks.
    pub const fn with_hooks<T>(to: F, hooks: K) -> Self
    where
        F: Fn(T),
    {
        Self { to, hooks }
    }

    /// The other hooks.
    pub const fn hooks(&self) -> &K {
        &self.hooks
    }
}

impl<T, F: Fn(T), K: Hooks<T>> Hooks<T> for HandOver<F, K> {
    const ACTIVE: bool = K::ACTIVE;
    const DISPOSES: bool = true;

    #[inline]
    fn on_acquire(&self, value: &mut T) {
        self.hooks.on_acquire(value);
    }

    #[inline]
    fn on_release(&self, value: &mut T) {
        self.hooks.on_release(value);
    }

    #[inline]
    unsafe fn dispose(&self, value: NonNull<T>) {
        // SAFETY: live and the caller's, who does not use it again: moved once.
        let value = unsafe { value.read() };
        (self.to)(value); // USER CODE
    }

    #[inline]
    unsafe fn scrub(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.hooks.scrub(slot) }
    }
}

/// Moves values aside instead of dropping them, and drops them together when
/// [`flush`](Self::flush) is called: for destructors that take long, on a path that must not.
///
/// Room for the values is made when the policy is. When it is full, or another thread is just taking
/// the batch away, a value is dropped at once, so a drop never allocates. (Values without bytes need no
/// room, and always wait.) What was not flushed is dropped with the policy.
///
/// `L` is the lock of the room: [`NoLock`] for one thread; another one for a pool that is shared. No
/// destructor runs under it. `K` are other hooks.
///
/// ```
/// use flagstone::pool::{Deferred, FixedPool};
///
/// let later = Deferred::<Vec<u8>>::new(100)?;
/// let pool = FixedPool::with_hooks(100, &later)?;
/// drop(pool.alloc(vec![0; 1000])); // the slot is free, the vector is not
/// assert_eq!(later.waiting(), 1);
/// assert_eq!(later.flush(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "alloc")]
pub struct Deferred<T, L: RawMutex = NoLock, K = NoHooks> {
    queue: Mutex<L, Queue<T>>,
    hooks: K,
}

/// Values that wait, and the room for those that come while they are dropped. Both have their whole
/// capacity or, for the time of a flush, none.
#[cfg(feature = "alloc")]
struct Queue<T> {
    waiting: Vec<T>,
    spare: Vec<T>,
}

#[cfg(feature = "alloc")]
impl<T, L: RawMutex> Deferred<T, L> {
    /// A policy with room for `most` values: twice that many are allocated, because values may come
    /// while others are dropped.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had.
    pub fn new(most: usize) -> Result<Self, OutOfMemory> {
        Self::with_hooks(most, NoHooks)
    }
}

#[cfg(feature = "alloc")]
impl<T, L: RawMutex, K> Deferred<T, L, K> {
    /// As [`Deferred::new`], beside other hooks.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had.
    pub fn with_hooks(most: usize, hooks: K) -> Result<Self, OutOfMemory> {
        let room = || {
            let mut room = Vec::new();
            room.try_reserve_exact(most).map_err(|_| {
                OutOfMemory::new(Layout::array::<T>(most).unwrap_or(Layout::new::<T>()))
            })?;
            Ok(room)
        };
        let queue = Queue {
            waiting: room()?,
            spare: room()?,
        };
        Ok(Self {
            queue: Mutex::new(queue),
            hooks,
        })
    }

    /// How many values wait at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.lock().waiting.len()
    }

    /// Drops the values that wait; how many. Values that come meanwhile wait for the next time. If a
    /// destructor panics, the others still run, and the panic continues.
    pub fn flush(&self) -> usize {
        /// Gives the room back.
        struct Room<'q, T, L: RawMutex>(&'q Mutex<L, Queue<T>>, Vec<T>);

        impl<T, L: RawMutex> Drop for Room<'_, T, L> {
            fn drop(&mut self) {
                let room = mem::take(&mut self.1);
                if room.capacity() == 0 {
                    // All room was with other flushes, which may have given it back meanwhile.
                    return;
                }
                let mut queue = self.0.lock();
                if queue.waiting.capacity() == 0 {
                    // A flush within a flush: nobody put anything into no room.
                    queue.waiting = room;
                } else {
                    queue.spare = room;
                }
            }
        }

        let batch = {
            let mut queue = self.queue.lock();
            let spare = mem::take(&mut queue.spare);
            mem::replace(&mut queue.waiting, spare)
        };
        let mut room = Room(&self.queue, batch);
        let count = room.1.len();
        room.1.clear(); // USER CODE
        count
    }

    /// The other hooks.
    pub const fn hooks(&self) -> &K {
        &self.hooks
    }

    /// Puts a value aside, or gives it back when there is no room.
    #[inline]
    fn put_aside(&self, value: T) -> Option<T> {
        let mut queue = self.queue.lock();
        if queue.waiting.len() == queue.waiting.capacity() {
            return Some(value);
        }
        queue.waiting.push(value);
        None
    }
}

#[cfg(feature = "alloc")]
impl<T, L: RawMutex, K: Hooks<T>> Hooks<T> for Deferred<T, L, K> {
    const ACTIVE: bool = K::ACTIVE;
    const DISPOSES: bool = true;

    #[inline]
    fn on_acquire(&self, value: &mut T) {
        self.hooks.on_acquire(value);
    }

    #[inline]
    fn on_release(&self, value: &mut T) {
        self.hooks.on_release(value);
    }

    #[inline]
    unsafe fn dispose(&self, value: NonNull<T>) {
        // SAFETY: live and the caller's, who does not use it again: moved once.
        let value = unsafe { value.read() };
        drop(self.put_aside(value)); // USER CODE
    }

    #[inline]
    unsafe fn scrub(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.hooks.scrub(slot) }
    }
}

#[cfg(feature = "alloc")]
impl<T, L: RawMutex, K: fmt::Debug> fmt::Debug for Deferred<T, L, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred")
            .field("waiting", &self.waiting())
            .field("hooks", &self.hooks)
            .finish_non_exhaustive()
    }
}

/// The drop policy of `K` without its hooks: for values left in a pool that ends, to which nothing is
/// released any more.
#[derive(Debug)]
pub(crate) struct PolicyOf<'k, K>(pub(crate) &'k K);

impl<T, K: Hooks<T>> Hooks<T> for PolicyOf<'_, K> {
    const ACTIVE: bool = false;
    const DISPOSES: bool = K::DISPOSES;

    unsafe fn dispose(&self, value: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.dispose(value) }
    }

    unsafe fn scrub(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.scrub(slot) }
    }
}

/// What of the drop policy of `K` is about slots: for values that were never handed out.
#[derive(Debug)]
pub(crate) struct ScrubOf<'k, K>(pub(crate) &'k K);

impl<T, K: Hooks<T>> Hooks<T> for ScrubOf<'_, K> {
    const ACTIVE: bool = false;
    const DISPOSES: bool = K::DISPOSES;

    unsafe fn scrub(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.scrub(slot) }
    }
}
