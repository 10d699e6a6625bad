//! Reads events and finds the phases among them.

use std::io;

use flagstone_trace::{Event, EventKind, ObjectId};

use super::batch::find_phases;
use super::levels::Levels;
use super::record::Record;
use super::sums::Phases;

/// Events that are looked at together.
pub(super) const BATCH: u32 = 1 << 20;

/// No object of the batch.
const NONE: u32 = u32::MAX;

/// Gives every allocation of a trace its level, batch by batch.
#[derive(Debug)]
pub(in crate::replay) struct Finder {
    levels: Levels,
    /// The objects allocated in this batch. Objects are numbered in the order of allocation, so
    /// the number of the first one is all that is needed to find any.
    records: Vec<Record>,
    first: u64,
    /// Events of this batch so far.
    now: u32,
    batch: u32,
    /// Of each thread, the object that it allocated or enlarged last.
    newest: Vec<u32>,
    /// Of each thread.
    sums: Vec<Phases>,
    /// Objects of earlier batches that were freed in a later one.
    late: u64,
}

impl Finder {
    pub(in crate::replay) fn new() -> Self {
        Self::with_batch(BATCH)
    }

    fn with_batch(batch: u32) -> Self {
        Self {
            levels: Levels::default(),
            records: Vec::new(),
            first: 0,
            now: 0,
            batch,
            newest: Vec::new(),
            sums: Vec::new(),
            late: 0,
        }
    }

    /// Takes the next event of a valid trace.
    ///
    /// # Errors
    ///
    /// If the temporary file cannot be written.
    pub(in crate::replay) fn push(&mut self, event: &Event) -> io::Result<()> {
        let thread = event.thread.0;
        if thread as usize >= self.newest.len() {
            self.newest.resize(thread as usize + 1, NONE);
            self.sums.resize(thread as usize + 1, Phases::default());
        }
        let newest = &mut self.newest[thread as usize];
        match event.kind {
            EventKind::Alloc { size, align, .. } => {
                *newest = self.records.len() as u32;
                self.records
                    .push(Record::new(self.now, thread, size, align));
            }
            EventKind::Realloc { object, size } => {
                if let Some(at) = position(self.first, object) {
                    self.records[at].resize(thread, size, *newest == at as u32);
                    *newest = at as u32;
                }
            }
            EventKind::Free { object } => match position(self.first, object) {
                Some(at) => self.records[at].free(thread, self.now),
                None => self.late += 1,
            },
            // The survey refuses what it does not know when it plans it.
            _ => {}
        }
        self.now += 1;
        if self.now == self.batch {
            self.end_batch()?;
        }
        Ok(())
    }

    /// The levels, and the sums of each thread and of those objects that were freed in a later
    /// batch than they were allocated in.
    ///
    /// # Errors
    ///
    /// If the temporary file cannot be written.
    pub(in crate::replay) fn finish(mut self) -> io::Result<Found> {
        self.end_batch()?;
        Ok(Found {
            levels: self.levels,
            threads: self.sums,
            late: self.late,
        })
    }

    fn end_batch(&mut self) -> io::Result<()> {
        // Stable, so that each thread's objects stay in the order of their births.
        let mut candidates: Vec<u32> = (0..self.records.len() as u32).collect();
        candidates.retain(|&at| self.records[at as usize].may_join());
        candidates.sort_by_key(|&at| self.records[at as usize].thread);
        let threads: Vec<Vec<u32>> = candidates
            .chunk_by(|&a, &b| self.records[a as usize].thread == self.records[b as usize].thread)
            .map(<[u32]>::to_vec)
            .collect();
        for own in threads {
            let thread = self.records[own[0] as usize].thread;
            self.sums[thread as usize].phases += find_phases(&mut self.records, own);
        }
        for record in &self.records {
            self.sums[record.thread as usize].add(sums_of(record));
        }
        let levels: Vec<u8> = self.records.iter().map(|record| record.level).collect();
        self.levels.push(&levels)?;
        self.first += self.records.len() as u64;
        self.records.clear();
        self.newest.fill(NONE);
        self.now = 0;
        Ok(())
    }
}

/// What was found in a trace.
#[derive(Debug)]
pub(in crate::replay) struct Found {
    pub(in crate::replay) levels: Levels,
    threads: Vec<Phases>,
    late: u64,
}

impl Found {
    /// The sums of all threads; those that `skip` names take part in no phase.
    pub(in crate::replay) fn sums(&self, skip: impl Fn(usize) -> bool) -> Phases {
        let mut sums = Phases::default();
        for (thread, own) in self.threads.iter().enumerate() {
            let mut own = *own;
            if skip(thread) {
                own.scattered += own.joined;
                (own.phases, own.joined, own.joined_bytes) = (0, 0, 0);
            }
            sums.add(own);
        }
        sums.unfreed -= self.late;
        sums.scattered += self.late;
        sums
    }
}

fn position(first: u64, object: ObjectId) -> Option<usize> {
    object.0.checked_sub(first).map(|at| at as usize)
}

fn sums_of(record: &Record) -> Phases {
    let mut sums = Phases {
        objects: 1,
        bytes: record.largest,
        ..Phases::default()
    };
    if record.level > 0 {
        sums.joined = 1;
        sums.joined_bytes = record.largest;
    } else if record.died().is_none() {
        // Until a later batch frees it.
        sums.unfreed = 1;
    } else if record.is_foreign() {
        sums.foreign = 1;
    } else {
        sums.scattered = 1;
    }
    sums
}
