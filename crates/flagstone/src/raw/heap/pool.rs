//! The slices that are free, of all chunks.

use core::{alloc::Layout, ptr, ptr::NonNull};

use super::{
    bits::{longest, mask, runs, starts},
    chunk::{Front, Mapping},
    watch::BITS_SLICE,
};
use crate::{
    layout::span::{CHUNK, SLICE, SLICES},
    sync::SpinLock,
};

/// All slices but the first, which is the front.
const ALL: u64 = !1;
/// All but that and the one with the bits of a checked heap.
const ALL_BUT_BITS: u64 = ALL & !(1 << BITS_SLICE);
/// So many chunks are looked at that may have a long enough run, or not.
const LOOKED_AT: usize = 8;
/// Lists of chunks: the longest run of free slices is 1, 2, 4, … 32 at least.
const LISTS: usize = SLICES.trailing_zeros() as usize;

/// What a chunk is asked of the provider with.
pub(super) const CHUNK_LAYOUT: Layout = match Layout::from_size_align(CHUNK, CHUNK) {
    Ok(layout) => layout,
    Err(_) => panic!("a chunk has a layout"),
};

/// Slices of a chunk that were free and are the receiver's.
#[derive(Clone, Copy)]
pub(super) struct Slices {
    pub(super) front: NonNull<Front>,
    pub(super) first: usize,
    pub(super) count: usize,
    /// Whether all bytes are 0.
    pub(super) zeroed: bool,
}

impl Slices {
    /// The slices' chunk.
    pub(super) fn front(&self) -> &Front {
        // SAFETY: slices are in use, so their chunk stays.
        unsafe { self.front.as_ref() }
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.front().slice(self.first)
    }

    fn mask(&self) -> u64 {
        mask(self.first, self.count)
    }
}

/// What is to be given back: whole chunks, or the pages of slices that are nobody's meanwhile.
pub(super) enum Due {
    Chunk(Mapping),
    Slices(NonNull<Front>, u64),
}

/// Where somebody is who looks at all chunks, one after the other, and lets the lock go in between: addresses
/// ascend, so chunks may come and go meanwhile.
pub(super) struct Bookmark {
    /// Chunks below that address were looked at.
    chunk: usize,
    /// The chunk there, as long as no chunk was removed since there were so many.
    known: *const Front,
    removed: usize,
    /// Slices of the chunk below that number were looked at.
    pub(super) slice: usize,
}

impl Bookmark {
    /// Before the first chunk.
    pub(super) const fn new() -> Self {
        Self {
            chunk: 0,
            known: ptr::null(),
            removed: 0,
            slice: 0,
        }
    }

    /// Goes on to the next chunk; the slices of this one were looked at.
    fn turn(&mut self) {
        self.chunk = self.chunk.saturating_add(1);
        self.known = ptr::null();
        self.slice = 0;
    }
}

/// The chunks of a heap, and which of their slices are free. Finds slices in O(1); never calls a provider.
pub(super) struct Pool(lock_api::Mutex<SpinLock, State>);

struct State {
    /// The slices of each chunk that can be given out.
    all: u64,
    /// All chunks.
    chunks: *const Front,
    count: usize,
    /// How many chunks were removed so far.
    removed: usize,
    /// Chunks by their longest run of free slices.
    alike: [*const Front; LISTS],
    /// Chunks with idle slices, the one that waits longest first.
    due: *const Front,
    due_last: *const Front,
    /// How many slices are free, and how many of them are idle.
    free: usize,
    idle: usize,
}

// SAFETY: the chunks' pages are the lock's, whoever has it.
unsafe impl Send for State {}

impl Pool {
    pub(super) const fn new() -> Self {
        Self(lock_api::Mutex::const_new(
            SpinLock::new(),
            State {
                all: ALL,
                chunks: ptr::null(),
                count: 0,
                removed: 0,
                alike: [ptr::null(); LISTS],
                due: ptr::null(),
                due_last: ptr::null(),
                free: 0,
                idle: 0,
            },
        ))
    }

    /// The lock, for a process that is about to be forked.
    pub(super) fn lock(&self) -> &lock_api::Mutex<SpinLock, impl Sized> {
        &self.0
    }

    /// `count` slices in a row, if there are so many. Those that were used before come first: their pages
    /// are there.
    pub(super) fn take(&self, count: usize) -> Option<Slices> {
        self.0.lock().take(count, LOOKED_AT)
    }

