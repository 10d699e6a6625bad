//! The shared arena for the smallest targets.
#![expect(
    unsafe_code,
    reason = "owns the chunks: promises that room stays, and takes it back"
)]

use core::{alloc::Layout, fmt, ptr, ptr::NonNull};

use lock_api::{Mutex, RawMutex};

use super::{ArenaUsage, doors::doors};
#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};
use crate::{
    error::Cause,
    provider::{Global, Provider},
    raw::{
        PutBack,
        bump::{ArenaChunk, Bump, KeepList, Kept, Need, Reserve},
    },
};

/// An arena that threads share behind a lock: any [`lock_api::RawMutex`], such as
/// [`SpinLock`](crate::sync::SpinLock) or one that disables interrupts.
///
/// It needs no pieces per thread as [`SyncArena`](super::SyncArena) does, so it wastes nothing of a
/// small memory. An allocation takes the lock for a few instructions; the provider, destructors and
/// closures run outside of it.
///
/// ```
/// use flagstone::{arena::LockArena, provider::StaticRegion, sync::SpinLock};
///
/// static MEMORY: StaticRegion<4096> = StaticRegion::new();
/// static ARENA: LockArena<SpinLock, &StaticRegion<4096>> = LockArena::new_in(&MEMORY);
///
/// assert_eq!(ARENA.alloc_str("no allocator"), "no allocator");
/// ```
///
/// # Invariants
///
/// 1. What `bump` handed out since it was last reset stays, and is not handed out again, while the
///    arena is borrowed: only methods with `&mut self` take it back.
/// 2. `kept` holds values in chunks of `bump` that nobody else drops; all may be dropped by another
///    thread, and none borrows anything.
/// 3. No user code runs while `state` is locked.
pub struct LockArena<R: RawMutex, P: Provider = Global, const MIN_ALIGN: usize = 8> {
    state: Mutex<R, State<MIN_ALIGN>>,
    provider: P,
}

struct State<const MIN_ALIGN: usize> {
    bump: Bump<MIN_ALIGN>,
    kept: KeepList,
}

// SAFETY: chunks belong to the arena alone, and values to be dropped are `Send` (invariant 2).
unsafe impl<const MIN_ALIGN: usize> Send for State<MIN_ALIGN> {}

impl<R: RawMutex, P: Provider, const MIN_ALIGN: usize> LockArena<R, P, MIN_ALIGN> {
    /// An arena on `provider`; asks it for nothing yet.
    #[must_use]
    pub const fn new_in(provider: P) -> Self {
        Self {
            state: Mutex::new(State {
                bump: Bump::new(),
                kept: KeepList::new(),
            }),
            provider,
        }
    }

    /// Where chunks come from.
    #[must_use]
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// Takes everything back and keeps the memory, as [`Arena::reset`](super::Arena::reset) does.
    ///
    /// # Panics
    ///
    /// With the panic of a destructor, after the others have run and the memory was taken back.
    pub fn reset(&mut self) {
        let (state, provider) = (self.state.get_mut(), &self.provider);
        let bump = &state.bump;
        // SAFETY: `&mut self`: nothing borrowed from the arena is left, and its chunks come from its
        // provider.
        let _reset = PutBack::new(|| unsafe { bump.reset(provider) });
        // SAFETY: the same, and by invariant 2 they are the list's to drop.
        unsafe { state.kept.finish_until(ptr::null_mut()) };
    }

    /// Gives memory back, as [`Arena::shrink_to`](super::Arena::shrink_to) does.
    pub fn shrink_to(&mut self, bytes: usize) {
        // SAFETY: chunks come from this arena's provider.
        unsafe { self.state.get_mut().bump.shrink_to(&self.provider, bytes) };
    }

    /// Most bytes that the arena reserves; `None` without a limit.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        Some(self.state.lock().bump.limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Sets the most bytes that the arena reserves, as
    /// [`Arena::set_limit`](super::Arena::set_limit) does.
    pub fn set_limit(&self, bytes: Option<usize>) {
        let state = self.state.lock();
        state.bump.set_limit(bytes.unwrap_or(usize::MAX));
    }

