//! The arena for one thread.
#![expect(
    unsafe_code,
    reason = "owns the chunks: promises that room stays, and takes it back"
)]

use core::{alloc::Layout, fmt, mem::MaybeUninit, ptr, ptr::NonNull};

use super::{ArenaUsage, Checkpoint, doors::doors};
#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};
use crate::{
    error::{Cause, ConfigError},
    provider::{ByteRegion, Global, Provider},
    raw::{
        PutBack,
        bump::{Bump, KeepList, Kept, Reserve},
    },
};

/// Places values one behind the other and frees them all at once.
///
/// ```text
///   provider ─▶ chunk │ header │ value │ value │ value │ free ─▶          │
///                                                      ╰ the next one goes here
/// ```
///
/// Chunks double in size up to 1 MiB; a request that is large for the next chunk gets one of its
/// own. [`reset`](Self::reset) keeps the memory and makes one chunk of it. Every place is a multiple
/// of `MIN_ALIGN` (a power of two up to 4096), so that most requests need no alignment.
///
/// An arena can be sent to another thread, not shared; there is
/// no lock and no atomic in it. What [`scope`](Self::scope) hands out is freed when the scope ends.
///
/// ```
/// use flagstone::Arena;
///
/// let mut arena = Arena::new();
/// for request in ["GET /", "GET /about"] {
///     let words = arena.alloc_slice_iter(request.split(' '));
///     let answer = arena.alloc_fmt(format_args!("{} bytes", words[1].len()));
///     assert!(answer.ends_with("bytes"));
///     arena.reset(); // both are gone, the memory stays
/// }
/// ```
///
/// # Invariants
///
/// 1. What `bump` handed out since it was last reset stays, and is not handed out again, while the
///    arena is borrowed: only methods with `&mut self` take it back, or a scope what it handed out
///    itself.
/// 2. `kept` holds values in chunks of `bump` that nobody else drops; all may be dropped by another
///    thread, and none borrows anything.
/// 3. A lent provider outlives the arena, which is then the inside of a scope.
#[doc(alias = "MemoryArena")]
#[doc(alias = "Bump")]
pub struct Arena<P: Provider = Global, const MIN_ALIGN: usize = 8> {
    pub(super) bump: Bump<MIN_ALIGN>,
    pub(super) kept: KeepList,
    source: Source<P>,
}

/// Where chunks come from.
enum Source<P> {
    Own(P),
    /// From the arena that a scope belongs to.
    Lent(NonNull<P>),
}

impl Arena {
    /// An arena on the global allocator; allocates nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::new_in(Global)
    }

    /// An arena whose first chunk has room for `bytes` bytes.
    ///
    /// # Panics
    ///
    /// When there is no memory; see [`try_with_capacity`](Self::try_with_capacity).
    ///
    /// ```
    /// let arena = flagstone::Arena::with_capacity(1024 * 1024);
    /// let buffer = arena.alloc_bytes(1024 * 1024);
    /// assert_eq!(arena.usage().chunks, 1);
    /// # buffer[0] = 1;
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_capacity(bytes: usize) -> Self {
        match Self::try_with_capacity(bytes) {
            Ok(arena) => arena,
            Err(error) => panic!("{error}"),
        }
    }

    /// An arena whose first chunk has room for `bytes` bytes.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn try_with_capacity(bytes: usize) -> Result<Self, ConfigError> {
        Self::with_capacity_in(bytes, Global)
    }
}

impl<const MIN_ALIGN: usize> Arena<Global, MIN_ALIGN> {
    /// An arena on the global allocator with another minimum alignment.
    ///
    /// 1 packs bytes and short strings without gaps; 16 and more saves aligning larger types.
    ///
    /// ```
    /// let packed = flagstone::Arena::<_, 1>::with_min_align();
    /// packed.alloc(1_u8);
    /// packed.alloc(2_u8);
    /// assert_eq!(packed.usage().allocated, 2);
    /// ```
    #[must_use]
    pub const fn with_min_align() -> Self {
        Self::new_in(Global)
    }
}

