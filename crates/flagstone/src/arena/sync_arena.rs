//! The arena that threads share.
#![expect(
    unsafe_code,
    reason = "owns the chunks: promises that room stays, and takes it back"
)]

use core::{alloc::Layout, fmt, ptr, ptr::NonNull};

use super::{ArenaUsage, doors::doors};
#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};
use crate::{
    error::{Cause, ConfigError},
    provider::{Global, Provider},
    raw::{
        PutBack,
        bump::{KeepList, Kept, Reserve, SharedBump},
    },
    sync::atomic::{AtomicPtr, Ordering},
};

/// An [`Arena`](super::Arena) that many threads allocate from at once, without a lock.
///
/// | door | costs while the chunk has room | for |
/// |---|---|---|
/// | [`local()`](Self::local) | as an `Arena`: no atomics | a thread or a task that allocates often |
/// | the arena itself | one compare-and-swap | a thread that allocates now and then |
///
/// What is handed out stays until the arena is [reset](Self::reset), which needs it exclusively, or
/// dropped; so references can go to other threads where their type allows it.
///
/// ```
/// use flagstone::SyncArena;
///
/// let arena = SyncArena::new();
/// let sums = std::thread::scope(|scope| {
///     let work = |n: u64| {
///         let arena = &arena;
///         scope.spawn(move || {
///             let local = arena.local();
///             let squares = local.alloc_slice_iter((0..100).map(|m| n * m * m));
///             &*local.alloc(squares.iter().sum::<u64>())
///         })
///     };
///     [work(1), work(2)].map(|thread| thread.join().unwrap())
/// });
/// assert_eq!(sums, [&328_350, &656_700]);
/// ```
///
/// # Invariants
///
/// 1. What `bump` handed out since it was last reset stays, and is not handed out again, while the
///    arena is borrowed: only methods with `&mut self` take it back.
/// 2. `kept` is the newest of a list of values in chunks of `bump` that nobody else drops; all may
///    be dropped by another thread, and none borrows anything.
#[doc(alias = "SyncBlinkAlloc")]
#[doc(alias = "Herd")]
pub struct SyncArena<P: Provider = Global, const MIN_ALIGN: usize = 8> {
    pub(super) bump: SharedBump<MIN_ALIGN>,
    kept: AtomicPtr<Kept>,
    provider: P,
}

impl SyncArena {
    /// An arena on the global allocator; allocates nothing yet.
    #[cfg(not(any(loom, shuttle)))]
    #[must_use]
    pub const fn new() -> Self {
        Self::new_in(Global)
    }

    /// An arena on the global allocator whose first chunk has room for `bytes` bytes.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn try_with_capacity(bytes: usize) -> Result<Self, ConfigError> {
        Self::with_capacity_in(bytes, Global)
    }

    /// An arena on the global allocator whose first chunk has room for `bytes` bytes.
    ///
    /// # Panics
    ///
    /// When there is no memory; see [`try_with_capacity`](Self::try_with_capacity).
    #[must_use]
    #[track_caller]
    pub fn with_capacity(bytes: usize) -> Self {
        match Self::try_with_capacity(bytes) {
            Ok(arena) => arena,
            Err(error) => panic!("{error}"),
        }
    }
}

impl<P: Provider, const MIN_ALIGN: usize> SyncArena<P, MIN_ALIGN> {
    /// An arena on `provider`; asks it for nothing yet.
    #[cfg(not(any(loom, shuttle)))]
    #[must_use]
    pub const fn new_in(provider: P) -> Self {
        Self {
            bump: SharedBump::new(),
            kept: AtomicPtr::new(ptr::null_mut()),
            provider,
        }
    }

    /// An arena on `provider` (the model checkers' atomics cannot be made in constants).
    #[cfg(any(loom, shuttle))]
    #[must_use]
    pub fn new_in(provider: P) -> Self {
        Self {
            bump: SharedBump::new(),
            kept: AtomicPtr::new(ptr::null_mut()),
            provider,
        }
    }

    /// An arena on `provider` whose first chunk has room for `bytes` bytes.
    ///
    /// # Errors
    ///
    /// When the provider has no such chunk.
    pub fn with_capacity_in(bytes: usize, provider: P) -> Result<Self, ConfigError> {
        let mut arena = Self::new_in(provider);
        arena.bump.begin(&arena.provider, bytes)?;
        Ok(arena)
    }

    /// Where chunks come from.
    #[must_use]
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// Takes everything back and keeps the memory, as [`Arena::reset`](super::Arena::reset) does;
    /// exclusively, so no other thread uses the arena or anything from it.
    ///
    /// # Panics
    ///
    /// With the panic of a destructor, after the others have run and the memory was taken back.
    pub fn reset(&mut self) {
        let kept = self.take_kept();
        let (bump, provider) = (&mut self.bump, &self.provider);
        // SAFETY: `&mut self`: nothing borrowed from the arena is left, and its chunks come from its
        // provider.
        let _reset = PutBack::new(|| unsafe { bump.reset(provider) });
        // SAFETY: the same, and by invariant 2 they are the list's to drop.
        unsafe { kept.finish_until(ptr::null_mut()) };
    }

