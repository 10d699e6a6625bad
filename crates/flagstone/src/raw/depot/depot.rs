//! The free slots of a pool that threads share.

use alloc::sync::Arc;
use core::{cell::Cell, ptr::NonNull};

use super::{
    cache::Cache,
    desk::{Desk, Panicked},
    exact::Exact,
    fresh::{Fresh, SharedShape, SharedSlab},
    loose::{Loose, next},
    magazine::{MOST, Magazines},
    moves::Moving,
    put::{PRESENT, Put},
    registry::Registry,
    table,
};
use crate::{
    error::OutOfMemory,
    index::CLOSED,
    provider::Provider,
    sync::{
        atomic::{AtomicIsize, AtomicU64, Ordering},
        barrier, seeded,
    },
};

/// The number of a pool that got none: it has no caches.
pub(crate) const NO_POOL: u32 = u32::MAX;

/// The free slots of a pool that threads share, and how they get from thread to thread.
///
/// ```text
///  thread A   cache ──── full magazine ───▶ ╭ full ─╮ ─── full magazine ──▶ cache   thread B
///             ≤ 2 magazines                 │ empty │                       ≤ 2 magazines
///  thread without cache ─── single slots ─▶ │ loose │ ◀── fresh slots
///                                           ╰───────╯
/// ```
///
/// A thread takes and returns slots in its own [`Cache`]. When that is empty or full, a magazine's
/// worth moves between it and the stacks here, with one exchange. Threads past their end, which have
/// no cache, return slots one by one.
///
/// # Invariants
///
/// 1. Every slot that was carved is with a user, in one cache, one magazine, on the loose list, or on
///    the move: with a thread that has announced it in `moves` or is in a busy section.
/// 2. A cache on the registry's list has this depot.
/// 3. If there is an `exact`, there are no caches and nothing is in magazines, on the loose list or
///    fresh.
pub(crate) struct Depot {
    /// Of a pool that counts exactly: where all slots are that are not with a user.
    pub(super) exact: Option<Exact>,
    pub(super) magazines: Magazines,
    pub(super) loose: Loose,
    fresh: Fresh,
    /// See [`Moving`].
    pub(super) moves: AtomicU64,
    /// After the end of the pool: how many slots users still have. Close to [`PRESENT`] until their number
    /// is known.
    pub(super) owed: AtomicIsize,
    pub(super) registry: Arc<Registry>,
    pub(super) desk: Desk,
    pool: u32,
    /// The process that it was made in.
    pub(super) process: u32,
    /// Slots of a magazine.
    pub(super) magazine: usize,
}

impl Depot {
    /// An empty depot of the pool with the number `pool`, whose magazines take `magazine` slots, 1 to
    /// [`MOST`].
    pub(crate) fn new(shape: SharedShape, pool: u32, magazine: usize) -> Self {
        Self {
            exact: None,
            magazines: Magazines::new(),
            loose: Loose::new(),
            fresh: Fresh::new(shape),
            moves: AtomicU64::new(0),
            owed: AtomicIsize::new(PRESENT),
            registry: Arc::new(Registry::new()),
            desk: Desk::new(),
            pool,
            process: std::process::id(),
            magazine: magazine.clamp(1, MOST),
        }
    }

    /// A capacity that a pool that counts exactly can have: a number for each slot.
    pub(crate) const MOST_COUNTED: usize = CLOSED as usize;

    /// An empty depot of a pool that counts exactly: at most `most` slots will come, `first` of them
    /// soon.
    pub(crate) fn exact(shape: SharedShape, first: usize, most: Option<usize>) -> Self {
        Self {
            exact: Some(Exact::new(shape, first, most)),
            ..Self::new(shape, NO_POOL, 1)
        }
    }

    /// Adds one slab for `owner`, of at most as many slots as fit under `max`, which is the same in
    /// every call; `false` when there is no room.
    pub(crate) fn add(
        &self,
        provider: &impl Provider,
        owner: NonNull<()>,
        max: Option<usize>,
    ) -> Result<bool, OutOfMemory> {
        if let Some(exact) = &self.exact {
            let added = exact.add(&self.fresh, provider, owner, self.pool)?;
            // Others may have seen that there is no room for a slab, and wait before its slots are free.
            let mut panicked = Panicked::default();
            if let Some(slab) = added {
                exact.add_slots(&self.fresh, slab, |slot| {
                    self.hand_over(slot, &mut panicked)
                });
            }
            panicked.resume();
            return Ok(added.is_some());
        }
        let added = self.fresh.add(provider, owner, self.pool, max)?;
        // Who waits has seen that there was no room for this.
        Ok(added.is_some())
    }

