//! A block of events as columns of bytes, and back.

use crate::numbering::Numbering;
use crate::section::{MAX_EVENTS, VERSION_1};
use crate::varint::{self, Cursor};
use crate::{Event, EventKind, ObjectId, Sites, StackId, ThreadNumber, TraceError};

/// Columns of a block: operations, threads, times, sizes, objects, stacks.
const COLUMNS: usize = 6;
/// Those of version 1, which has no stacks.
const COLUMNS_1: usize = 5;

/// The operation byte: bits 0-1 the kind, then the flags, bits 4-7 the alignment's exponent.
mod op {
    pub(super) const KIND: u8 = 0b11;
    pub(super) const ALLOC: u8 = 0;
    pub(super) const REALLOC: u8 = 1;
    pub(super) const FREE: u8 = 2;
    pub(super) const OTHER_THREAD: u8 = 1 << 2;
    pub(super) const ZEROED: u8 = 1 << 3;
    pub(super) const ALIGN_SHIFT: u8 = 4;
    /// The exponent does not fit and stands before the size.
    pub(super) const ALIGN_ELSEWHERE: u8 = 15;
}

/// Collects the events of one block.
#[derive(Debug, Default)]
pub(crate) struct BlockWriter {
    start: Numbering,
    events: usize,
    thread: Option<ThreadNumber>,
    time_ns: u64,
    ops: Vec<u8>,
    threads: Vec<u8>,
    times: Vec<u8>,
    sizes: Vec<u8>,
    objects: Vec<u8>,
    stacks: Vec<u8>,
    has_stacks: bool,
}

impl BlockWriter {
    pub(crate) fn events(&self) -> usize {
        self.events
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events == MAX_EVENTS
    }

    /// Adds an event that `after` has admitted: its counts are those right after the event. The
    /// stack of a free is not kept.
    pub(crate) fn push(&mut self, event: &Event, stack: StackId, after: &Numbering) {
        let mut op = 0;
        if self.thread != Some(event.thread) {
            self.thread = Some(event.thread);
            op |= op::OTHER_THREAD;
            varint::put(&mut self.threads, u64::from(event.thread.0));
        }
        let passed = event.time_ns.wrapping_sub(self.time_ns);
        self.time_ns = event.time_ns;
        varint::put(&mut self.times, varint::zigzag(passed as i64));
        match event.kind {
            EventKind::Alloc {
                size,
                align,
                zeroed,
                ..
            } => {
                op |= op::ALLOC | (self.put_align(align) << op::ALIGN_SHIFT);
                if zeroed {
                    op |= op::ZEROED;
                }
                varint::put(&mut self.sizes, size);
            }
            EventKind::Realloc { object, size } => {
                op |= op::REALLOC;
                self.put_object(object, after);
                varint::put(&mut self.sizes, size);
            }
            EventKind::Free { object } => {
                op |= op::FREE;
                self.put_object(object, after);
            }
        }
        if !matches!(event.kind, EventKind::Free { .. }) {
            varint::put(&mut self.stacks, u64::from(stack.0));
            self.has_stacks |= stack != StackId::UNKNOWN;
        }
        self.ops.push(op);
        self.events += 1;
    }

    /// The alignment's bits of the operation byte.
    fn put_align(&mut self, align: u64) -> u8 {
        let exponent = align.trailing_zeros() as u8;
        if exponent < op::ALIGN_ELSEWHERE {
            return exponent;
        }
        self.sizes.push(exponent);
        op::ALIGN_ELSEWHERE
    }

    fn put_object(&mut self, object: ObjectId, after: &Numbering) {
        varint::put(&mut self.objects, after.objects - 1 - object.0);
    }

    /// Writes the block's bytes to `out` (cleared first) and starts the next block, whose first
    /// event follows `end`.
    pub(crate) fn take(&mut self, out: &mut Vec<u8>, end: &Numbering) {
        out.clear();
        varint::put(out, self.start.objects);
        varint::put(out, u64::from(self.start.threads));
        if !std::mem::take(&mut self.has_stacks) {
            self.stacks.clear();
        }
        let columns = [
            &mut self.ops,
            &mut self.threads,
            &mut self.times,
            &mut self.sizes,
            &mut self.objects,
            &mut self.stacks,
        ];
        for column in &columns {
            varint::put(out, column.len() as u64);
        }
        for column in columns {
            out.append(column);
        }
        (self.start, self.events, self.thread, self.time_ns) = (*end, 0, None, 0);
    }
}

/// Takes the events out of one block's bytes.
struct BlockReader<'a> {
    thread: Option<ThreadNumber>,
    time_ns: u64,
    ops: Cursor<'a>,
    threads: Cursor<'a>,
    times: Cursor<'a>,
    sizes: Cursor<'a>,
    objects: Cursor<'a>,
    stacks: Cursor<'a>,
}

