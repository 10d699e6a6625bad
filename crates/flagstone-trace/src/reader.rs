//! Reads a trace.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};

use crate::numbering::Numbering;
use crate::section::{FORMAT_VERSION, Head, MAGIC, Tag, VERSION_1};
use crate::{Event, Header, Sites, StackId, Summary, TraceError, block};

/// Reads events from `R`, block by block.
///
/// It holds one block (a few MiB at most) and the call sites, if there are any, whatever the trace
/// says about itself. A trace that was
/// cut off or damaged gives all blocks before the fault and then one error.
#[derive(Debug)]
pub struct Reader<R: Read> {
    from: R,
    version: u16,
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
    sites: Sites,
    /// Of the events of the block that was read last; empty when it has none.
    stacks: Vec<StackId>,
}

impl Reader<BufReader<File>> {
    /// Opens the trace at `path`, and fills in the header's counts if the trace has its end mark.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and a file that cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TraceError> {
        let mut file = File::open(path).map_err(TraceError::io)?;
        let summaries = [FORMAT_VERSION, VERSION_1].map(|v| (v, summary_at_end(&mut file, v)));
        let mut reader = Self::new(BufReader::with_capacity(1 << 16, file))?;
        let version = reader.version;
        let summary = summaries.into_iter().find(|(v, _)| *v == version);
        if let Some((_, Some(summary))) = summary {
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
        let version = read_version(&mut from)?;
        let offset = (MAGIC.len() + size_of_val(&FORMAT_VERSION)) as u64;
        let mut reader = Self {
            from,
            version,
            header: Header::default(),
            numbering: Numbering::default(),
            summary: None,
            over: false,
            offset,
            blocks: 0,
            stored: Vec::new(),
            raw: Vec::new(),
            decompress: Decompress::new(false),
            sites: Sites::default(),
            stacks: Vec::new(),
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
        self.stacks.clear();
        if self.over {
            return Ok(false);
        }
        let (offset, block) = (self.offset, self.blocks);
        self.read_block(out).map_err(|error| {
            self.over = true;
            out.clear();
            self.stacks.clear();
            error.at(offset, block)
        })
    }

    /// The call site of an event of the block that [`next_block`](Self::next_block) gave last, by
    /// the event's index in it: of an allocation or reallocation of a trace that has call sites.
    /// Others have [`StackId::UNKNOWN`].
    #[must_use]
    pub fn stack(&self, index: usize) -> StackId {
        self.stacks.get(index).copied().unwrap_or_default()
    }

    /// The call sites of all blocks read so far.
    #[must_use]
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// The version of the format that the trace has.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
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
        Header::decode(&self.stored, self.version)
    }

    fn read_block(&mut self, out: &mut Vec<Event>) -> Result<bool, TraceError> {
        let mut head = self.read_section()?;
        while head.tag == Tag::Sites && head.events == 0 && self.version != VERSION_1 {
            self.inflate(head.raw_len as usize)?;
            self.sites.extend(&self.raw)?;
            head = self.read_section()?;
        }
        match head.tag {
            Tag::Block if head.events > 0 => {
                self.inflate(head.raw_len as usize)?;
                let raw = block::Raw {
                    bytes: &self.raw,
                    version: self.version,
                    count: head.events,
                    sites: &self.sites,
                };
                block::decode(&raw, &mut self.numbering, out, &mut self.stacks)?;
                self.blocks += 1;
                Ok(true)
            }
            Tag::Footer => {
                self.summary = Some(self.read_footer()?);
                self.over = true;
                Ok(false)
            }
            Tag::Block | Tag::Header | Tag::Sites => {
                Err(TraceError::corrupted_part("order of sections"))
            }
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
        let summary = Summary::decode(&self.stored, self.version)
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

fn read_version(from: &mut impl Read) -> Result<u16, TraceError> {
    let at = |error: TraceError| error.at(MAGIC.len() as u64, 0);
    let mut version = [0; 2];
    from.read_exact(&mut version)
        .map_err(|error| at(TraceError::io(error)))?;
    match u16::from_le_bytes(version) {
        version @ VERSION_1..=FORMAT_VERSION => Ok(version),
        0 => Err(at(TraceError::corrupted_part("version"))),
        newer => Err(TraceError::newer_version(newer)),
    }
}

/// The summary at the end of `file` if it has `version`. The file is at its start again afterwards. An end that is
/// missing or damaged is no error here: whoever reads on meets it in its place.
fn summary_at_end(file: &mut File, version: u16) -> Option<Summary> {
    let len = Head::ENCODED + Summary::encoded(version);
    let mut bytes = vec![0; len];
    let read = file
        .seek(SeekFrom::End(-(len as i64)))
        .and_then(|_| file.read_exact(&mut bytes));
    // A pipe cannot seek, nor has it moved.
    file.rewind().ok();
    read.ok()?;
    let (head, stored) = bytes.split_first_chunk()?;
    let head = Head::decode(head).filter(|head| head.tag == Tag::Footer)?;
    head.matches(stored)
        .then(|| Summary::decode(stored, version))
        .flatten()
}
