//! A thread's segment, and the visit of a thread that writes into it.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::format::{Op, SEGMENT_HEAD, SEGMENT_MAGIC, WORD, pack, segment};
use crate::process::{self, Process};
use crate::{sample, stacks, sys};

/// In the LINK word: the segment was split, so its memory is never unmapped. Segments are aligned
/// to 128 bytes, so the address of the next spare one leaves this bit free.
const SPLIT: u64 = 1;

/// A mapped segment of the spool file: a pointer to the first word of its head.
///
/// 1. Its LEN bytes are mapped and aligned to [`SEGMENT_HEAD`], from `create` to `leave`.
/// 2. Only its thread writes to it, or the holder of the process's lock while it is nobody's.
///    Others read it from the file, so all words are atomic.
#[derive(Clone, Copy)]
pub(crate) struct Segment(NonNull<AtomicU64>);

impl Segment {
    /// Writes the head of a segment that is nobody's.
    ///
    /// # Safety
    ///
    /// Invariant 1 holds for `memory`, and nobody else uses it.
    pub(crate) unsafe fn create(memory: NonNull<c_void>, len: u64) -> Self {
        let segment = Self(memory.cast());
        segment.word(segment::LEN).store(len, Ordering::Relaxed);
        segment
            .word(segment::USED)
            .store(SEGMENT_HEAD, Ordering::Relaxed);
        segment.word(segment::EPOCH).store(0, Ordering::Relaxed);
        segment.word(segment::LINK).store(0, Ordering::Relaxed);
        for own in segment::COUNTDOWN..segment::WORDS {
            segment.word(own).store(0, Ordering::Relaxed);
        }
        // Release: the merger in another process believes the other words when it sees this one.
        segment
            .word(segment::MAGIC)
            .store(SEGMENT_MAGIC, Ordering::Release);
        segment
    }

    /// What a thread keeps under its key.
    pub(crate) fn into_value(self) -> *const c_void {
        self.0.as_ptr().cast()
    }

    /// # Safety
    ///
    /// `value` is from [`into_value`](Self::into_value), of a segment still mapped.
    #[inline]
    pub(crate) unsafe fn from_value(value: NonNull<c_void>) -> Self {
        Self(value.cast())
    }

    /// A word of the head.
    #[inline]
    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        debug_assert!((index as u64) < SEGMENT_HEAD / WORD);
        // SAFETY: invariant 1; the callers' indices are the format's constants, all in the head.
        unsafe { self.0.add(index).as_ref() }
    }

    /// Bytes with the head.
    pub(crate) fn len(self) -> u64 {
        self.word(segment::LEN).load(Ordering::Relaxed)
    }

    /// Makes the segment a thread's, with the thread inside the recorder. What the thread keeps in
    /// the head of its segment comes along from `before`.
    pub(crate) fn assign(self, thread: u64, sequence: u64, epoch: u64, before: Option<Self>) {
        for own in segment::COUNTDOWN..segment::WORDS {
            let kept = before.map_or(0, |before| before.word(own).load(Ordering::Relaxed));
            self.word(own).store(kept, Ordering::Relaxed);
        }
        self.word(segment::THREAD).store(thread, Ordering::Relaxed);
        self.word(segment::SEQUENCE)
            .store(sequence, Ordering::Relaxed);
        self.word(segment::EPOCH).store(epoch, Ordering::Relaxed);
        self.word(segment::BUSY).store(1, Ordering::Relaxed);
    }

    /// Unmaps a full segment that its thread leaves for the next one.
    pub(crate) fn leave(self) {
        if self.word(segment::LINK).load(Ordering::Relaxed) & SPLIT == 0 {
            // SAFETY: the segment was not split, so it is all of what `grow` mapped, and the only
            // thread that knows it (invariant 2) is leaving it.
            unsafe { sys::munmap(self.0.as_ptr().cast(), self.len() as usize) };
        }
    }

    /// Cuts off what is unused beyond `kept` bytes, if that is at least `least` bytes.
    pub(crate) fn split(self, kept: u64, least: u64) -> Option<Self> {
        let used = self.word(segment::USED).load(Ordering::Relaxed);
        let kept = (used + kept).next_multiple_of(SEGMENT_HEAD);
        let rest_len = self.len().checked_sub(kept).filter(|&rest| rest >= least)?;
        // SAFETY: `kept` is below LEN and a multiple of the head's size (invariant 1).
        let rest = unsafe { self.0.byte_add(kept as usize) };
        // SAFETY: the rest is inside this segment, aligned like it, and its thread stops using it
        // with the store of LEN below.
        let rest = unsafe { Self::create(rest.cast(), rest_len) };
        rest.word(segment::LINK).store(SPLIT, Ordering::Relaxed);
        self.word(segment::LINK).store(SPLIT, Ordering::Relaxed);
        // Release: a merger that sees the shorter segment sees the head of the rest behind it.
        self.word(segment::LEN).store(kept, Ordering::Release);
        Some(rest)
    }

    /// Puts `next` behind a split segment that is nobody's.
    pub(crate) fn link(self, next: Option<Self>) {
        let next = next.map_or(0, |next| next.0.as_ptr().expose_provenance() as u64);
        self.word(segment::LINK)
            .store(next | SPLIT, Ordering::Relaxed);
    }

    /// Undoes [`link`](Self::link).
    pub(crate) fn unlink(self) -> Option<Self> {
        let next = self.word(segment::LINK).swap(SPLIT, Ordering::Relaxed) & !SPLIT;
        NonNull::new(core::ptr::with_exposed_provenance_mut(next as usize)).map(Self)
    }

    /// Appends `words` if they fit.
    #[inline]
    pub(crate) fn append<const N: usize>(self, words: [u64; N]) -> bool {
        self.append_all(&words)
    }

    /// As [`append`](Self::append), of any number of words.
    #[inline]
    pub(crate) fn append_all(self, words: &[u64]) -> bool {
        let used = self.word(segment::USED).load(Ordering::Relaxed);
        let end = used + words.len() as u64 * WORD;
        if end > self.len() {
            return false;
        }
        for (index, &word) in words.iter().enumerate() {
            // SAFETY: the words end at `end`, which is within LEN (invariant 1), and `used` is a
            // multiple of a word.
            let place = unsafe { self.0.byte_add(used as usize).add(index) };
            // SAFETY: as above.
            unsafe { place.as_ref() }.store(word, Ordering::Relaxed);
        }
        // Release: the merger in another process reads whole records below USED.
        self.word(segment::USED).store(end, Ordering::Release);
        true
    }
}

