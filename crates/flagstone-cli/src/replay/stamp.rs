//! What the replay writes into the memory it is given, to make it resident and to catch an
//! allocator that gives the same memory out twice.
#![expect(
    unsafe_code,
    reason = "writes into memory that an allocator handed out"
)]

use std::ptr;

/// Bytes at each end of an object that carry its stamp.
const EDGE: usize = 8;

/// Distance at which one byte is touched between the ends.
const PAGE: usize = 4096;

/// What the ends of an object carry.
pub(super) type Pattern = [u8; EDGE];

/// A pattern for the objects of one slot. No two live objects share a slot, so no two live objects
/// of eight bytes or more have the same pattern.
pub(super) fn pattern(slot: u32) -> Pattern {
    // An odd factor is a bijection, so all slots differ; adding one keeps slot 0 from being the
    // zeros that fresh memory has.
    (u64::from(slot) + 1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .to_ne_bytes()
}

/// An object's memory, whose ends are stamped.
///
/// Raw pointers rather than a slice: the bytes between the ends may never have been written, and
/// the allocator may be lying about them being ours alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamped {
    start: *mut u8,
    len: usize,
}

impl Stamped {
    /// # Safety
    ///
    /// `start` must be valid for reads and writes of `len` bytes as long as this value is used.
    pub(super) unsafe fn new(start: *mut u8, len: usize) -> Self {
        Self { start, len }
    }

    /// Writes the pattern at both ends and touches every page from byte `from` on.
    ///
    /// An object shorter than 16 bytes has a head only, cut to its length.
    pub(super) fn write(self, pattern: Pattern, from: usize) {
        for offset in (from..self.len).step_by(PAGE) {
            // SAFETY: `offset` is less than `len`, and `new` was promised that `len` bytes are
            // valid for writes.
            unsafe { self.start.add(offset).write(pattern[0]) };
        }
        if self.has_tail() {
            // SAFETY: `has_tail` says that there are at least two edges, so the last one lies
            // within the `len` bytes that `new` was promised to be valid.
            unsafe { self.put(self.len - EDGE, &pattern) };
        }
        // SAFETY: the length is cut to `len`, and `new` was promised that those are valid.
        unsafe { self.put(0, &pattern[..self.len.min(EDGE)]) };
    }

    /// Whether both ends carry the pattern. Call it only after [`write`](Self::write).
    pub(super) fn is_intact(self, pattern: Pattern) -> bool {
        let tail = !self.has_tail() || {
            // SAFETY: as in `write`, and `write` initialised the tail.
            unsafe { self.get(self.len - EDGE, EDGE) == pattern }
        };
        tail && self.has_head(pattern, self.len)
    }

    /// Whether the head carries the pattern as far as it was written when the object had `len`
    /// bytes. Call it only after [`write`](Self::write).
    pub(super) fn has_head(self, pattern: Pattern, len: usize) -> bool {
        let len = len.min(self.len).min(EDGE);
        // SAFETY: `len` is cut to the object's own, which `new` was promised to be valid, and
        // `write` initialised that much of the head.
        unsafe { self.get(0, len)[..len] == pattern[..len] }
    }

    /// Whether the bytes that [`write`](Self::write) would write are zero.
    ///
    /// # Safety
    ///
    /// All bytes must be initialised, as zeroed memory is.
    pub(super) unsafe fn is_zero(self) -> bool {
        let tail = if self.has_tail() { self.len - EDGE } else { 0 };
        // SAFETY: the tail lies within `len` bytes, which `new` was promised to be valid and the
        // caller to be initialised.
        let ends = unsafe {
            [
                self.get(0, self.len.min(EDGE)),
                self.get(tail, self.len.min(EDGE)),
            ]
        };
        ends == [[0; EDGE]; 2]
            && (0..self.len).step_by(PAGE).all(|offset| {
                // SAFETY: `offset` is less than `len`; as above.
                unsafe { self.start.add(offset).read() == 0 }
            })
    }

    fn has_tail(self) -> bool {
        self.len >= 2 * EDGE
    }

    /// # Safety
    ///
    /// `offset..offset + bytes.len()` must lie within the object.
    unsafe fn put(self, offset: usize, bytes: &[u8]) {
        // SAFETY: the caller says that the range is inside, so it is valid for writes; `bytes` is
        // on this thread's stack, which no allocator hands out.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(offset), bytes.len()) };
    }

    /// The bytes at `offset`, followed by zeros.
    ///
    /// # Safety
    ///
    /// `len` must be at most `EDGE`, and `offset..offset + len` initialised and in the object.
    unsafe fn get(self, offset: usize, len: usize) -> Pattern {
        let mut bytes = [0; EDGE];
        // SAFETY: the caller says that the range is inside and initialised and that it fits.
        unsafe { ptr::copy_nonoverlapping(self.start.add(offset), bytes.as_mut_ptr(), len) };
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_keeps_its_stamp_and_every_damaged_end_shows() {
        for len in 1..64 {
            let mut memory = vec![0; len];
            // SAFETY: the vector has `len` bytes and is not used through another name below.
            let object = unsafe { Stamped::new(memory.as_mut_ptr(), len) };
            // SAFETY: the vector is initialised.
            assert!(unsafe { object.is_zero() });
            object.write(pattern(7), 0);
            assert!(object.is_intact(pattern(7)), "{len}");
            assert!(!object.is_intact(pattern(8)), "{len}");
            for damaged in [0, len - 1] {
                if damaged >= EDGE && !object.has_tail() {
                    continue;
                }
                // SAFETY: `damaged` is less than the length.
                unsafe { *object.start.add(damaged) ^= 1 };
                assert!(!object.is_intact(pattern(7)), "{len} {damaged}");
                object.write(pattern(7), 0);
            }
        }
    }

    #[test]
    fn a_grown_object_is_checked_by_the_head_it_had() {
        let mut memory = vec![0; 32];
        // SAFETY: the vector has 32 bytes, of which the first three are used here.
        let short = unsafe { Stamped::new(memory.as_mut_ptr(), 3) };
        short.write(pattern(1), 0);
        // SAFETY: as above, all of them.
        let long = unsafe { Stamped::new(memory.as_mut_ptr(), 32) };
        assert!(long.has_head(pattern(1), 3));
        assert!(!long.has_head(pattern(1), 8));
    }
}
