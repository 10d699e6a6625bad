//! The one region that everything is in, and what is known of it.
#![expect(unsafe_code, reason = "implements Provider")]

use core::{
    alloc::Layout,
    fmt,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use flagstone::{
    OutOfMemory, Provider,
    provider::{Chunk, StaticRegion},
};

/// Bytes of the region: half of what a small microcontroller has.
pub const MEMORY_BYTES: usize = 32 * 1024;

/// A static region that keeps an account.
///
/// ```
/// use flagstone_kernel::{cache::cache, memory::Memory};
///
/// static MEMORY: Memory = Memory::new();
///
/// let numbers = cache::<u64>(&MEMORY)?;
/// assert_eq!(numbers.alloc(7).map(|number| *number), Ok(7));
/// assert!(MEMORY.usage().in_use > 0);
/// drop(numbers);
/// assert_eq!(MEMORY.usage().in_use, 0);
/// # Ok::<(), flagstone::OutOfMemory>(())
/// ```
pub struct Memory {
    region: StaticRegion<MEMORY_BYTES>,
    in_use: AtomicUsize,
    peak: AtomicUsize,
    taken: AtomicUsize,
    returned: AtomicUsize,
}

/// What became of the region, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of chunks that were taken and not given back.
    pub in_use: usize,
    /// The most there were at once.
    pub peak: usize,
    /// How many chunks were taken.
    pub taken: usize,
    /// How many of them were given back.
    pub returned: usize,
}

impl Memory {
    /// All of it free.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            region: StaticRegion::new(),
            in_use: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            returned: AtomicUsize::new(0),
        }
    }

    /// The account. Exact when no other context uses the memory meanwhile.
    #[must_use]
    pub fn usage(&self) -> Usage {
        // Relaxed, here and below: counts that publish nothing.
        Usage {
            in_use: self.in_use.load(Ordering::Relaxed),
            peak: self.peak.load(Ordering::Relaxed),
            taken: self.taken.load(Ordering::Relaxed),
            returned: self.returned.load(Ordering::Relaxed),
        }
    }
}

// SAFETY: every answer is one of the region's, which keeps this promise.
unsafe impl Provider for &'static Memory {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let chunk = (&self.region).alloc(layout)?;
        let before = self.in_use.fetch_add(layout.size(), Ordering::Relaxed);
        self.peak
            .fetch_max(before + layout.size(), Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Relaxed);
        Ok(chunk)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise; what came from us came from the region.
        unsafe { (&self.region).free(ptr, layout) };
        self.in_use.fetch_sub(layout.size(), Ordering::Relaxed);
        self.returned.fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.usage().fmt(f)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes in use, at most {} of {MEMORY_BYTES}; {} chunks taken, {} given back",
            self.in_use, self.peak, self.taken, self.returned
        )
    }
}
