//! Reads the records of one segment in order.

use std::io;
use std::os::unix::fs::FileExt;

use super::Spool;
use super::file::Segment;
use super::format::{Op, WORD, ZEROED, align_exponent, time_ns};

/// Bytes read at once: a few hundred records, for as many segments as there are threads.
const BUFFER: u64 = 16 * 1024;

/// What one call of a thread did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) op: Op,
    pub(crate) time_ns: u64,
    pub(crate) address: u64,
    /// 0 for operations that have none.
    pub(crate) size: u64,
    pub(crate) align: u64,
    pub(crate) zeroed: bool,
    /// The number of the call's stack; 0 when it is not known.
    pub(crate) stack: u64,
}

/// A place in a segment, at a record.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    spool: &'a Spool,
    segment: Segment,
    /// Bytes of the segment read into the buffer so far.
    read: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(spool: &'a Spool, segment: Segment) -> Self {
        Self {
            spool,
            segment,
            read: 0,
            buffer: Vec::new(),
            used: 0,
        }
    }

    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The next record, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record>> {
        // The longest record has four words.
        if self.buffer.len() - self.used < 4 * WORD as usize {
            self.refill()?;
        }
        let (words, _) = self.buffer[self.used..].as_chunks::<{ WORD as usize }>();
        let Some(&packed) = words.first() else {
            return Ok(None);
        };
        let packed = u64::from_ne_bytes(packed);
        let op = Op::of(packed).ok_or_else(broken)?;
        let len = op.words(self.spool.has_sites()) as usize;
        let words = words.get(..len).ok_or_else(broken)?;
        self.used += len * WORD as usize;
        Ok(Some(Record {
            op,
            time_ns: time_ns(packed),
            address: u64::from_ne_bytes(words[1]),
            size: words.get(2).map_or(0, |&word| u64::from_ne_bytes(word)),
            align: 1 << align_exponent(packed),
            zeroed: packed & ZEROED != 0,
            stack: words.get(3).map_or(0, |&word| u64::from_ne_bytes(word)),
        }))
    }

    fn refill(&mut self) -> io::Result<()> {
        let left = self.buffer.len() - self.used;
        self.buffer.copy_within(self.used.., 0);
        let more = (self.segment.len - self.read).min(BUFFER);
        self.buffer.resize(left + more as usize, 0);
        let offset = self.segment.offset + self.read;
        self.spool
            .file
            .read_exact_at(&mut self.buffer[left..], offset)?;
        (self.read, self.used) = (self.read + more, 0);
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a record is broken")
}
