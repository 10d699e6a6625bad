//! One order of all threads' records.
//!
//! Segments are merged by time. Equal times need a decision, since the clock has steps: of the
//! records at hand the one goes first that is possible, given which addresses are in use. A free
//! needs its address in use and an allocation needs it unused, so two records of one address with
//! one time, by two threads, have only one possible order. (An address that changed hands twice
//! within one step of the clock could be told wrong; passing a pointer to another processor takes
//! longer than a step.) Records of one thread keep their order whatever their times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::iter::Peekable;
use std::vec;

use super::objects::Objects;
use crate::spool::{Cursor, Record, Segment, Spool};

/// Hands out the records of a spool in order.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    spool: &'a Spool,
    /// Segments whose first record is yet to come, by its time.
    closed: Peekable<vec::IntoIter<Segment>>,
    /// Segments in the middle of their records, the earliest on top.
    open: BinaryHeap<Reverse<Open<'a>>>,
    /// The segment whose record was handed out last, while it stays ahead of all others.
    current: Option<Open<'a>>,
    bytes_done: u64,
}

/// A segment and its next record.
#[derive(Debug)]
struct Open<'a> {
    next: Record,
    cursor: Cursor<'a>,
}

impl Open<'_> {
    fn key(&self) -> (u64, u64) {
        (self.next.time_ns, self.cursor.segment().sequence)
    }
}

impl PartialEq for Open<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Open<'_> {}

impl PartialOrd for Open<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl<'a> Order<'a> {
    pub(crate) fn new(spool: &'a Spool) -> Self {
        let mut segments = spool.segments().to_vec();
        segments.sort_by_key(|segment| (segment.first_ns, segment.sequence));
        let closed = segments.into_iter().peekable();
        Self {
            spool,
            closed,
            open: BinaryHeap::new(),
            current: None,
            bytes_done: 0,
        }
    }

    /// Bytes of the segments that are done.
    pub(crate) fn bytes_done(&self) -> u64 {
        self.bytes_done
    }

    /// The next record and its thread. `objects` knows what the records so far have done.
    pub(crate) fn next(&mut self, objects: &Objects) -> io::Result<Option<(u64, Record)>> {
        self.open_until_current()?;
        let Some(first) = self.current.take().or_else(|| self.pop()) else {
            return Ok(None);
        };
        let tied = self
            .open
            .peek()
            .is_some_and(|Reverse(o)| o.next.time_ns == first.next.time_ns);
        let mut chosen = if tied {
            self.choose(first, objects)
        } else {
            first
        };
        let record = (chosen.cursor.segment().thread, chosen.next);
        match chosen.cursor.next()? {
            Some(next) => {
                chosen.next = next;
                let ahead = self.open.peek().is_none_or(|Reverse(open)| chosen < *open);
                if ahead {
                    self.current = Some(chosen);
                } else {
                    self.open.push(Reverse(chosen));
                }
            }
            None => self.bytes_done += chosen.cursor.segment().len,
        }
        Ok(Some(record))
    }

    /// Opens the segments that may hold the next record.
    fn open_until_current(&mut self) -> io::Result<()> {
        loop {
            let head = self
                .current
                .as_ref()
                .or_else(|| self.open.peek().map(|Reverse(o)| o));
            let until = head.map_or(u64::MAX, |open| open.next.time_ns);
            let Some(segment) = self.closed.next_if(|segment| segment.first_ns <= until) else {
                return Ok(());
            };
            let mut cursor = Cursor::new(self.spool, segment);
            if let Some(next) = cursor.next()? {
                self.open.extend(self.current.take().map(Reverse));
                self.open.push(Reverse(Open { next, cursor }));
            }
        }
    }

    fn pop(&mut self) -> Option<Open<'a>> {
        self.open.pop().map(|Reverse(open)| open)
    }

    /// Of the segments whose next record has the time of `first`'s, the first that is possible
    /// next. The others go back.
    #[cold]
    fn choose(&mut self, first: Open<'a>, objects: &Objects) -> Open<'a> {
        let time_ns = first.next.time_ns;
        let mut tied = vec![first];
        while self
            .open
            .peek()
            .is_some_and(|Reverse(open)| open.next.time_ns == time_ns)
        {
            tied.extend(self.pop());
        }
        let thread = |open: &Open<'_>| open.cursor.segment().thread;
        let possible = |index: &usize| {
            let open = &tied[*index];
            let waits = tied[..*index]
                .iter()
                .any(|earlier| thread(earlier) == thread(open));
            !waits && objects.allows(&open.next)
        };
        // Without one that is possible, a record was lost, and any order is as good.
        let index = (0..tied.len()).find(possible).unwrap_or(0);
        let chosen = tied.remove(index);
        self.open.extend(tied.into_iter().map(Reverse));
        chosen
    }
}