    /// What the arena has, and what of it is in use. O(chunks), locked.
    #[must_use]
    pub fn usage(&self) -> ArenaUsage {
        self.state.lock().bump.usage().into()
    }

    /// What the arena has done so far, exactly. O(chunks), locked.
    #[cfg(feature = "stats")]
    #[must_use]
    pub fn stats(&self) -> Snapshot {
        let state = self.state.lock();
        let allocated = state.bump.usage().allocated;
        let stats = state.bump.stats().snapshot();
        stats.with(Metric::BytesAllocated, allocated as u64)
    }

    /// Counts anew from here: see [`Collector::restart`](crate::stats::Collector::restart).
    #[cfg(feature = "stats")]
    pub fn restart_stats(&self) {
        self.state.lock().bump.stats().restart();
    }

    /// Room that the current chunk does not have; the provider is called without the lock.
    fn grow(&self, layout: Layout) -> Result<NonNull<u8>, Cause> {
        let need = self.state.lock().bump.need(layout)?;
        let plan = match need {
            Need::Served(block) => return Ok(block),
            Need::Chunk(plan) => plan,
        };
        let refund = PutBack::new(|| self.state.lock().bump.refund(plan.size));
        let chunk = ArenaChunk::obtain(&self.provider, MIN_ALIGN, plan.size, plan.least)?; // USER CODE
        refund.disarm();
        Ok(self.state.lock().bump.adopt(chunk, plan, layout))
    }

    doors!(
        "let arena = flagstone::arena::LockArena::<flagstone::sync::SpinLock>::new_in(flagstone::provider::Global);",
        '_
    );
}

// SAFETY: room comes from `bump`, and by invariant 1 stays while the arena is borrowed for 'm.
unsafe impl<'m, R: RawMutex, P: Provider, const MIN_ALIGN: usize> Reserve<'m>
    for &'m LockArena<R, P, MIN_ALIGN>
{
    #[inline(always)]
    fn quick_room_for<T>(self) -> Option<NonNull<u8>> {
        let state = self.state.lock();
        let room = state.bump.cursor().take_for::<T>();
        room.inspect(|_| state.bump.stats().placed())
    }

    #[inline(always)]
    fn quick_room(self, layout: Layout) -> Option<NonNull<u8>> {
        let state = self.state.lock();
        let room = state.bump.cursor().take(layout);
        room.inspect(|_| state.bump.stats().placed())
    }

    #[cold]
    #[inline(never)]
    fn slow_room(self, layout: Layout) -> Result<NonNull<u8>, Cause> {
        let outcome = self.grow(layout);
        self.state.lock().bump.counted(outcome)
    }

    unsafe fn resize(self, block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
        self.state.lock().bump.cursor().resize(block, old, new)
    }

    unsafe fn give_back(self, block: NonNull<u8>, size: usize) {
        self.state.lock().bump.cursor().give_back(block, size);
    }

    unsafe fn moved_away(self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.state.lock().bump.give_back_apart(block, layout) };
    }

    fn count_refusal(self, cause: Cause) {
        self.state.lock().bump.stats().refused(cause.kind());
    }

    unsafe fn keep(self, kept: NonNull<Kept>) {
        // SAFETY: the caller's promise; the memory stays until the list is finished.
        unsafe { self.state.lock().kept.push(kept) };
    }
}

impl<R: RawMutex, P: Provider, const MIN_ALIGN: usize> Drop for LockArena<R, P, MIN_ALIGN> {
    fn drop(&mut self) {
        let (state, provider) = (self.state.get_mut(), &self.provider);
        let bump = &state.bump;
        // SAFETY: nothing borrowed from the arena is left; chunks come from its provider.
        let _release = PutBack::new(|| unsafe { bump.release(provider) });
        // SAFETY: the same, and by invariant 2 they are the list's to drop.
        unsafe { state.kept.finish_until(ptr::null_mut()) };
    }
}

impl<R: RawMutex, P: Provider, const MIN_ALIGN: usize> fmt::Debug for LockArena<R, P, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = self.usage();
        f.debug_struct("LockArena")
            .field("allocated", &usage.allocated)
            .field("reserved", &usage.reserved)
            .field("chunks", &usage.chunks)
            .finish_non_exhaustive()
    }
}
