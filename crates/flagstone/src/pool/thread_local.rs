//! A pool with an instance for every thread.

use alloc::{
    boxed::Box,
    rc::Rc,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::{alloc::Layout, any::Any, cell::RefCell, fmt, mem, mem::ManuallyDrop};
use std::thread_local;

use super::{GrowingPool, Hooks, NoHooks, RcHandle};
use crate::{
    error::{AllocError, ConfigError, OutOfMemory},
    sync::process::{AtomicU64, Ordering},
    thread,
};

/// One pool for all threads to name, and an instance of it for each: no lock and no atomics, because
/// every thread has slots of its own.
///
/// The pool itself goes anywhere, in a `static` behind a `LazyLock`, in an `Arc`, by reference. A
/// handle does not: it keeps its thread's instance, is `!Send`, and so is dropped on the thread that
/// made it. (A pool whose handles travel is a [`ThreadSafePool`](crate::ThreadSafePool).)
///
/// ```
/// use flagstone::ThreadLocalPool;
///
/// let pool = ThreadLocalPool::<String>::new(100);
/// std::thread::scope(|scope| {
///     for n in 0..4 {
///         let pool = &pool;
///         scope.spawn(move || {
///             let name = pool.alloc(n.to_string()).unwrap();
///             assert_eq!((name.as_str(), pool.in_use()), (n.to_string().as_str(), 1));
///         });
///     }
/// });
/// assert_eq!(pool.in_use(), 0);
/// ```
///
/// # How instances end
///
/// ```text
///  thread A    table ─▶ instance A ◀─ handles of A
///  thread B    table ─▶ instance B ◀─ handles of B
///               ╰ until the thread's exit hooks, or this pool's end
/// ```
///
/// An instance is a [`GrowingPool`] in an `Rc` that the thread's table and the handles share. The
/// table lets go when the thread runs its [exit hooks](crate::thread::on_exit); handles that live
/// longer, in thread-locals that are destroyed later, keep the instance until the last is dropped.
/// A thread that allocates when its exit hooks are over gets an instance for that one value. When
/// this pool is dropped, the present thread lets its instance go at once, other threads when they
/// end, or when they next make an instance of whatever pool.
///
/// Values left in an instance are dropped with it, on its thread.
///
/// | call | time | allocates |
/// |---|---|---|
/// | `alloc`, drop of a handle | O(1), no atomics; O(log pools) when a thread uses several in turn | a slab, when the instance grows; the instance, at a thread's first call |
/// | `in_use`, `capacity` | O(slabs) of the present thread's instance | no |
#[doc(alias = "LocalPool")]
pub struct ThreadLocalPool<T: 'static, K: Hooks<T> + 'static = NoHooks> {
    shared: Arc<Shared<T, K>>,
}

/// A handle of a [`ThreadLocalPool`]: stays on its thread, and keeps that thread's instance.
pub type ThreadLocalHandle<T, K = NoHooks> = RcHandle<GrowingPool<T, K>>;

type Make<T, K> = Box<dyn Fn() -> Result<GrowingPool<T, K>, ConfigError> + Send + Sync>;

/// What the threads share of a pool. A thread's table knows by it whether the pool is still there.
struct Shared<T, K: Hooks<T>> {
    serial: u64,
    make: Make<T, K>,
}

impl<T: 'static> ThreadLocalPool<T> {
    /// A pool whose instances begin with at least `capacity` slots and double when they are full.
    /// Nothing is allocated for them before a thread asks.
    ///
    /// # Panics
    ///
    /// When a value is too large for a slab.
    #[must_use]
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        if let Err(error) = GrowingPool::<T>::try_new(0) {
            panic!("{error}");
        }
        Self::unchecked(Box::new(move || GrowingPool::try_new(capacity)))
    }
}