impl<'m> Arena<ByteRegion<'m>> {
    /// An arena in bytes that are lent to it: on a stack, in a `static`; needs no allocator. Its
    /// only chunk takes all of them.
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// use flagstone::Arena;
    ///
    /// let mut memory = [MaybeUninit::uninit(); 256];
    /// let arena = Arena::from_bytes(&mut memory);
    /// assert_eq!(arena.alloc([1_u8, 2, 3]), &[1, 2, 3]);
    /// assert!(arena.try_alloc([0_u8; 256]).is_err());
    /// ```
    #[must_use]
    pub fn from_bytes(memory: &'m mut [MaybeUninit<u8>]) -> Self {
        let bytes = memory.len();
        let arena = Self::new_in(ByteRegion::new(memory));
        arena.bump.begin_with_all(arena.provider(), bytes);
        arena
    }
}

impl<P: Provider, const MIN_ALIGN: usize> Arena<P, MIN_ALIGN> {
    /// An arena on `provider`; asks it for nothing yet.
    ///
    /// ```
    /// use flagstone::{Arena, provider::OsPages};
    ///
    /// let arena: Arena<_> = Arena::new_in(OsPages);
    /// assert_eq!(arena.alloc(7), &7);
    /// ```
    #[must_use]
    pub const fn new_in(provider: P) -> Self {
        Self {
            bump: Bump::new(),
            kept: KeepList::new(),
            source: Source::Own(provider),
        }
    }

    /// An arena on `provider` whose first chunk has room for `bytes` bytes.
    ///
    /// # Errors
    ///
    /// When the provider has no such chunk.
    pub fn with_capacity_in(bytes: usize, provider: P) -> Result<Self, ConfigError> {
        let arena = Self::new_in(provider);
        arena.bump.begin(arena.provider(), bytes)?;
        Ok(arena)
    }

    /// The inside of a scope of `outer`, with what `bump` claimed from it.
    ///
    /// # Safety
    ///
    /// The new arena is not used after `outer`, and does not leave its scope.
    pub(super) unsafe fn inside(outer: &Self, bump: Bump<MIN_ALIGN>) -> Self {
        Self {
            bump,
            kept: KeepList::new(),
            source: Source::Lent(NonNull::from(outer.provider())),
        }
    }

    /// Where chunks come from.
    #[must_use]
    pub fn provider(&self) -> &P {
        match &self.source {
            Source::Own(provider) => provider,
            // SAFETY: invariant 3.
            Source::Lent(provider) => unsafe { provider.as_ref() },
        }
    }

    /// Takes everything back and keeps the memory: drops what
    /// [`alloc_drop`](Self::alloc_drop) placed, the newest first; if there are several chunks, makes
    /// one of them that holds at least as much as was in use, so that the same again needs no other.
    ///
    /// Time: independent of the number of plain allocations; O(chunks + values to drop). Asks the
    /// provider only if there were several chunks; if it refuses, or the limit does, the chunks are
    /// kept and serve again.
    ///
    /// Nothing borrowed from the arena can be in use:
    ///
    /// ```compile_fail,E0502
    /// let mut arena = flagstone::Arena::new();
    /// let kept = arena.alloc(1);
    /// arena.reset();
    /// *kept = 2;
    /// ```
    ///
    /// # Panics
    ///
    /// With the panic of a destructor, after the others have run and the memory was taken back.
    #[doc(alias = "clear")]
    #[inline]
    pub fn reset(&mut self) {
        // SAFETY: `&mut self`: nothing borrowed from the arena is left.
        if self.kept.is_empty() && unsafe { self.bump.quick_reset() } {
            return;
        }
        self.reset_slowly();
    }