    /// As `take`, but looks everywhere: O(chunks).
    pub(super) fn take_anywhere(&self, count: usize) -> Option<Slices> {
        self.0.lock().take(count, usize::MAX)
    }

    /// As `take`, but where the most free slices lie behind them, for a block that grows.
    pub(super) fn take_with_room(&self, count: usize) -> Option<Slices> {
        self.0.lock().take_with_room(count)
    }

    /// The `more` slices behind `slices`, if they are free.
    pub(super) fn extend(&self, front: &Front, end: usize, more: usize) -> bool {
        end + more <= SLICES && self.0.lock().take_exactly(front, mask(end, more)).is_some()
    }

    /// Takes slices back, at the time `now`. Whether something has waited since `due_since` or longer.
    pub(super) fn give(&self, slices: Slices, now: u64, due_since: u64) -> bool {
        let mut state = self.0.lock();
        state.give(slices.front(), slices.mask(), now);
        state.waits_since(due_since)
    }

    /// A chunk more, whose front is zeroed but for its mapping. Its slices are zeroed or not, and one has the
    /// bits of the others if the heap is checked.
    pub(super) fn add(&self, front: NonNull<Front>, zeroed: bool, has_bits: bool) {
        let mut state = self.0.lock();
        state.all = if has_bits { ALL_BUT_BITS } else { ALL };
        // SAFETY: the caller's chunk, nobody else's.
        let front = unsafe { front.as_ref() };
        state.add(front, zeroed);
    }

    /// Something that waits to be given back to the provider and is the caller's until `given_back`: what
    /// has been idle since `due_since` or longer, or, if it is all that is wanted, anything idle.
    pub(super) fn due(&self, now: u64, due_since: u64, all: bool) -> Option<Due> {
        self.0.lock().due(now, due_since, all)
    }

    /// Takes slices back that were due; whether they are zeroed now.
    pub(super) fn given_back(&self, front: NonNull<Front>, bits: u64, zeroed: bool) {
        let mut state = self.0.lock();
        // SAFETY: some of its slices were the caller's, so it is there.
        let front = unsafe { front.as_ref() };
        let pages = &front.pages;
        if zeroed {
            pages.dirty.set(pages.dirty.get() & !bits);
        }
        state.set_free(front, pages.free.get() | bits);
    }

    /// Calls `see` with all chunks, under the lock, and says how many slices are free and idle.
    pub(super) fn each(&self, mut see: impl FnMut(&Front, u64)) -> (usize, usize, usize) {
        let state = self.0.lock();
        let mut at = state.chunks;
        // SAFETY: chunks on the list are there, and leave it under the lock only.
        while let Some(front) = unsafe { at.as_ref() } {
            see(front, front.pages.free.get());
            at = front.pages.next.get();
        }
        (state.count, state.free, state.idle)
    }

    /// Calls `see` with chunks from the bookmark on and the slices of them that are free, under the lock, until it
    /// has an answer. It moves the bookmark within a chunk.
    pub(super) fn look_from<T>(
        &self,
        at: &mut Bookmark,
        mut see: impl FnMut(&Front, u64, &mut usize) -> Option<T>,
    ) -> Option<T> {
        loop {
            let state = self.0.lock();
            let front = state.find(at)?;
            let seen = see(front, front.pages.free.get(), &mut at.slice);
            if seen.is_some() {
                return seen;
            }
            at.turn();
        }
    }

    /// Takes all chunks out, one after the other, whatever is in them.
    pub(super) fn drain(&self) -> impl Iterator<Item = Mapping> {
        core::iter::from_fn(|| {
            let mut state = self.0.lock();
            // SAFETY: chunks on the list are there.
            let front = unsafe { state.chunks.as_ref() }?;
            state.remove(front)
        })
    }
}

impl State {
    fn take(&mut self, count: usize, looks: usize) -> Option<Slices> {
        let wanted = count.next_power_of_two().trailing_zeros() as usize;
        // All chunks on lists from `wanted` on have such a run. Where `count` is no power of two, some of the
        // list below may, too.
        for list in wanted..LISTS {
            // SAFETY: chunks on the list are there.
            if let Some(front) = unsafe { self.alike[list].as_ref() } {
                return self.take_from(front, count);
            }
        }
        let below = wanted.checked_sub(1).filter(|_| !count.is_power_of_two())?;
        let mut at = self.alike[below];
        for _ in 0..looks {
            // SAFETY: as above.
            let front = unsafe { at.as_ref() }?;
            if let Some(slices) = self.take_from(front, count) {
                return Some(slices);
            }
            at = front.pages.next_alike.get();
        }
        None
    }

