//! Free slots by the dozen.

use core::{alloc::Layout, array, cell::Cell, ptr, ptr::NonNull};

use crate::{
    error::OutOfMemory,
    index::{NONE, TaggedHead},
    provider::{Provider, request},
    sync::atomic::{AtomicPtr, AtomicU32, Ordering},
};

/// Slots that a magazine holds at most.
pub(super) const MOST: usize = 64;

/// Magazines of the first chunk; every further chunk has twice as many.
const FIRST: usize = 4;
/// Chunks of magazines: enough for 2^30 of them.
const CHUNKS: usize = 28;

/// Free slots that move between threads together (J. Bonwick and J. Adams, "Magazines and vmem",
/// USENIX 2001). Magazines have numbers and stay until their pool ends, so that a stack of them can
/// be read by a thread that comes too late.
///
/// # Invariant
///
/// 1. `slots` belong to the thread that took the number from a stack, and to nobody while
///    the number is on one.
#[repr(C, align(64))]
pub(super) struct Magazine {
    /// The number of the next magazine on the same stack.
    link: AtomicU32,
    /// Others may look at it at any time.
    len: AtomicU32,
    slots: [Cell<*mut u8>; MOST],
}

impl Magazine {
    fn new() -> Self {
        Self {
            link: AtomicU32::new(NONE),
            len: AtomicU32::new(0),
            slots: array::from_fn(|_| Cell::new(ptr::null_mut())),
        }
    }

    /// How many slots there are in it.
    pub(super) fn len(&self) -> usize {
        // Relaxed, here and below: the owner's number, by which others only guess.
        self.len.load(Ordering::Relaxed) as usize
    }

    /// Moves the slots out of `slots`, [`MOST`] at most, into this magazine, which is empty.
    pub(super) fn fill(&self, slots: &[Cell<*mut u8>]) {
        for (to, from) in self.slots.iter().zip(slots) {
            to.set(from.get());
        }
        let len = slots.len().min(MOST) as u32;
        self.len.store(len, Ordering::Relaxed);
    }

    /// Moves all slots to the start of `into`, which is at least as long; how many there were.
    pub(super) fn empty_into(&self, into: &[Cell<*mut u8>]) -> usize {
        let len = self.len();
        for (from, to) in self.slots.iter().zip(into).take(len) {
            to.set(from.get());
        }
        self.len.store(0, Ordering::Relaxed);
        len
    }

    /// Takes one slot out.
    pub(super) fn pop(&self) -> Option<NonNull<u8>> {
        let last = self.len().checked_sub(1)?;
        self.len.store(last as u32, Ordering::Relaxed);
        NonNull::new(self.slots[last].get())
    }
}

/// The magazines of a pool: two stacks of their numbers, full (of one slot at least) and empty.
///
/// # Invariants
///
/// 1. Chunk `k` is null or holds `FIRST << k` magazines, which stay where they are until `end`.
/// 2. A number was handed out by `add` once, and is on one stack or with one thread.
pub(super) struct Magazines {
    chunks: [AtomicPtr<Magazine>; CHUNKS],
    full: TaggedHead,
    empty: TaggedHead,
}

impl Magazines {
    pub(super) fn new() -> Self {
        Self {
            chunks: array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            full: TaggedHead::new(),
            empty: TaggedHead::new(),
        }
    }

    /// A magazine by its number, if this thread sees its chunk already.
    fn look(&self, number: u32) -> Option<&Magazine> {
        let number = number as usize;
        let chunk = (number / FIRST + 1).ilog2() as usize;
        let place = number - FIRST * ((1 << chunk) - 1);
        // Acquire: pairs with the Release in `add`.
        let first = NonNull::new(self.chunks[chunk].load(Ordering::Acquire))?;
        // SAFETY: the number was handed out, so the place is in its chunk.
        let magazine = unsafe { first.add(place) };
        // SAFETY: magazines stay; what changes in them are cells.
        Some(unsafe { magazine.as_ref() })
    }

    /// A magazine by a number that came by a stack.
    pub(super) fn at(&self, number: u32) -> &Magazine {
        let magazine = self.look(number);
        // SAFETY: the pushes of a number happen after its chunk was installed, and what is taken from
        // a stack happens after its push.
        unsafe { magazine.unwrap_unchecked() }
    }

    fn pop(&self, stack: &TaggedHead) -> Option<u32> {
        // Relaxed: the head's exchange orders the link that counts, and refuses any other.
        stack.pop(|number| self.at(number).link.load(Ordering::Relaxed))
    }

    fn push(&self, stack: &TaggedHead, number: u32) {
        let link = &self.at(number).link;
        // Relaxed: the head's exchange publishes it.
        stack.push(number, |next| link.store(next, Ordering::Relaxed));
    }