    /// The same with values to drop, or several chunks, or none.
    #[inline(never)]
    fn reset_slowly(&mut self) {
        let (bump, kept) = (&self.bump, &self.kept);
        let provider = match &self.source {
            Source::Own(provider) => provider,
            // SAFETY: invariant 3.
            Source::Lent(provider) => unsafe { provider.as_ref() },
        };
        // SAFETY: `&mut self`: nothing borrowed from the arena is left, and its chunks come from its
        // provider.
        let _reset = PutBack::new(|| unsafe { bump.reset(provider) });
        // SAFETY: the same, and by invariant 2 they are the list's to drop.
        unsafe { kept.finish_until(ptr::null_mut()) };
    }

    /// Gives memory back until at most `bytes` bytes are reserved, as far as nothing lies in it:
    /// after a [`reset`](Self::reset) that is all of it. A single chunk is exchanged for a smaller
    /// one.
    ///
    /// ```
    /// let mut arena = flagstone::Arena::new();
    /// arena.alloc_bytes(1_000_000);
    /// arena.reset();
    /// arena.shrink_to(64 * 1024);
    /// assert!(arena.usage().reserved <= 64 * 1024);
    /// ```
    pub fn shrink_to(&mut self, bytes: usize) {
        // SAFETY: chunks come from this arena's provider.
        unsafe { self.bump.shrink_to(self.provider(), bytes) };
    }

    /// Most bytes that the arena reserves; `None` without a limit.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        Some(self.bump.limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Sets the most bytes that the arena reserves, headers included. What it has already stays;
    /// requests that would need more are refused with
    /// [`LimitReached`](crate::AllocErrorKind::LimitReached). A provider that gives more than it is
    /// asked for, such as whole pages, can go beyond by that.
    ///
    /// A scope begins with the limit of its arena; a limit set while it is open is the scope's or the
    /// arena's, whichever it is set on, and the scope's ends with it.
    ///
    /// ```
    /// use flagstone::{AllocErrorKind, Arena};
    ///
    /// let arena = Arena::new();
    /// arena.set_limit(Some(64 * 1024));
    /// let refused = arena.try_alloc_bytes(100_000).unwrap_err();
    /// assert_eq!(refused.kind(), AllocErrorKind::LimitReached);
    /// ```
    pub fn set_limit(&self, bytes: Option<usize>) {
        self.bump.set_limit(bytes.unwrap_or(usize::MAX));
    }

    /// What the arena has, and what of it is in use. O(chunks). While a scope is open, ask the
    /// scope: the arena itself has nothing then.
    #[must_use]
    pub fn usage(&self) -> ArenaUsage {
        self.bump.usage().into()
    }

    /// What the arena has done so far, exactly; scopes that are closed are counted here, an open one
    /// counts for itself. O(chunks).
    ///
    /// ```
    /// use flagstone::{Arena, stats::Metric};
    ///
    /// let mut arena = Arena::new();
    /// arena.alloc(1);
    /// arena.alloc_str("two");
    /// arena.reset();
    /// let stats = arena.stats();
    /// assert_eq!(stats.get(Metric::Allocations), 2);
    /// assert_eq!(stats.get(Metric::ChunksAdded), 1);
    /// ```
    #[cfg(feature = "stats")]
    #[must_use]
    #[doc(alias = "statistics")]
    pub fn stats(&self) -> Snapshot {
        let allocated = self.usage().allocated;
        let stats = self.bump.stats().snapshot();
        stats.with(Metric::BytesAllocated, allocated as u64)
    }

    /// Counts anew from here: see [`Collector::restart`](crate::stats::Collector::restart).
    #[cfg(feature = "stats")]
    pub fn restart_stats(&self) {
        self.bump.stats().restart();
    }

