//! Reads a trace.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};

use crate::numbering::Numbering;
use crate::section::{FORMAT_VERSION, Head, MAGIC, Tag};
use crate::{Event, Header, Summary, TraceError, block};

/// Reads events from `R`, block by block.
///
/// It holds one block (a few MiB at most), whatever the trace says about itself. A trace that was
/// cut off or damaged gives all blocks before the fault and then one error.
#[derive(Debug)]
pub struct Reader<R: Read> {
    from: R,
    header: Header,
    numbering: Numbering,
    summary: Option<Summary>,
    /// The end or an error was reached; nothing more is read.
    over: bool,
    /// Bytes read so far, up to the start of the section being read.
    offset: u64,
    blocks: u64,
    stored: Vec<u8>,
    raw: Vec<u8>,
    decompress: Decompress,
}

impl Reader<BufReader<File>> {
    /// Opens the trace at `path`, and fills in the header's counts if the trace has its end mark.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and a file that cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TraceError> {
        let mut file = File::open(path).map_err(TraceError::io)?;
        let summary = summary_at_end(&mut file);
        let mut reader = Self::new(BufReader::with_capacity(1 << 16, file))?;
        if let Some(summary) = summary {
            reader.header = reader.header.with_counts_of(&summary);
        }
        Ok(reader)
    }
}

impl<R: Read> Reader<R> {
    /// Reads the magic, the version and the header.
    ///
    /// # Errors
    ///
    /// An empty input, one that is not a trace, a newer version, a header cut off or corrupted,
    /// or an error of `from`.
    pub fn new(mut from: R) -> Result<Self, TraceError> {
        read_magic(&mut from)?;
        read_version(&mut from)?;
        let offset = (MAGIC.len() + size_of_val(&FORMAT_VERSION)) as u64;
        let mut reader = Self {
            from,
            header: Header::default(),
            numbering: Numbering::default(),
            summary: None,
            over: false,
            offset,
            blocks: 0,
            stored: Vec::new(),
            raw: Vec::new(),
            decompress: Decompress::new(false),
        };
        reader.header = reader.read_header().map_err(|error| error.at(offset, 0))?;
        Ok(reader)
    }

    /// What was recorded. Its counts are known only after [`open`](Reader::open).
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The totals, once the end of the trace was reached without an error.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Fills `out` (cleared first) with the events of the next block: 1 to 65,536 of them, or
    /// none and `false` at the end. About 30 ns per event.
    ///
    /// # Errors
    ///
    /// A trace that is cut off, corrupted or breaks a rule of the format, or an error of the
    /// underlying reader. `out` is empty then, and the next call answers `false`.
    pub fn next_block(&mut self, out: &mut Vec<Event>) -> Result<bool, TraceError> {
        out.clear();
        if self.over {
            return Ok(false);
        }
        let (offset, block) = (self.offset, self.blocks);
        self.read_block(out).map_err(|error| {
            self.over = true;
            out.clear();
            error.at(offset, block)
        })
    }