impl<T: 'static, K: Hooks<T> + 'static> ThreadLocalPool<T, K> {
    /// A pool whose instances are made by `make`, on the thread that needs one: with a configuration,
    /// hooks, a limit for each thread. It runs once here as well, so that what it cannot do is known
    /// before any thread starts.
    ///
    /// ```
    /// use flagstone::pool::{GrowingPool, PoolConfig, ThreadLocalPool};
    ///
    /// let pool = ThreadLocalPool::with(|| {
    ///     let config = PoolConfig::builder().capacity(2).max_capacity(Some(2)).build()?;
    ///     GrowingPool::with_config(config)
    /// })?;
    /// let held = (pool.alloc(1), pool.alloc(2));
    /// assert_eq!(pool.alloc(3).unwrap_err().into_inner(), 3);
    /// # drop(held);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When `make` gives one.
    pub fn with(
        make: impl Fn() -> Result<GrowingPool<T, K>, ConfigError> + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        drop(make()?); // USER CODE
        Ok(Self::unchecked(Box::new(make)))
    }

    fn unchecked(make: Make<T, K>) -> Self {
        static SERIALS: AtomicU64 = AtomicU64::new(0);
        // Relaxed: a number that nobody else has, which orders nothing.
        let serial = SERIALS.fetch_add(1, Ordering::Relaxed);
        Self {
            shared: Arc::new(Shared { serial, make }),
        }
    }

    /// Places `value` in the present thread's instance.
    ///
    /// # Errors
    ///
    /// Gives `value` back when the instance may not grow further, or there is no memory for it.
    #[inline]
    pub fn alloc(&self, value: T) -> Result<ThreadLocalHandle<T, K>, AllocError<T>> {
        match self.instance() {
            Ok(instance) => instance.alloc_static(value),
            Err(error) => Err(AllocError::new(value, error.into())),
        }
    }

    /// Places what `make` returns. `make` runs when the slot is there and may use the pool; if it
    /// panics, the slot goes back.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc); `make` is not called then.
    #[inline]
    pub fn alloc_with(
        &self,
        make: impl FnOnce() -> T,
    ) -> Result<ThreadLocalHandle<T, K>, AllocError> {
        let instance = self
            .instance()
            .map_err(|error| AllocError::new((), error.into()))?;
        let handle = instance.alloc_with(make)?;
        Ok(super::store::keep_rc(&instance, handle))
    }

    /// The present thread's instance, for whatever else a pool can do; made if there is none yet.
    ///
    /// # Errors
    ///
    /// When there is no memory for it.
    #[inline]
    pub fn instance(&self) -> Result<Rc<GrowingPool<T, K>>, OutOfMemory> {
        match self.existing() {
            Some(instance) => Ok(instance),
            None => self.make_instance(),
        }
    }

    /// Slots in use of the present thread's instance; 0 if it has none. O(slabs).
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.existing().map_or(0, |instance| instance.in_use())
    }

    /// What the present thread's instance has done so far, exactly; nothing if it has none. O(1).
    #[cfg(feature = "stats")]
    #[must_use]
    #[doc(alias = "statistics")]
    pub fn stats(&self) -> crate::stats::Snapshot {
        self.existing()
            .map_or_else(Default::default, |instance| instance.stats())
    }

    /// Slots of the present thread's instance, in use or not; 0 if it has none.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.existing().map_or(0, |instance| instance.capacity())
    }

    #[inline]
    fn existing(&self) -> Option<Rc<GrowingPool<T, K>>> {
        TABLE.with(|table| table.borrow_mut().find(self.shared.serial))
    }

    #[cold]
    #[inline(never)]
    fn make_instance(&self) -> Result<Rc<GrowingPool<T, K>>, OutOfMemory> {
        let made = (self.shared.make)(); // USER CODE
        let instance = Rc::new(made.map_err(|error| {
            // A knob that was fine when the pool was made is fine still: memory it must be.
            error
                .out_of_memory()
                .unwrap_or(OutOfMemory::new(Layout::new::<T>()))
        })?);
        // `make` may have used the pool, so that there is one now.
        if let Some(existing) = self.existing() {
            return Ok(existing);
        }
        let pool: Weak<Shared<T, K>> = Arc::downgrade(&self.shared);
        let entry = Entry {
            serial: self.shared.serial,
            pool,
            instance: Rc::clone(&instance) as Rc<dyn Any>,
        };
        // When it is refused, the thread is past its end: the instance is for this value alone.
        drop(enter(entry)); // USER CODE
        Ok(instance)
    }
}