    /// The slabs.
    pub(crate) fn fresh(&self) -> &Fresh {
        &self.fresh
    }

    /// Slots that a thread has at hand at most.
    pub(crate) fn most_cached(&self) -> usize {
        match self.exact {
            Some(_) => 0,
            None => 2 * self.magazine,
        }
    }

    fn stride(&self) -> usize {
        self.fresh.shape().stride()
    }

    pub(super) fn moving(&self) -> Moving<'_> {
        Moving::begin(&self.moves)
    }

    /// The calling thread's cache; made if there is none and the thread is not past its end. `None`
    /// also when the pool is gone.
    pub(super) fn cache(&self) -> Option<NonNull<Cache>> {
        self.existing_cache().or_else(|| self.make_cache())
    }

    fn existing_cache(&self) -> Option<NonNull<Cache>> {
        table::find(self.pool).filter(|cache| {
            // SAFETY: in the table, which is this thread's.
            let cache = unsafe { cache.as_ref() };
            cache.depot == NonNull::from(self).cast() && !cache.is_closed()
        })
    }

    #[cold]
    fn make_cache(&self) -> Option<NonNull<Cache>> {
        if self.pool == NO_POOL || self.registry.lock().closed || !table::reserve(self.pool, retire)
        {
            return None;
        }
        let cache = Cache::new(
            NonNull::from(self).cast(),
            Arc::clone(&self.registry),
            self.magazine,
        );
        let cache = Arc::new(cache);
        // The global allocator may have used the pool, so that there is one now.
        if let Some(existing) = self.existing_cache() {
            return Some(existing);
        }
        {
            let mut listed = self.registry.lock();
            if listed.closed {
                return None;
            }
            listed.add(Arc::clone(&cache));
        }
        let place = NonNull::from(&*cache);
        let old = table::set(self.pool, cache);
        drop(old);
        // The allocator may have ended or replaced what was just entered.
        table::find(self.pool).filter(|&found| found == place)
    }

    /// A free slot, if there is one in this thread's cache or in the depot, or a fresh one.
    pub(crate) fn take(&self) -> Option<NonNull<u8>> {
        if self.exact.is_some() {
            return self.take_exact();
        }
        if let Some(cache) = self.cache() {
            // SAFETY: in the table, which is this thread's.
            let cache = unsafe { cache.as_ref() };
            if cache.enter_slow() {
                let mut slot = cache.pop_inside();
                if slot.is_none() {
                    self.refill(cache);
                    slot = cache.pop_inside();
                }
                cache.leave();
                return slot;
            }
        }
        self.take_one()
    }

    /// A free slot of a pool that counts exactly, if it does and there is one.
    #[inline(always)]
    pub(crate) fn take_exact(&self) -> Option<NonNull<u8>> {
        self.exact.as_ref()?.take()
    }

    /// Fills an empty cache; in its busy section.
    fn refill(&self, cache: &Cache) {
        let _moving = self.moving();
        if let Some(number) = self.magazines.take_full() {
            cache.fill(&self.magazines, number);
            self.magazines.put_empty(number);
            return;
        }
        self.take_loose(cache.most(), |slot| {
            cache.push_inside(slot);
        });
        if cache.len() == 0
            && let Some((first, count)) = self.fresh.carve(self.magazine)
        {
            // The last is taken first: lowest address last in.
            for n in (0..count).rev() {
                // SAFETY: `count` slots from the first.
                cache.push_inside(unsafe { first.add(n * self.stride()) });
            }
        }
    }

    /// Takes up to `most` loose slots; while moving.
    fn take_loose(&self, most: usize, mut take: impl FnMut(NonNull<u8>)) {
        let mut at = self.loose.take();
        for _ in 0..most {
            let Some(slot) = at else {
                return;
            };
            // SAFETY: a list that was taken, and is this thread's.
            at = unsafe { next(slot, self.stride()) };
            take(slot);
        }
        self.restore_loose(at);
    }

    /// Puts the rest of the loose slots back.
    pub(super) fn restore_loose(&self, mut rest: Option<NonNull<u8>>) {
        while let Some(slot) = rest {
            // SAFETY: a list that was taken, and is this thread's.
            if unsafe { self.loose.restore(slot) } {
                return;
            }
            // Others have come meanwhile: behind those.
            // SAFETY: as above.
            rest = unsafe { next(slot, self.stride()) };
            self.put_loose(slot);
        }
    }

    /// One slot for a thread without a cache.
    pub(super) fn take_one(&self) -> Option<NonNull<u8>> {
        match self.find_one() {
            (slot, true)
                if self.has_stored() || !seeded("depot: who leaves nothing looks for nobody") =>
            {
                self.pass_on(slot)
            }
            (slot, _) => slot,
        }
    }

    /// One slot that is in no cache; and whether somebody waits, for whom the caller has to look.
    pub(super) fn find_one(&self) -> (Option<NonNull<u8>>, bool) {
        let moving = self.moving();
        let slot = self.take_stored().or_else(|| {
            let mut taken = None;
            self.take_loose(1, |slot| taken = Some(slot));
            taken.or_else(|| self.fresh.carve(1).map(|(slot, _)| slot))
        });
        (slot, moving.end())
    }

    /// Others wait for what a move left behind. Also if it was taken since: the list that it was left on is open
    /// then, and who waits must have it shut.
    #[cold]
    fn pass_on(&self, slot: Option<NonNull<u8>>) -> Option<NonNull<u8>> {
        let mut panicked = self.serve();
        if !panicked.is_some() {
            return slot;
        }
        // The caller does not get it.
        if let Some(slot) = slot {
            self.put_loose(slot);
            panicked.add(self.serve());
        }
        panicked.resume();
        None
    }

    /// One slot of a magazine; while moving.
    pub(super) fn take_stored(&self) -> Option<NonNull<u8>> {
        let number = self.magazines.take_full()?;
        let magazine = self.magazines.at(number);
        let slot = magazine.pop();
        if magazine.len() > 0 {
            self.magazines.put_full(number);
        } else {
            self.magazines.put_empty(number);
        }
        slot
    }

    /// Takes a slot back that this thread's cache had no room for, or that has no cache to go to, or that
    /// was refused because somebody waits.
    ///
    /// By pointers, because the depot and its provider may be gone before this returns: the slot may
    /// be the last that keeps them.
    ///
    /// # Safety
    ///
    /// `slot` was taken from the depot `this`, whose provider is `provider`, and is not used any more.
    pub(crate) unsafe fn put<P: Provider>(
        this: NonNull<Self>,
        slot: NonNull<u8>,
        provider: NonNull<P>,
    ) -> Put {
        // SAFETY: the slot keeps the depot.
        if let Some(exact) = unsafe { this.as_ref() }.exact.as_ref() {
            // SAFETY: as above.
            let bytes = unsafe { this.as_ref() }.fresh.shape().slab_bytes();
            // SAFETY: a slot of a slab of this size.
            let base = unsafe { SharedSlab::of(slot, bytes) }.number();
            let offset = slot.as_ptr().addr() & (bytes - 1);
            let exact = NonNull::from(exact);
            // SAFETY: the caller's promise.
            let again = || unsafe { Exact::put(exact, base, offset) }.is_ok();
            // SAFETY: as above.
            return unsafe { Self::take_back(this, slot, again) };
        }
        // SAFETY: the slot keeps the depot and its provider.
        let cache = unsafe { this.as_ref().ready(provider.as_ref()) };
        // SAFETY: the caller's promise; the cache is this thread's.
        unsafe { Self::put_into(this, cache, slot) }
    }

    /// As [`put`](Self::put), of a pool that counts exactly, in the usual case; `None`, and nothing done, if
    /// it does not. The slot lies `offset` bytes from the start of its slab, whose first slot has the
    /// number `base`. If it is refused, what [`counted_slot`](Self::counted_slot) finds it by: a number that
    /// is at hand then, so that the usual case need not keep the slot's address.
    ///
    /// # Safety
    ///
    /// As for `put`.
    #[inline(always)]
    pub(crate) unsafe fn put_exact(
        this: NonNull<Self>,
        base: u32,
        offset: usize,
    ) -> Option<Result<(), u32>> {
        // SAFETY: the slot keeps the depot.
        let exact = NonNull::from(unsafe { this.as_ref() }.exact.as_ref()?);
        // SAFETY: the caller's promise.
        Some(unsafe { Exact::put(exact, base, offset) })
    }

    /// The slot that [`put_exact`](Self::put_exact) named.
    pub(crate) fn counted_slot(&self, number: u32) -> Option<NonNull<u8>> {
        self.exact.as_ref()?.slot(number)
    }

    /// Puts a slot back by `put`, or where it is wanted.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put).
    unsafe fn take_back(
        this: NonNull<Self>,
        slot: NonNull<u8>,
        mut put: impl FnMut() -> bool,
    ) -> Put {
        if put() {
            return Put::default();
        }
        // SAFETY: the caller's promise; it was refused.
        unsafe { Self::refused(this, slot, put) }
    }

    /// As [`put`](Self::put), into a cache if there is one.
    ///
    /// # Safety
    ///
    /// As for `put`; the cache is the calling thread's.
    pub(super) unsafe fn put_into(
        this: NonNull<Self>,
        cache: Option<NonNull<Cache>>,
        slot: NonNull<u8>,
    ) -> Put {
        // SAFETY: the thread's, which has a share of it.
        if let Some(cache) = cache.map(|cache| unsafe { cache.as_ref() })
            && cache.enter_slow()
        {
            // SAFETY: the slot keeps the depot.
            unsafe { this.as_ref() }.make_room(cache);
            cache.push_inside(slot);
            // If the pool is just ending, its end waits for that of this section.
            cache.leave();
            return Put::default();
        }
        // SAFETY: as above.
        let stride = unsafe { this.as_ref() }.stride();
        // SAFETY: as above; an atomic, so that nothing else is borrowed when the slot is gone.
        let loose = unsafe { &(*this.as_ptr()).loose };
        // SAFETY: the caller's.
        let push = || unsafe { loose.push(slot, stride) };
        // SAFETY: the caller's promise.
        unsafe { Self::take_back(this, slot, push) }
    }

    /// This thread's cache, and an empty magazine if it is going to need one.
    fn ready(&self, provider: &impl Provider) -> Option<NonNull<Cache>> {
        let cache = self.cache()?;
        // SAFETY: in the table, which is this thread's.
        if unsafe { cache.as_ref() }.is_full() && self.magazines.lacks_empty() {
            // Without one, slots go one by one.
            let _ = self.magazines.add(provider); // USER CODE
            // The provider may have used the pool, and the thread's table be another.
            return table::find(self.pool).filter(|&now| now == cache);
        }
        Some(cache)
    }

    /// Makes room in a cache, in its busy section.
    fn make_room(&self, cache: &Cache) {
        if cache.is_full() {
            let _moving = self.moving();
            self.spill(cache, self.magazine);
        }
    }

    /// Moves slots of a cache to the depot; by who has them.
    pub(super) fn spill(&self, cache: &Cache, count: usize) {
        cache.spill(count, |slots| self.store(slots));
    }

    /// Stores up to a magazine's worth of slots.
    fn store(&self, slots: &[Cell<*mut u8>]) {
        match self.magazines.take_empty() {
            Some(number) => {
                self.magazines.at(number).fill(slots);
                self.magazines.put_full(number);
            }
            None => {
                for slot in slots.iter().filter_map(|slot| NonNull::new(slot.get())) {
                    self.put_loose(slot);
                }
            }
        }
    }

    /// Puts a slot on the loose list of a pool that is there, also if it is shut: part of a move, at the
    /// end of which it is asked who waits.
    fn put_loose(&self, slot: NonNull<u8>) {
        // SAFETY: a free slot that this thread has.
        unsafe { self.loose.push_anyway(slot, self.stride()) };
    }

    pub(super) fn has_stored(&self) -> bool {
        self.magazines.has_full() || !self.loose.is_empty() || self.fresh.has_fresh()
    }

    /// Calls `f` while the owner of a cache cannot use it, if that can be had. Under the registry's
    /// lock.
    pub(super) fn with_owner_out<R>(cache: &Cache, f: impl FnOnce() -> R) -> Option<R> {
        cache.begin_theft();
        let out = barrier::heavy() && cache.wait_until_idle();
        let result = out.then(f);
        cache.end_theft();
        result
    }

    /// Whether `slot` is among the last `most` that the calling thread gave back and has still; in a pool
    /// that counts exactly, whether it is free.
    pub(crate) fn recently_freed(&self, slot: NonNull<u8>, most: usize) -> bool {
        if let Some(exact) = &self.exact {
            let bytes = self.fresh.shape().slab_bytes();
            // SAFETY: a slot of a slab of ours, as the caller has seen.
            let slab = unsafe { SharedSlab::of(slot, bytes) };
            return exact.is_free(slab.number(), slot.as_ptr().addr() & (bytes - 1));
        }
        self.existing_cache().is_some_and(|cache| {
            // SAFETY: in the table, which is this thread's.
            let cache = unsafe { cache.as_ref() };
            let entered = cache.enter_slow();
            let held = entered && cache.holds(slot, most);
            if entered {
                cache.leave();
            }
            held
        })
    }

    /// Free slots, as far as they stay where they are while this counts. O(threads + magazines +
    /// slabs + loose slots of no cache). If this is exact, so many at one moment, and O(1).
    pub(crate) fn available(&self) -> usize {
        if let Some(exact) = &self.exact {
            return exact.available();
        }
        let listed = self.registry.lock();
        let cached: usize = listed.caches().map(|cache| cache.len() as usize).sum();
        drop(listed);
        let (carved, all) = self.fresh.carved();
        cached + (all - carved) + self.magazines.stored() + self.count_loose()
    }

    /// Counts the loose slots, by taking them.
    fn count_loose(&self) -> usize {
        let moving = self.moving();
        let first = self.loose.take();
        let (mut count, mut at) = (0, first);
        while let Some(slot) = at {
            count += 1;
            // SAFETY: a list that was taken, and is this thread's.
            at = unsafe { next(slot, self.stride()) };
        }
        self.restore_loose(first);
        if moving.end() {
            self.serve().resume();
        }
        count
    }

    /// The pool is gone: takes all slots from all threads. Whether no user has one, so that the caller
    /// must end the depot; otherwise `put` will say so.
    ///
    /// By a pointer, because the depot may be gone before this returns: another thread may bring the
    /// last slot back.
    ///
    /// # Safety
    ///
    /// `this` is a depot that is there. Nobody calls anything but `put` any more.
    pub(crate) unsafe fn close(this: NonNull<Self>) -> bool {
        // SAFETY: it ends by this call at the earliest.
        let depot = unsafe { this.as_ref() };
        depot.end_line();
        let out = match &depot.exact {
            Some(exact) => Some((depot.fresh.capacity() - exact.close()) as isize),
            None => depot.close_caches(),
        };
        let Some(out) = out else {
            // What is free cannot be known: the memory stays for ever.
            return false;
        };
        // SAFETY: as above; an atomic, so that nothing else is borrowed when the depot goes.
        let owed = unsafe { &(*this.as_ptr()).owed };
        // Acquire and Release: the last one sees what all others did.
        owed.fetch_add(out - PRESENT, Ordering::AcqRel) + out == PRESENT
    }

    /// Takes the slots of all caches, and lets no other in; how many slots are out. `None` when the
    /// system does not let us wait for the caches' owners.
    fn close_caches(&self) -> Option<isize> {
        let mut listed = self.registry.lock();
        listed.closed = true;
        for cache in listed.caches() {
            cache.begin_end();
        }
        let waits = seeded("depot: closed without a barrier") || barrier::heavy();
        let mut free = 0;
        for cache in listed.caches() {
            cache.wait_until_idle();
            free += cache.len() as usize;
        }
        drop(listed);
        while let Some(cache) = { self.registry.lock().pop() } {
            drop(cache);
        }
        // Also when nothing is counted: slots that come later stay away.
        let mut at = self.loose.close();
        if !waits {
            return None;
        }
        free += self.magazines.stored();
        while let Some(slot) = at {
            free += 1;
            // SAFETY: a list that was taken.
            at = unsafe { next(slot, self.stride()) };
        }
        Some(self.fresh.carved().0.saturating_sub(free) as isize)
    }

    /// Gives all memory back.
    ///
    /// # Safety
    ///
    /// `close` or the `put` of the last slot said so; `provider` is that of every call.
    pub(crate) unsafe fn end(&self, provider: &impl Provider) {
        if let Some(exact) = &self.exact {
            // SAFETY: nobody uses a slot any more.
            unsafe { exact.end(provider) };
        }
        // SAFETY: nobody uses a magazine or a slot any more.
        unsafe { self.magazines.end(provider) };
        // SAFETY: as above.
        unsafe { self.fresh.end(provider) };
    }
}

/// A thread ends: its slots go to the depot, if that is still there.
pub(super) fn retire(cache: &Arc<Cache>) {
    let share = {
        let mut listed = cache.registry.lock();
        if listed.closed {
            return;
        }
        // SAFETY: a cache's depot is one; the registry is open, under the lock, so it is there.
        let depot = unsafe { cache.depot.cast::<Depot>().as_ref() };
        let _moving = depot.moving();
        // Nobody else can want the cache while the lock is held.
        depot.spill(cache, cache.most());
        listed.others.absorb(cache.stats());
        // SAFETY: made by `make_cache`, which put it on the list of this registry.
        unsafe { listed.remove(cache) }
    };
    drop(share);
}