    /// The values to be dropped, which are the caller's to drop now.
    fn take_kept(&mut self) -> KeepList {
        // Relaxed: `&mut self`.
        let newest = self.kept.swap(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: invariant 2.
        unsafe { KeepList::from_newest(newest) }
    }

    /// Gives memory back, as [`Arena::shrink_to`](super::Arena::shrink_to) does.
    pub fn shrink_to(&mut self, bytes: usize) {
        // SAFETY: chunks come from this arena's provider.
        unsafe { self.bump.shrink_to(&self.provider, bytes) };
    }

    /// Most bytes that the arena reserves; `None` without a limit.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        Some(self.bump.limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Sets the most bytes that the arena reserves, as
    /// [`Arena::set_limit`](super::Arena::set_limit) does. While a thread is getting a chunk, another
    /// one may be refused although it would have fitted there.
    pub fn set_limit(&self, bytes: Option<usize>) {
        self.bump.set_limit(bytes.unwrap_or(usize::MAX));
    }

    /// What the arena has, and what of it is in use; a guess while others allocate. O(chunks).
    #[must_use]
    pub fn usage(&self) -> ArenaUsage {
        self.bump.usage().into()
    }

    /// What the arena has done so far, as far as it is counted without slowing it down: chunks,
    /// bytes, refusals, resets, and the allocations of those local arenas that are gone. O(chunks).
    #[cfg(feature = "stats")]
    #[must_use]
    #[doc(alias = "statistics")]
    pub fn stats(&self) -> Snapshot {
        let usage = self.usage();
        let stats = self.bump.tally.snapshot();
        stats
            .with(Metric::BytesReserved, usage.reserved as u64)
            .with(Metric::BytesAllocated, usage.allocated as u64)
    }
}

impl<P: Provider, const MIN_ALIGN: usize> SyncArena<P, MIN_ALIGN> {
    doors!("let arena = flagstone::SyncArena::new();", '_);
}

// SAFETY: room comes from `bump`, and by invariant 1 stays while the arena is borrowed for 'm.
unsafe impl<'m, P: Provider, const MIN_ALIGN: usize> Reserve<'m> for &'m SyncArena<P, MIN_ALIGN> {
    #[inline(always)]
    fn quick_room_for<T>(self) -> Option<NonNull<u8>> {
        self.bump.take(Layout::new::<T>())
    }

    #[inline(always)]
    fn quick_room(self, layout: Layout) -> Option<NonNull<u8>> {
        self.bump.take(layout)
    }

    fn slow_room(self, layout: Layout) -> Result<NonNull<u8>, Cause> {
        let room = self.bump.grow(&self.provider, layout);
        room.inspect_err(|&cause| self.count_refusal(cause))
    }

    unsafe fn resize(self, block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
        self.bump.resize(block, old, new)
    }

    unsafe fn give_back(self, block: NonNull<u8>, size: usize) {
        self.bump.give_back(block, size);
    }

    fn count_refusal(self, cause: Cause) {
        self.bump.tally.refused(cause.kind());
    }

    unsafe fn keep(self, kept: NonNull<Kept>) {
        // Relaxed: a guess, which the exchange verifies.
        let mut newest = self.kept.load(Ordering::Relaxed);
        loop {
            // SAFETY: a link that is on no list yet, by the caller's promise.
            unsafe { kept.as_ref() }.set_older(newest);
            // Relaxed: whoever walks the list has the arena exclusively, and got it from all
            // threads that pushed; nobody pops meanwhile, so there is no ABA problem.
            match self.kept.compare_exchange_weak(
                newest,
                kept.as_ptr(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => newest = now,
            }
        }
    }
}

impl<P: Provider, const MIN_ALIGN: usize> Drop for SyncArena<P, MIN_ALIGN> {
    fn drop(&mut self) {
        let kept = self.take_kept();
        let (bump, provider) = (&mut self.bump, &self.provider);
        // SAFETY: nothing borrowed from the arena is left; chunks come from its provider.
        let _release = PutBack::new(|| unsafe { bump.release(provider) });
        // SAFETY: the same, and by invariant 2 they are the list's to drop.
        unsafe { kept.finish_until(ptr::null_mut()) };
    }
}

// SAFETY: the chunks are the arena's alone, and values to be dropped are `Send` (invariant 2). A
// method that hands out anything tied to a thread must not follow.
unsafe impl<P: Provider + Send, const MIN_ALIGN: usize> Send for SyncArena<P, MIN_ALIGN> {}

// SAFETY: what `&self` changes is atomic, and room is handed out to one thread each. The provider is
// called by all of them, so it must be `Sync`; values to be dropped were moved here from any thread
// and are `Send`. A method that gives `&self` access to what others allocated must not follow.
unsafe impl<P: Provider + Sync, const MIN_ALIGN: usize> Sync for SyncArena<P, MIN_ALIGN> {}

#[cfg(not(any(loom, shuttle)))]
impl Default for SyncArena {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Provider, const MIN_ALIGN: usize> fmt::Debug for SyncArena<P, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = self.usage();
        f.debug_struct("SyncArena")
            .field("allocated", &usage.allocated)
            .field("reserved", &usage.reserved)
            .field("chunks", &usage.chunks)
            .finish_non_exhaustive()
    }
}