/// A thread that is inside an allocation function and will record what it did.
///
/// Only one visit per thread is open: calls that the real functions make, and those of a signal
/// handler in between, are not the program's and pass by.
pub(crate) struct Visit {
    process: &'static Process,
    segment: Segment,
}

impl Visit {
    /// Opens a visit, if the calling thread is recorded and not inside one.
    #[inline]
    pub(crate) fn begin() -> Option<Self> {
        if let Some(process) = Process::current()
            && let Some(segment) = process.own_segment()
        {
            let busy = segment.word(segment::BUSY);
            if busy.load(Ordering::Relaxed) != 0 {
                return None;
            }
            busy.store(1, Ordering::Relaxed);
            return Some(Self { process, segment });
        }
        Self::begin_slowly()
    }

    #[cold]
    fn begin_slowly() -> Option<Self> {
        let process = Process::current().or_else(process::set_up)?;
        let segment = process.next_segment(None)?;
        Some(Self { process, segment })
    }

    /// Nanoseconds since the recording started. About 20 ns.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        sys::clock_ns(sys::CLOCK_MONOTONIC)
            .wrapping_sub(self.segment.word(segment::EPOCH).load(Ordering::Relaxed))
    }

    /// Records that `address` was handed out.
    #[inline]
    pub(crate) fn alloc(mut self, address: *const c_void, size: usize, align: usize, zeroed: bool) {
        let every = self.process.sample_bytes();
        if every != 0 && !sample::takes(self.segment, every, size, address) {
            return;
        }
        let packed = pack(Op::Alloc, self.now(), align.trailing_zeros(), zeroed);
        self.record_call([packed, address.addr() as u64, size as u64]);
    }

    /// Records that `address` is about to be given back. The visit goes on.
    #[inline]
    pub(crate) fn free(&mut self, address: *const c_void) {
        if self.process.sample_bytes() != 0 && !sample::gives_up(address) {
            return;
        }
        let now = self.now();
        self.record([pack(Op::Free, now, 0, false), address.addr() as u64]);
    }

    /// As [`free`](Self::free), with a time taken earlier.
    pub(crate) fn free_at(&mut self, time_ns: u64, address: *const c_void) {
        if self.process.sample_bytes() != 0 && !sample::gives_up(address) {
            return;
        }
        self.record([pack(Op::Free, time_ns, 0, false), address.addr() as u64]);
    }

    /// Records that `old`, given back not before `before_ns`, was resized to `new`.
    pub(crate) fn resize(
        mut self,
        before_ns: u64,
        old: *const c_void,
        new: *const c_void,
        size: usize,
    ) {
        if self.process.sample_bytes() != 0 {
            // In a sample, a resized object is an old one and a new one.
            const PLAIN: usize = 16;
            self.free_at(before_ns, old);
            return self.alloc(new, size, PLAIN, false);
        }
        let (old, new, size) = (old.addr() as u64, new.addr() as u64, size as u64);
        if old == new {
            self.record_call([pack(Op::Resize, before_ns, 0, false), old, size]);
        } else {
            let from = pack(Op::MoveFrom, before_ns, 0, false);
            let to = pack(Op::MoveTo, self.now(), 0, false);
            // In one piece: a move that only left would lose the object.
            match self.stack() {
                Some(stack) => self.record([from, old, to, new, size, stack]),
                None => self.record([from, old, to, new, size]),
            }
        }
    }

    /// Records a call that hands out memory, with its call site where those are recorded.
    #[inline]
    fn record_call(&mut self, words: [u64; 3]) {
        let [packed, address, size] = words;
        match self.stack() {
            Some(stack) => self.record([packed, address, size, stack]),
            None => self.record(words),
        }
    }

    /// The number of the call's stack, where call sites are recorded.
    #[inline]
    fn stack(&self) -> Option<u64> {
        let depth = self.process.depth();
        (depth != 0).then(|| stacks::number_of_caller(self.process, self.segment, depth))
    }

    #[inline]
    fn record<const N: usize>(&mut self, words: [u64; N]) {
        if !self.segment.append(words) {
            self.record_in_next(words);
        }
    }

    #[cold]
    fn record_in_next<const N: usize>(&mut self, words: [u64; N]) {
        if let Some(segment) = self.process.next_segment(Some(self.segment)) {
            self.segment = segment;
            // A new segment is larger than any record.
            self.segment.append(words);
        }
    }
}

impl Drop for Visit {
    #[inline]
    fn drop(&mut self) {
        self.segment.word(segment::BUSY).store(0, Ordering::Relaxed);
    }
}