    fn take_from(&mut self, front: &Front, count: usize) -> Option<Slices> {
        let (free, dirty) = (front.pages.free.get(), front.pages.dirty.get());
        let warm = starts(free & dirty, count);
        let runs = if warm != 0 { warm } else { starts(free, count) };
        if runs == 0 {
            return None;
        }
        self.take_at(front, runs.trailing_zeros() as usize, count)
    }

    fn take_at(&mut self, front: &Front, first: usize, count: usize) -> Option<Slices> {
        let zeroed = self.take_exactly(front, mask(first, count))?;
        Some(Slices {
            front: front.into(),
            first,
            count,
            zeroed,
        })
    }

    fn take_with_room(&mut self, count: usize) -> Option<Slices> {
        let longest = self.alike.iter().rev().find(|chunks| !chunks.is_null())?;
        // SAFETY: chunks on the list are there.
        let front = unsafe { longest.as_ref() }?;
        let free = front.pages.free.get();
        let (first, length) = runs(free).max_by_key(|&(_, length)| length)?;
        if length < count {
            return None;
        }
        self.take_at(front, first, count)
    }

    /// Takes the slices of `bits` if all are free; whether they are zeroed.
    fn take_exactly(&mut self, front: &Front, bits: u64) -> Option<bool> {
        let pages = &front.pages;
        if pages.free.get() & bits != bits {
            return None;
        }
        self.idle -= (pages.idle.get() & bits).count_ones() as usize;
        pages.idle.set(pages.idle.get() & !bits);
        pages.aged.set(pages.aged.get() & !bits);
        let zeroed = pages.dirty.get() & bits == 0;
        self.set_free(front, pages.free.get() & !bits);
        Some(zeroed)
    }

    fn give(&mut self, front: &Front, bits: u64, now: u64) {
        let pages = &front.pages;
        debug_assert!(pages.free.get() & bits == 0, "slices are given back once");
        pages.dirty.set(pages.dirty.get() | bits);
        pages.idle.set(pages.idle.get() | bits);
        self.idle += bits.count_ones() as usize;
        self.set_free(front, pages.free.get() | bits);
        if !pages.waits.get() {
            pages.aged.set(0);
            self.wait(front, now);
        }
    }

    /// Changes the set of free slices, and the list that the chunk is on with it.
    fn set_free(&mut self, front: &Front, free: u64) {
        let pages = &front.pages;
        self.free += free.count_ones() as usize;
        self.free -= pages.free.get().count_ones() as usize;
        pages.free.set(free);
        let list = longest(free);
        if list == pages.alike.get() {
            return;
        }
        self.leave_alike(front);
        if list > 0 {
            let first = &mut self.alike[list as usize - 1];
            pages.next_alike.set(*first);
            pages.previous_alike.set(ptr::null());
            // SAFETY: chunks on the list are there.
            if let Some(next) = unsafe { first.as_ref() } {
                next.pages.previous_alike.set(front);
            }
            *first = front;
        }
        pages.alike.set(list);
    }