/// What the bytes of a block are and where they stand.
pub(crate) struct Raw<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) version: u16,
    pub(crate) count: u32,
    /// The call sites that the blocks and lists before it have told.
    pub(crate) sites: &'a Sites,
}

/// Appends the events of a block to `out` and counts them in `numbering`. `stacks` (cleared first)
/// gets one entry per event, or stays empty when the block has none.
///
/// # Errors
///
/// Corrupted columns, a block that does not follow what was counted before, and events that break
/// a rule of the numbering. `out` may hold some of the block's events then.
pub(crate) fn decode(
    raw: &Raw<'_>,
    numbering: &mut Numbering,
    out: &mut Vec<Event>,
    stacks: &mut Vec<StackId>,
) -> Result<(), TraceError> {
    stacks.clear();
    let corrupted = || TraceError::corrupted_part("block");
    let mut block = BlockReader::new(raw.bytes, raw.version, numbering).ok_or_else(corrupted)?;
    let has_stacks = !block.stacks.is_empty();
    out.reserve(raw.count as usize);
    for _ in 0..raw.count {
        let event = block.next(numbering).ok_or_else(corrupted)?;
        numbering.admit(&event).map_err(TraceError::event)?;
        out.push(event);
        if has_stacks {
            stacks.push(block.stack(&event, raw.sites).ok_or_else(corrupted)?);
        }
    }
    if block.is_empty() {
        Ok(())
    } else {
        Err(corrupted())
    }
}

impl<'a> BlockReader<'a> {
    fn new(bytes: &'a [u8], version: u16, before: &Numbering) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let follows =
            cursor.varint()? == before.objects && cursor.varint()? == u64::from(before.threads);
        let mut lengths = [0; COLUMNS];
        let columns = if version == VERSION_1 {
            COLUMNS_1
        } else {
            COLUMNS
        };
        for length in &mut lengths[..columns] {
            *length = cursor.varint()?;
        }
        let mut column = |index: usize| cursor.take(lengths[index]).map(Cursor::new);
        let block = Self {
            thread: None,
            time_ns: 0,
            ops: column(0)?,
            threads: column(1)?,
            times: column(2)?,
            sizes: column(3)?,
            objects: column(4)?,
            stacks: column(5)?,
        };
        (follows && cursor.is_empty()).then_some(block)
    }

    fn is_empty(&self) -> bool {
        let columns = [
            &self.ops,
            &self.threads,
            &self.times,
            &self.sizes,
            &self.objects,
            &self.stacks,
        ];
        columns.into_iter().all(Cursor::is_empty)
    }

    fn next(&mut self, before: &Numbering) -> Option<Event> {
        let op = self.ops.byte()?;
        if op & op::OTHER_THREAD != 0 {
            self.thread = Some(ThreadNumber(self.threads.varint()?.try_into().ok()?));
        }
        let passed = varint::unzigzag(self.times.varint()?);
        self.time_ns = self.time_ns.wrapping_add(passed as u64);
        let plain = op & !(op::KIND | op::OTHER_THREAD) == 0;
        let kind = match op & op::KIND {
            op::ALLOC => EventKind::Alloc {
                object: ObjectId(before.objects),
                align: self.align(op >> op::ALIGN_SHIFT)?,
                size: self.sizes.varint()?,
                zeroed: op & op::ZEROED != 0,
            },
            op::REALLOC if plain => EventKind::Realloc {
                object: self.object(before)?,
                size: self.sizes.varint()?,
            },
            op::FREE if plain => EventKind::Free {
                object: self.object(before)?,
            },
            _ => return None,
        };
        Some(Event {
            thread: self.thread?,
            time_ns: self.time_ns,
            kind,
        })
    }

    fn stack(&mut self, event: &Event, sites: &Sites) -> Option<StackId> {
        if matches!(event.kind, EventKind::Free { .. }) {
            return Some(StackId::UNKNOWN);
        }
        let stack = u32::try_from(self.stacks.varint()?).ok()?;
        (stack <= sites.stacks()).then_some(StackId(stack))
    }

    fn align(&mut self, bits: u8) -> Option<u64> {
        let exponent = if bits == op::ALIGN_ELSEWHERE {
            self.sizes.byte()?
        } else {
            bits
        };
        // 2^63 is no alignment of a size that fits a signed number, not even of 0.
        (exponent < 63).then(|| 1 << exponent)
    }

    /// An object that is older than the first one makes the number wrap; it is unknown then.
    fn object(&mut self, before: &Numbering) -> Option<ObjectId> {
        let distance = self.objects.varint()?;
        before
            .objects
            .checked_sub(1)?
            .checked_sub(distance)
            .map(ObjectId)
    }
}
