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

    /// Chunks ask the system for huge pages. Faster for large heaps, and what is given back is coarser.
    pub const fn huge_pages(mut self, wanted: bool) -> Self {
        self.limits.huge_pages = wanted;
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