    fn leave_alike(&mut self, front: &Front) {
        let pages = &front.pages;
        let Some(list) = pages.alike.replace(0).checked_sub(1) else {
            return;
        };
        let (next, previous) = (pages.next_alike.get(), pages.previous_alike.get());
        // SAFETY: chunks on the list are there.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.pages.next_alike.set(next),
            None => self.alike[list as usize] = next,
        }
        // SAFETY: as above.
        if let Some(next) = unsafe { next.as_ref() } {
            next.pages.previous_alike.set(previous);
        }
    }

    /// The chunk that the bookmark is in, or the next: O(chunks), unless it is the one of the last time.
    fn find<'s>(&'s self, at: &mut Bookmark) -> Option<&'s Front> {
        if at.known.is_null() || at.removed != self.removed {
            let mut next = self.chunks;
            let (mut found, mut least) = (ptr::null(), usize::MAX);
            // SAFETY: chunks on the list are there.
            while let Some(front) = unsafe { next.as_ref() } {
                let chunk = front.slice(0).as_ptr().addr();
                if (at.chunk..least).contains(&chunk) {
                    (found, least) = (next, chunk);
                }
                next = front.pages.next.get();
            }
            if least != at.chunk {
                at.slice = 0;
            }
            (at.chunk, at.known, at.removed) = (least, found, self.removed);
        }
        // SAFETY: found now, or before and no chunk was removed since.
        unsafe { at.known.as_ref() }
    }

    fn add(&mut self, front: &Front, zeroed: bool) {
        let pages = &front.pages;
        pages.next.set(self.chunks);
        // SAFETY: chunks on the list are there.
        if let Some(next) = unsafe { self.chunks.as_ref() } {
            next.pages.previous.set(front);
        }
        self.chunks = front;
        self.count += 1;
        pages.dirty.set(if zeroed { 0 } else { self.all });
        self.set_free(front, self.all);
    }

    /// Forgets a chunk; where it came from.
    fn remove(&mut self, front: &Front) -> Option<Mapping> {
        let pages = &front.pages;
        self.leave_due(front);
        self.idle -= pages.idle.get().count_ones() as usize;
        self.free -= pages.free.get().count_ones() as usize;
        self.leave_alike(front);
        let (next, previous) = (pages.next.get(), pages.previous.get());
        // SAFETY: chunks on the list are there.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.pages.next.set(next),
            None => self.chunks = next,
        }
        // SAFETY: as above.
        if let Some(next) = unsafe { next.as_ref() } {
            next.pages.previous.set(previous);
        }
        self.count -= 1;
        self.removed += 1;
        pages.mapping.get()
    }

    /// Puts a chunk at the end of those that wait.
    fn wait(&mut self, front: &Front, now: u64) {
        let pages = &front.pages;
        pages.waits.set(true);
        pages.stamp.set(now);
        pages.next_due.set(ptr::null());
        pages.previous_due.set(self.due_last);
        // SAFETY: chunks on the list are there.
        match unsafe { self.due_last.as_ref() } {
            Some(last) => last.pages.next_due.set(front),
            None => self.due = front,
        }
        self.due_last = front;
    }

    fn leave_due(&mut self, front: &Front) {
        let pages = &front.pages;
        if !pages.waits.replace(false) {
            return;
        }
        let (next, previous) = (pages.next_due.get(), pages.previous_due.get());
        // SAFETY: chunks on the list are there.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.pages.next_due.set(next),
            None => self.due = next,
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            Some(next) => next.pages.previous_due.set(previous),
            None => self.due_last = previous,
        }
    }

    /// Whether some chunk has waited since `due_since` or longer.
    fn waits_since(&self, due_since: u64) -> bool {
        // SAFETY: chunks on the list are there.
        unsafe { self.due.as_ref() }.is_some_and(|front| front.pages.stamp.get() <= due_since)
    }

    fn due(&mut self, now: u64, due_since: u64, all: bool) -> Option<Due> {
        loop {
            // SAFETY: chunks on the list are there.
            let Some(front) = (unsafe { self.due.as_ref() }) else {
                return self.unused(all);
            };
            let pages = &front.pages;
            if !all && pages.stamp.get() > due_since {
                return None;
            }
            self.leave_due(front);
            let bits = if all {
                pages.idle.get()
            } else {
                // Those that were idle when the wait began, and are still.
                pages.aged.get() & pages.idle.get()
            };
            let rest = pages.idle.get() & !bits;
            pages.aged.set(rest);
            if rest != 0 {
                self.wait(front, now);
            } else if pages.free.get() == self.all
                && (all || self.free >= 2 * self.all.count_ones() as usize)
            {
                // One such chunk is kept, so that a heap around its size does not map and unmap it.
                return self.remove(front).map(Due::Chunk);
            }
            if bits != 0 {
                self.idle -= bits.count_ones() as usize;
                pages.idle.set(pages.idle.get() & !bits);
                self.set_free(front, pages.free.get() & !bits);
                return Some(Due::Slices(front.into(), bits));
            }
        }
    }

    /// A chunk that nothing is in, if `all` is to be given back.
    fn unused(&mut self, all: bool) -> Option<Due> {
        // A chunk without anything in it has the longest run.
        let mut at = self.alike[LISTS - 1];
        // SAFETY: chunks on the list are there.
        while let Some(front) = unsafe { at.as_ref() }.filter(|_| all) {
            if front.pages.free.get() == self.all {
                return self.remove(front).map(Due::Chunk);
            }
            at = front.pages.next_alike.get();
        }
        None
    }
}

/// Bytes of the slices of `bits`.
pub(super) fn bytes(bits: u64) -> usize {
    bits.count_ones() as usize * SLICE
}
