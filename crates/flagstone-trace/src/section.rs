//! The frame around each part of a file: its head, its checksum, its limits.

use std::io::{Read, Write};

use crate::TraceError;

/// Version of the format that this crate writes. It reads this one and all older ones.
pub const FORMAT_VERSION: u16 = 2;

/// The version before call sites, origins and endings.
pub(crate) const VERSION_1: u16 = 1;

/// The first bytes of a trace. The byte above 127 and the line ends show a transfer as text.
pub(crate) const MAGIC: [u8; 8] = *b"\x89FLAG\r\n\x1a";

/// The most events in one block.
pub(crate) const MAX_EVENTS: usize = 1 << 16;

/// The most bytes in one section of call sites.
pub(crate) const MAX_SITES_BYTES: usize = 4 << 20;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Header = b'H' as isize,
    Block = b'B' as isize,
    Sites = b'S' as isize,
    Footer = b'F' as isize,
}

impl Tag {
    fn of(byte: u8) -> Option<Self> {
        [Self::Header, Self::Block, Self::Sites, Self::Footer]
            .into_iter()
            .find(|&tag| tag as u8 == byte)
    }

    /// The most raw bytes that a section of this kind may have. A reader allocates no more.
    pub(crate) fn limit(self) -> usize {
        match self {
            // An event takes at most 43 bytes: 1 + 5 + 10 + 1 + 10 + 10 + 5, rounded up.
            Self::Block => MAX_EVENTS * 43 + 64,
            Self::Sites => MAX_SITES_BYTES,
            // Above what a system hands to a program as its arguments.
            Self::Header => 8 << 20,
            Self::Footer => crate::Summary::ENCODED,
        }
    }
}

/// The head of a section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) tag: Tag,
    pub(crate) events: u32,
    pub(crate) raw_len: u32,
    pub(crate) stored_len: u32,
    crc: u32,
}

impl Head {
    /// Bytes of the stored form.
    pub(crate) const ENCODED: usize = 17;

    /// `None` for a head that no writer writes; the lengths are within the limits otherwise.
    pub(crate) fn decode(bytes: &[u8; Self::ENCODED]) -> Option<Self> {
        let (&[tag], words) = bytes.split_first_chunk()?;
        let [events, raw_len, stored_len, crc] =
            *<&[[u8; 4]; 4]>::try_from(words.as_chunks::<4>().0).ok()?;
        let head = Self {
            tag: Tag::of(tag)?,
            events: u32::from_le_bytes(events),
            raw_len: u32::from_le_bytes(raw_len),
            stored_len: u32::from_le_bytes(stored_len),
            crc: u32::from_le_bytes(crc),
        };
        let limit = head.tag.limit();
        let stored_limit = deflated_limit(limit);
        let fits = head.raw_len as usize <= limit && head.stored_len as usize <= stored_limit;
        (fits && head.events as usize <= MAX_EVENTS).then_some(head)
    }

    /// Reads the next head.
    pub(crate) fn read(from: &mut impl Read) -> Result<Self, TraceError> {
        let mut bytes = [0; Self::ENCODED];
        from.read_exact(&mut bytes).map_err(TraceError::io)?;
        Self::decode(&bytes).ok_or_else(|| TraceError::corrupted_part("section head"))
    }

    /// Whether `stored` are the bytes that this head was written for.
    pub(crate) fn matches(&self, stored: &[u8]) -> bool {
        self.stored_len as usize == stored.len()
            && checksum(
                &prefix(self.tag, self.events, self.raw_len, self.stored_len),
                stored,
            ) == self.crc
    }
}

/// Writes one section in one call, so that a writer needs no buffer of its own. The caller keeps
/// to the limits.
pub(crate) fn write(
    to: &mut impl Write,
    tag: Tag,
    events: u32,
    raw_len: usize,
    stored: &[u8],
) -> Result<(), TraceError> {
    let prefix = prefix(tag, events, raw_len as u32, stored.len() as u32);
    let mut out = Vec::with_capacity(Head::ENCODED + stored.len());
    out.extend_from_slice(&prefix);
    out.extend_from_slice(&checksum(&prefix, stored).to_le_bytes());
    out.extend_from_slice(stored);
    to.write_all(&out).map_err(TraceError::io)
}

/// The most bytes that deflate makes of `raw_len` bytes: its fixed code has at most nine bits for
/// one byte, and a few bytes frame each of its blocks.
pub(crate) fn deflated_limit(raw_len: usize) -> usize {
    raw_len + raw_len / 8 + 64
}

/// The part of a head that its checksum covers.
fn prefix(tag: Tag, events: u32, raw_len: u32, stored_len: u32) -> [u8; 13] {
    let mut out = [tag as u8; 13];
    out[1..5].copy_from_slice(&events.to_le_bytes());
    out[5..9].copy_from_slice(&raw_len.to_le_bytes());
    out[9..].copy_from_slice(&stored_len.to_le_bytes());
    out
}

fn checksum(prefix: &[u8], stored: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(prefix);
    hasher.update(stored);
    hasher.finalize()
}