    /// The number of a magazine with slots; it is the caller's now.
    pub(super) fn take_full(&self) -> Option<u32> {
        self.pop(&self.full)
    }

    /// Takes a magazine with slots back.
    pub(super) fn put_full(&self, number: u32) {
        self.push(&self.full, number);
    }

    /// The number of an empty magazine; it is the caller's now.
    pub(super) fn take_empty(&self) -> Option<u32> {
        self.pop(&self.empty)
    }

    /// Takes an empty magazine back.
    pub(super) fn put_empty(&self, number: u32) {
        self.push(&self.empty, number);
    }

    /// Whether there is no empty magazine, at a moment that may be over.
    pub(super) fn lacks_empty(&self) -> bool {
        self.empty.peek().is_none()
    }

    /// Whether there is a magazine with slots, at a moment that may be over.
    pub(super) fn has_full(&self) -> bool {
        self.full.peek().is_some()
    }

    /// Slots in full magazines, as far as they stay there while this counts. O(magazines).
    pub(super) fn stored(&self) -> usize {
        let mut slots = 0;
        let mut at = self.full.peek();
        let mut left = FIRST << CHUNKS;
        // A number that was not taken from the stack may be of a chunk that is not seen yet.
        while let Some(magazine) = at.filter(|_| left > 0).and_then(|number| self.look(number)) {
            slots += magazine.len();
            // Relaxed: an estimate while others work, exact when nobody does.
            at = Some(magazine.link.load(Ordering::Relaxed)).filter(|&next| next != NONE);
            left -= 1;
        }
        slots
    }

    /// Adds empty magazines in a chunk of `provider`, which is the same in every call.
    pub(super) fn add(&self, provider: &impl Provider) -> Result<(), OutOfMemory> {
        // Relaxed: a guess that the exchange verifies.
        let missing = |chunk: &AtomicPtr<Magazine>| chunk.load(Ordering::Relaxed).is_null();
        let chunk = self.chunks.iter().position(missing);
        // More than can be addressed: slots go one by one.
        let Some((chunk, layout)) = chunk.and_then(|chunk| Some((chunk, chunk_layout(chunk)?)))
        else {
            return Ok(());
        };
        let place = request(provider, layout)?.ptr.cast::<Magazine>(); // USER CODE
        let count = FIRST << chunk;
        for n in 0..count {
            // SAFETY: the layout has room for `count` magazines.
            let magazine = unsafe { place.add(n) };
            // SAFETY: as above; nobody else has the chunk yet.
            unsafe { magazine.write(Magazine::new()) };
        }
        // Release: pairs with the Acquire in `at`. Relaxed on failure: nothing is read.
        let installed = self.chunks[chunk].compare_exchange(
            ptr::null_mut(),
            place.as_ptr(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        if installed.is_err() {
            // Another thread was faster; there are empty magazines now.
            // SAFETY: given by this provider for this layout, and shown to nobody.
            unsafe { provider.free(place.cast(), layout) }; // USER CODE
            return Ok(());
        }
        let first = FIRST * ((1 << chunk) - 1);
        for number in (first..first + count).rev() {
            self.put_empty(number as u32);
        }
        Ok(())
    }

    /// Gives all chunks back.
    ///
    /// # Safety
    ///
    /// Nobody uses a magazine any more; `provider` is that of every `add`.
    pub(super) unsafe fn end(&self, provider: &impl Provider) {
        for (n, chunk) in self.chunks.iter().enumerate() {
            // Relaxed: who ends the magazines is ordered after everybody else's use.
            let first = NonNull::new(chunk.load(Ordering::Relaxed));
            if let Some((first, layout)) = first.zip(chunk_layout(n)) {
                // A model checker's atomics want to be dropped.
                #[cfg(any(loom, shuttle))]
                // SAFETY: the chunk's magazines, which nobody uses any more.
                unsafe {
                    NonNull::slice_from_raw_parts(first, FIRST << n).drop_in_place();
                }
                // SAFETY: the provider gave it for this layout; nobody uses it.
                unsafe { provider.free(first.cast(), layout) }; // USER CODE
            }
        }
    }
}

/// `None` where addresses have 32 bits and the chunk would not fit them.
fn chunk_layout(chunk: usize) -> Option<Layout> {
    Layout::array::<Magazine>(FIRST << chunk).ok()
}

// SAFETY: the cells of a magazine belong to one thread at a time (invariant 1 of `Magazine`), and a
// stack's exchange orders one after the other.
unsafe impl Sync for Magazines {}
// SAFETY: as above.
unsafe impl Send for Magazines {}