    /// A state to go back to with [`reset_to`](Self::reset_to). Blocks from before it are no longer
    /// changed where they are: they stay when they are freed, and move when they grow.
    ///
    /// [`scope`](Self::scope) does the same without `unsafe`.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            mark: self.bump.mark(),
            stays: self.kept.newest(),
        }
    }

    /// Takes everything back that was handed out since `checkpoint`, after dropping what
    /// [`alloc_drop`](Self::alloc_drop) placed since.
    ///
    /// ```
    /// let arena = flagstone::Arena::new();
    /// let stays = arena.alloc(1);
    /// let checkpoint = arena.checkpoint();
    /// arena.alloc_bytes(100_000);
    /// // SAFETY: the checkpoint is this arena's newest, and the bytes are not used any more.
    /// unsafe { arena.reset_to(checkpoint) };
    /// assert_eq!((*stays, arena.usage().allocated), (1, 8));
    /// ```
    ///
    /// # Safety
    ///
    /// `checkpoint` came from this arena, while no scope of it was open; the arena was not reset
    /// since, nor shrunk, nor taken to an earlier checkpoint; no scope is open that was opened since;
    /// and what was handed out since, also what grew or moved, is not used any more.
    ///
    /// # Panics
    ///
    /// As [`reset`](Self::reset) does.
    pub unsafe fn reset_to(&self, checkpoint: Checkpoint) {
        // SAFETY: the caller's promise.
        let _rewind = PutBack::new(|| unsafe { self.bump.rewind(checkpoint.mark) });
        // SAFETY: values placed since the checkpoint, which nobody uses; they are the list's.
        unsafe { self.kept.finish_until(checkpoint.stays) };
    }
}

impl<P: Provider, const MIN_ALIGN: usize> Arena<P, MIN_ALIGN> {
    doors!("let arena = flagstone::Arena::new();", '_);
}

// SAFETY: room comes from `bump`, and by invariant 1 stays while the arena is borrowed for 'm.
unsafe impl<'m, P: Provider, const MIN_ALIGN: usize> Reserve<'m> for &'m Arena<P, MIN_ALIGN> {
    #[inline(always)]
    fn quick_room_for<T>(self) -> Option<NonNull<u8>> {
        let room = self.bump.cursor().take_for::<T>();
        room.inspect(|_| self.bump.stats().placed())
    }

    #[inline(always)]
    fn quick_room(self, layout: Layout) -> Option<NonNull<u8>> {
        let room = self.bump.cursor().take(layout);
        room.inspect(|_| self.bump.stats().placed())
    }

    #[cold]
    #[inline(never)]
    fn slow_room(self, layout: Layout) -> Result<NonNull<u8>, Cause> {
        self.bump.counted(self.bump.grow(self.provider(), layout))
    }

    #[inline(always)]
    unsafe fn resize(self, block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
        self.bump.cursor().resize(block, old, new)
    }

    #[inline(always)]
    unsafe fn give_back(self, block: NonNull<u8>, size: usize) {
        self.bump.cursor().give_back(block, size);
    }

    unsafe fn moved_away(self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.bump.give_back_apart(block, layout) };
    }

    fn count_refusal(self, cause: Cause) {
        self.bump.stats().refused(cause.kind());
    }

    unsafe fn keep(self, kept: NonNull<Kept>) {
        // SAFETY: the caller's promise; the memory stays until the list is finished.
        unsafe { self.kept.push(kept) };
    }
}

impl<P: Provider, const MIN_ALIGN: usize> Drop for Arena<P, MIN_ALIGN> {
    fn drop(&mut self) {
        let (bump, provider) = (&self.bump, self.provider());
        // SAFETY: nothing borrowed from the arena is left; chunks come from its provider.
        let _release = PutBack::new(|| unsafe { bump.release(provider) });
        // SAFETY: the same, and by invariant 2 they are the list's to drop.
        unsafe { self.kept.finish_until(ptr::null_mut()) };
    }
}

// SAFETY: the chunks are the arena's alone, and values to be dropped are `Send` (invariant 2). A
// method that hands out anything tied to a thread, or that makes an arena inside a scope movable,
// must not follow.
unsafe impl<P: Provider + Send, const MIN_ALIGN: usize> Send for Arena<P, MIN_ALIGN> {}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Provider, const MIN_ALIGN: usize> fmt::Debug for Arena<P, MIN_ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = self.usage();
        f.debug_struct("Arena")
            .field("allocated", &usage.allocated)
            .field("reserved", &usage.reserved)
            .field("chunks", &usage.chunks)
            .finish_non_exhaustive()
    }
}