impl<T: 'static, K: Hooks<T> + 'static> Drop for ThreadLocalPool<T, K> {
    fn drop(&mut self) {
        let own = TABLE.with(|table| table.borrow_mut().remove(self.shared.serial));
        drop(own); // USER CODE
    }
}

impl<T: 'static, K: Hooks<T> + 'static> fmt::Debug for ThreadLocalPool<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadLocalPool")
            .field("in_use_here", &self.in_use())
            .finish_non_exhaustive()
    }
}

/// A pool's instance of the present thread.
struct Entry {
    serial: u64,
    /// Tells whether the pool was dropped.
    pool: Weak<dyn Any + Send + Sync>,
    /// A `GrowingPool` of the type that the pool with that serial has.
    instance: Rc<dyn Any>,
}

/// The instances of the present thread. No user code runs while it is borrowed, an allocator
/// included: entries are dropped, and room for more is made, outside.
///
/// # Invariants
///
/// 1. `entries` are in the order of their serials, each once.
/// 2. `armed` says that the thread's end will let all entries go.
struct Table {
    // Not dropped with the thread's locals but by the exit hook, so that the table can be used at any
    // time of a thread's life.
    entries: ManuallyDrop<Vec<Entry>>,
    last: usize,
    armed: bool,
}

thread_local! {
    static TABLE: RefCell<Table> = const {
        RefCell::new(Table {
            entries: ManuallyDrop::new(Vec::new()),
            last: 0,
            armed: false,
        })
    };
}

impl Table {
    /// The instance for the pool with that serial.
    #[inline]
    fn find<P: 'static>(&mut self, serial: u64) -> Option<Rc<P>> {
        let last = self.entries.get(self.last);
        if last.is_none_or(|entry| entry.serial != serial) {
            self.last = self.place(serial).ok()?;
        }
        let instance = &self.entries.get(self.last)?.instance;
        Rc::clone(instance).downcast().ok()
    }

    fn place(&self, serial: u64) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&serial, |entry| entry.serial)
    }

    fn remove(&mut self, serial: u64) -> Option<Entry> {
        let at = self.place(serial).ok()?;
        Some(self.entries.remove(at))
    }

    /// Moves the entries of pools that are still there, and `entry`, to `room`, which becomes the
    /// table. The entries of others are in `room` afterwards.
    fn renew(&mut self, entry: Entry, room: &mut Vec<Entry>) {
        let mut at = 0;
        while let Some(old) = self.entries.get(at) {
            // The same serial: an allocator that uses the pool came in between.
            if old.pool.strong_count() == 0 || old.serial == entry.serial {
                at += 1;
            } else {
                room.push(self.entries.swap_remove(at));
            }
        }
        room.push(entry);
        room.sort_unstable_by_key(|entry| entry.serial);
        mem::swap(&mut *self.entries, room);
    }
}

/// Adds an entry to the present thread's table; what is to be dropped: the entries of pools that are
/// over, or the entry itself when the thread is past its end.
fn enter(entry: Entry) -> Vec<Entry> {
    let armed = TABLE.with(|table| table.borrow().armed);
    if !armed {
        if thread::on_exit(let_all_go).is_err() {
            return Vec::new();
        }
        TABLE.with(|table| table.borrow_mut().armed = true);
    }
    let mut room = Vec::new();
    loop {
        let count = TABLE.with(|table| table.borrow().entries.len());
        room.reserve(count + 1);
        let fits = TABLE.with(|table| table.borrow().entries.len() < room.capacity());
        // If not, the allocator has used pools meanwhile.
        if fits {
            TABLE.with(|table| table.borrow_mut().renew(entry, &mut room));
            return room;
        }
    }
}

/// The thread ends: its handles keep what they still need.
fn let_all_go() {
    let entries = TABLE.with(|table| {
        let mut table = table.borrow_mut();
        table.armed = false;
        mem::take(&mut *table.entries)
    });
    drop(entries); // USER CODE
}
