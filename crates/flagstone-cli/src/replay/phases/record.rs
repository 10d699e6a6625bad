//! What is remembered of an object while its batch is looked at.

/// Alignment of everything that the bound of a phase counts, in bytes.
const ROUND: u64 = 16;

/// An object that is not dead yet.
const ALIVE: u32 = u32::MAX;

/// An object allocated in the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// Numbers of its first and last event in the batch.
    pub(super) born: u32,
    died: u32,
    pub(super) thread: u32,
    /// Its level, or 0.
    pub(super) level: u8,
    /// Whether another thread resized or freed it.
    foreign: bool,
    align_log2: u8,
    now: u64,
    /// Its bytes when it was largest.
    pub(super) largest: u64,
    /// Bytes it takes in an arena until the end of its phase.
    pub(super) held: u64,
}

impl Record {
    pub(super) fn new(born: u32, thread: u32, size: u64, align: u64) -> Self {
        let mut record = Self {
            born,
            died: ALIVE,
            thread,
            level: 0,
            foreign: false,
            align_log2: align.trailing_zeros() as u8,
            now: size,
            largest: size,
            held: 0,
        };
        record.held = record.room();
        record
    }

    /// `thread` makes it `size` bytes large; it can grow where it is if it is the thread's `newest`.
    pub(super) fn resize(&mut self, thread: u32, size: u64, newest: bool) {
        self.foreign |= thread != self.thread;
        let before = std::mem::replace(&mut self.now, size);
        self.largest = self.largest.max(size);
        if size > before {
            let more = if newest {
                (size - before).saturating_add(ROUND)
            } else {
                self.room()
            };
            self.held = self.held.saturating_add(more);
        }
    }

    /// `thread` frees it.
    pub(super) fn free(&mut self, thread: u32, now: u32) {
        self.foreign |= thread != self.thread;
        self.died = now;
    }

    /// Bytes of an arena that it needs.
    fn room(&self) -> u64 {
        let align = 1_u64 << self.align_log2;
        let padding = if align > ROUND { align } else { 0 };
        let size = self
            .now
            .max(1)
            .saturating_add(padding)
            .saturating_add(ROUND - 1);
        size / ROUND * ROUND
    }

    pub(super) fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// The event that freed it, if it was freed in the batch.
    pub(super) fn died(&self) -> Option<u32> {
        (self.died != ALIVE).then_some(self.died)
    }

    /// Whether it may join a phase at some level: its own thread frees it in the batch.
    pub(super) fn may_join(&self) -> bool {
        !self.foreign && self.died != ALIVE
    }
}
