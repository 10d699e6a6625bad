//! Writes a trace.

use std::io::Write;

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::block::BlockWriter;
use crate::numbering::Numbering;
use crate::section::{self, FORMAT_VERSION, MAGIC, Tag};
use crate::sites::SitesWriter;
use crate::{Event, Header, Location, Module, StackId, Summary, TraceError};

/// Writes events to `W` in blocks.
///
/// It writes a whole block at a time, so `W` needs no buffer. Dropped without
/// [`finish`](Self::finish), it leaves a trace that readers call cut off. After an error the
/// trace is unusable.
#[derive(Debug)]
pub struct Writer<W: Write> {
    to: W,
    numbering: Numbering,
    block: BlockWriter,
    sites: SitesWriter,
    compress: Compress,
    raw: Vec<u8>,
    stored: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Starts a trace: writes the magic, the version and `header`.
    ///
    /// # Errors
    ///
    /// A header of more than 8 MiB, or an error of `to`.
    pub fn new(mut to: W, header: Header) -> Result<Self, TraceError> {
        let raw = header.encode();
        if raw.len() > Tag::Header.limit() {
            return Err(TraceError::limit("more than 8 MiB of program arguments"));
        }
        to.write_all(&MAGIC).map_err(TraceError::io)?;
        to.write_all(&FORMAT_VERSION.to_le_bytes())
            .map_err(TraceError::io)?;
        section::write(&mut to, Tag::Header, 0, raw.len(), &raw)?;
        Ok(Self {
            to,
            numbering: Numbering::default(),
            block: BlockWriter::default(),
            sites: SitesWriter::default(),
            // Higher levels take two to nine times as long and save 7 % (examples/decode_speed.rs).
            compress: Compress::new(Compression::fast(), false),
            raw,
            stored: Vec::new(),
        })
    }

    /// Adds the next event in the global order. Amortised cost: about 50 ns, most of it deflate.
    ///
    /// # Errors
    ///
    /// An event that breaks the numbering of objects or threads, has an impossible size or
    /// alignment, or names an object not allocated yet; or an error of the underlying writer.
    /// That an object is still alive is not checked (see [`Validator`](crate::Validator)).
    pub fn push(&mut self, event: &Event) -> Result<(), TraceError> {
        self.push_at(event, StackId::UNKNOWN)
    }

    /// As [`push`](Self::push), of an event at a call site that [`stack`](Self::stack) has
    /// numbered. The call site of a free is not kept.
    ///
    /// # Errors
    ///
    /// As `push`, and a stack that this writer has not numbered.
    pub fn push_at(&mut self, event: &Event, stack: StackId) -> Result<(), TraceError> {
        if !self.sites.knows(stack) {
            return Err(TraceError::limit("the number of a stack that it has not"));
        }
        self.numbering.admit(event).map_err(TraceError::event)?;
        self.block.push(event, stack, &self.numbering);
        if self.block.is_full() {
            self.flush_block()
        } else {
            Ok(())
        }
    }

    /// Numbers the stack of return addresses that are `address` and those of `caller`. The same
    /// stack gets the same number. Beyond the some 4 million that the format holds, the number is
    /// that of the caller.
    pub fn stack(&mut self, caller: StackId, address: u64) -> StackId {
        self.sites.stack(caller, address)
    }

    /// Says which file is mapped where. The format holds 65,536; more are left out.
    pub fn module(&mut self, module: &Module) {
        self.sites.module(module);
    }

    /// Says what `address` is in the source, innermost call first, for traces of programs whose
    /// modules are not at hand. The first word on an address counts. The format holds 64 MiB of
    /// names; more are left out.
    pub fn name(&mut self, address: u64, locations: &[Location]) -> Result<(), TraceError> {
        self.sites.name(address, locations);
        if self.sites.is_full() {
            self.flush_sites()
        } else {
            Ok(())
        }
    }

    /// Writes the last block and the end mark, and gives the underlying writer back, flushed.
    ///
    /// The counts of events, objects and threads are the writer's own; those in `summary` are not
    /// used.
    ///
    /// # Errors
    ///
    /// An error of the underlying writer.
    pub fn finish(mut self, summary: Summary) -> Result<W, TraceError> {
        if self.block.events() > 0 {
            self.flush_block()?;
        } else {
            self.flush_sites()?;
        }
        let Numbering {
            events,
            objects,
            threads,
        } = self.numbering;
        let footer = Summary {
            events,
            objects,
            threads,
            ..summary
        }
        .encode();
        section::write(&mut self.to, Tag::Footer, 0, footer.len(), &footer)?;
        self.to.flush().map_err(TraceError::io)?;
        Ok(self.to)
    }

    /// Writes the call sites that are new.
    fn flush_sites(&mut self) -> Result<(), TraceError> {
        if self.sites.is_empty() {
            return Ok(());
        }
        self.sites.take(&mut self.raw);
        self.deflate();
        section::write(&mut self.to, Tag::Sites, 0, self.raw.len(), &self.stored)
    }

    fn flush_block(&mut self) -> Result<(), TraceError> {
        // What events point at stands before them.
        self.flush_sites()?;
        let events = self.block.events() as u32;
        self.block.take(&mut self.raw, &self.numbering);
        self.deflate();
        section::write(
            &mut self.to,
            Tag::Block,
            events,
            self.raw.len(),
            &self.stored,
        )
    }

    /// Deflates `raw` into `stored`.
    fn deflate(&mut self) {
        self.compress.reset();
        self.stored.clear();
        self.stored
            .reserve(self.raw.len() + self.raw.len() / 64 + 64);
        let status = self
            .compress
            .compress_vec(&self.raw, &mut self.stored, FlushCompress::Finish);
        // The output has room for data that does not shrink, so one call reaches the end.
        assert!(
            matches!(status, Ok(Status::StreamEnd)),
            "deflate did not finish: {status:?}"
        );
    }
}
