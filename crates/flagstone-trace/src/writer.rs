//! Writes a trace.

use std::io::Write;

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::block::BlockWriter;
use crate::numbering::Numbering;
use crate::section::{self, FORMAT_VERSION, MAGIC, Tag};
use crate::{Event, Header, Summary, TraceError};

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
        self.numbering.admit(event).map_err(TraceError::event)?;
        self.block.push(event, &self.numbering);
        if self.block.is_full() {
            self.flush_block()
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

    fn flush_block(&mut self) -> Result<(), TraceError> {
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