    /// The events one by one, up to the end or the first error.
    pub fn events(&mut self) -> Events<'_, R> {
        Events {
            reader: self,
            block: Vec::new(),
            next: 0,
        }
    }

    fn read_header(&mut self) -> Result<Header, TraceError> {
        let head = self.read_section()?;
        if head.tag != Tag::Header || head.raw_len != head.stored_len || head.events != 0 {
            return Err(TraceError::corrupted_part("header"));
        }
        Header::decode(&self.stored)
    }

    fn read_block(&mut self, out: &mut Vec<Event>) -> Result<bool, TraceError> {
        let head = self.read_section()?;
        match head.tag {
            Tag::Block if head.events > 0 => {
                self.inflate(head.raw_len as usize)?;
                block::decode(&self.raw, head.events, &mut self.numbering, out)?;
                self.blocks += 1;
                Ok(true)
            }
            Tag::Footer => {
                self.summary = Some(self.read_footer()?);
                self.over = true;
                Ok(false)
            }
            Tag::Block | Tag::Header => Err(TraceError::corrupted_part("order of sections")),
        }
    }

    /// Reads one section's head and its stored bytes, and checks the sum over both.
    fn read_section(&mut self) -> Result<Head, TraceError> {
        let head = Head::read(&mut self.from)?;
        self.stored.resize(head.stored_len as usize, 0);
        self.from
            .read_exact(&mut self.stored)
            .map_err(TraceError::io)?;
        if !head.matches(&self.stored) {
            return Err(TraceError::corrupted_part("checksum"));
        }
        self.offset += (Head::ENCODED + self.stored.len()) as u64;
        Ok(head)
    }

    fn inflate(&mut self, raw_len: usize) -> Result<(), TraceError> {
        self.decompress.reset(false);
        self.raw.resize(raw_len, 0);
        let status =
            self.decompress
                .decompress(&self.stored, &mut self.raw, FlushDecompress::Finish);
        let whole = matches!(status, Ok(Status::StreamEnd))
            && self.decompress.total_out() == raw_len as u64
            && self.decompress.total_in() == self.stored.len() as u64;
        if whole {
            Ok(())
        } else {
            Err(TraceError::corrupted_part("deflated block"))
        }
    }

    fn read_footer(&mut self) -> Result<Summary, TraceError> {
        let Numbering {
            events,
            objects,
            threads,
        } = self.numbering;
        let summary = Summary::decode(&self.stored)
            .filter(|s| (s.events, s.objects, s.threads) == (events, objects, threads))
            .ok_or_else(|| TraceError::corrupted_part("summary"))?;
        let mut beyond = Vec::new();
        self.from
            .by_ref()
            .take(1)
            .read_to_end(&mut beyond)
            .map_err(TraceError::io)?;
        if beyond.is_empty() {
            Ok(summary)
        } else {
            Err(TraceError::corrupted_part("end"))
        }
    }
}

/// The events of a [`Reader`], one by one: what [`Reader::events`] returns.
///
/// After an error it ends.
#[derive(Debug)]
pub struct Events<'r, R: Read> {
    reader: &'r mut Reader<R>,
    block: Vec<Event>,
    next: usize,
}

impl<R: Read> Iterator for Events<'_, R> {
    type Item = Result<Event, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.block.len() {
            self.next = 0;
            match self.reader.next_block(&mut self.block) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        let event = self.block[self.next];
        self.next += 1;
        Some(Ok(event))
    }
}

fn read_magic(from: &mut impl Read) -> Result<(), TraceError> {
    let mut magic = Vec::with_capacity(MAGIC.len());
    from.take(MAGIC.len() as u64)
        .read_to_end(&mut magic)
        .map_err(TraceError::io)?;
    if magic.is_empty() {
        Err(TraceError::empty())
    } else if !MAGIC.starts_with(&magic) {
        Err(TraceError::not_a_trace())
    } else if magic.len() < MAGIC.len() {
        Err(TraceError::truncated().at(0, 0))
    } else {
        Ok(())
    }
}

fn read_version(from: &mut impl Read) -> Result<(), TraceError> {
    let at = |error: TraceError| error.at(MAGIC.len() as u64, 0);
    let mut version = [0; 2];
    from.read_exact(&mut version)
        .map_err(|error| at(TraceError::io(error)))?;
    match u16::from_le_bytes(version) {
        FORMAT_VERSION => Ok(()),
        0 => Err(at(TraceError::corrupted_part("version"))),
        newer => Err(TraceError::newer_version(newer)),
    }
}

/// The summary at the end of `file`, which is at its start again afterwards. An end that is
/// missing or damaged is no error here: whoever reads on meets it in its place.
fn summary_at_end(file: &mut File) -> Option<Summary> {
    const LEN: usize = Head::ENCODED + Summary::ENCODED;
    let mut bytes = [0; LEN];
    let read = file
        .seek(SeekFrom::End(-(LEN as i64)))
        .and_then(|_| file.read_exact(&mut bytes));
    // A pipe cannot seek, nor has it moved.
    file.rewind().ok();
    read.ok()?;
    let (head, stored) = bytes.split_first_chunk()?;
    let head = Head::decode(head).filter(|head| head.tag == Tag::Footer)?;
    head.matches(stored)
        .then(|| Summary::decode(stored))
        .flatten()
}
