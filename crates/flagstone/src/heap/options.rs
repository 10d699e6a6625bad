//! What a heap may do.

use core::time::Duration;

use crate::raw::heap::Limits;

/// Settings of a heap, made in a constant.
///
/// ```
/// use core::time::Duration;
/// use flagstone::heap::{Heap, HeapOptions};
///
/// static HEAP: Heap = Heap::with_options(
///     HeapOptions::new()
///         .limit(Some(1 << 30))
///         .purge_delay(Duration::from_millis(100)),
/// );
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct HeapOptions {
    limits: Limits,
}

impl HeapOptions {
    /// No limit, a delay of a second, no huge pages.
    pub const fn new() -> Self {
        Self {
            limits: Limits {
                bytes: usize::MAX,
                delay: 1000,
                huge_pages: false,
                checked: false,
                zeroing: false,
                quarantine: 0,
                scattered: false,
                guard_pages: false,
                sampled: 0,
            },
        }
    }

    /// At most so many bytes are mapped at once, free ones included; an allocation that needs more fails. Chunks
    /// are 4 MiB.
    pub const fn limit(mut self, bytes: Option<usize>) -> Self {
        self.limits.bytes = match bytes {
            Some(bytes) => bytes,
            None => usize::MAX,
        };
        self
    }

    /// Free memory is given back to the system when it was not used for so long, and at most twice as long; in whole milliseconds.
    pub const fn purge_delay(mut self, delay: Duration) -> Self {
        let millis = delay.as_millis();
        self.limits.delay = if millis > u64::MAX as u128 {
            u64::MAX
        } else {
            millis as u64
        };
        self
    }

    /// Chunks and larger mappings ask the system for huge pages. Faster for large heaps and blocks, and what is
    /// touched and given back is coarser.
    pub const fn huge_pages(mut self, wanted: bool) -> Self {
        self.limits.huge_pages = wanted;
        self
    }

    /// Every block is looked at when it is freed, by whichever thread: one that was freed before, an address
    /// of which no block begins, and one of another heap go to the [corruption
    /// handler](crate::corruption). So does a slot that was written to after it was freed, which is seen when it
    /// is to be handed out: what links free slots is mixed with a random number that differs from span to span.
    ///
    /// Calls take several times as long, and a chunk has 63 slices less one.
    pub const fn checked(mut self, wanted: bool) -> Self {
        self.limits.checked = wanted;
        self
    }

    /// Slots that were never used are handed out in an order that nobody knows, 16 at least at once. With a
    /// [`quarantine`](Self::quarantine) used ones are, too. Costs nothing but the pages that are touched early.
    pub const fn scattered(mut self, wanted: bool) -> Self {
        self.limits.scattered = wanted;
        self
    }

    /// Something that cannot be touched lies behind each span of slots, each larger block and each mapping: what
    /// runs over their end stops there. Freed mappings are not kept, so what uses them afterwards stops, too.
    /// Costs 64 KiB of addresses and two system calls a span, and larger blocks are copied when they grow. At most
    /// 16,384 spans and blocks have it at once, because a system has a limit of mappings. Needs
    /// a provider that has [addresses](crate::provider::Provider::reserve_addresses), as [`OsPages`] has.
    ///
    /// [`OsPages`]: crate::provider::OsPages
    pub const fn guard_pages(mut self, wanted: bool) -> Self {
        self.limits.guard_pages = wanted;
        self
    }

    /// A few blocks of up to 56 KiB are guarded, for programs in production: nothing around them can be touched,
    /// and nothing of them when they were freed, for as long as 128 others can. What does stops there, and
    /// [`Heap::report_faults`] says which block it was and where it was allocated and freed.
    ///
    /// After about so many calls that take a slow way, one of the thread's next 64 allocations is chosen, of all
    /// alike; of a [`SharedHeap`](super::SharedHeap), one of its next slow ones. 0 chooses none. Costs a slow way for
    /// those 64, about 10 us for the chosen one, and 64 KiB of addresses and at least a page for each of the 128. Needs a
    /// provider as [`guard_pages`](Self::guard_pages) does, with pages of 16 KiB at most.
    ///
    /// [`Heap::report_faults`]: super::Heap::report_faults
    pub const fn sampled(mut self, every: u32) -> Self {
        self.limits.sampled = every;
        self
    }

    /// Blocks are zeroed when they are freed, so that nobody finds what was in them. Mappings of their own,
    /// above 2 MiB, are not: they go back to the system, or are kept as they are for another block.
    pub const fn zero_on_free(mut self, wanted: bool) -> Self {
        self.limits.zeroing = wanted;
        self
    }

    /// Each thread keeps so many bytes of freed slots, 8,192 slots at most, from being used again, and lets them go in random
    /// order: what reads or writes a freed block meets no other block for a while, and nobody can tell where
    /// the next one will be. With [`zero_on_free`](Self::zero_on_free) a slot is looked at when it goes: one that
    /// was written to since it was freed is reported.
    pub const fn quarantine(mut self, bytes: usize) -> Self {
        self.limits.quarantine = bytes;
        self
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }
}

impl Default for HeapOptions {
    fn default() -> Self {
        Self::new()
    }
}
