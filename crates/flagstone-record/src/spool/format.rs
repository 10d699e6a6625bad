//! What the recorder writes and the merger reads: the layout of a spool file.
//!
//! One process image has one file. The recorder inside the program includes this very source file.
//!
//! ```text
//! head (1 page) | command line (whole pages) | segment | segment | ...
//!
//! segment = head (8 words) | records ... | unused
//! ```
//!
//! Everything is words of 64 bits in the machine's own byte order: a spool lives for one recording
//! on one machine. A record is one word that packs time, operation and details, then one or two
//! words. A segment belongs to one thread. `USED` is published after the record's words, so all
//! records below it are whole whenever and however the process dies.

/// First word of a spool file.
pub(crate) const FILE_MAGIC: u64 = u64::from_le_bytes(*b"FLSPOOL1");
/// First word of a segment.
pub(crate) const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"FLSEGMT1");

/// Bytes of the file's head, and the unit in which the file grows.
pub(crate) const PAGE: u64 = 4096;
/// Bytes in a word.
pub(crate) const WORD: u64 = 8;
/// Bytes of a segment's head; segments start at multiples of it.
pub(crate) const SEGMENT_HEAD: u64 = 64;
/// Bytes that are kept of a program's command line.
pub(crate) const COMMAND_LIMIT: u64 = 128 * 1024;

/// Name of the environment variable with the absolute path of the spool folder.
pub(crate) const SPOOL_VARIABLE: &str = "FLAGSTONE_SPOOL";

/// Words of the file's head.
pub(crate) mod head {
    /// [`FILE_MAGIC`](super::FILE_MAGIC), written last.
    pub(crate) const MAGIC: usize = 0;
    /// Process id.
    pub(crate) const PID: usize = 1;
    /// Process id of the parent.
    pub(crate) const PARENT: usize = 2;
    /// Start of the recording, nanoseconds of `CLOCK_MONOTONIC`.
    pub(crate) const START_NS: usize = 3;
    /// Start of the recording, seconds since 1970.
    pub(crate) const START_UNIX_S: usize = 4;
    /// Bytes of the command line, which follows the head; arguments end with a zero byte.
    pub(crate) const COMMAND_LEN: usize = 5;
    /// Why recording stopped before the process ended: an `errno`, or 0.
    pub(crate) const STOPPED: usize = 6;
    /// Words that are in use.
    pub(crate) const WORDS: usize = 7;
}

/// Words of a segment's head.
pub(crate) mod segment {
    /// [`SEGMENT_MAGIC`](super::SEGMENT_MAGIC), written last.
    pub(crate) const MAGIC: usize = 0;
    /// The recorder's number of the thread whose records these are.
    pub(crate) const THREAD: usize = 1;
    /// Rises with every segment handed to a thread; orders the segments of one thread.
    pub(crate) const SEQUENCE: usize = 2;
    /// Bytes of the segment with its head. Shrinks when a thread ends and leaves the rest.
    pub(crate) const LEN: usize = 3;
    /// Bytes in use with the head.
    pub(crate) const USED: usize = 4;
    /// The recording it belongs to (the recorder's own).
    pub(crate) const EPOCH: usize = 5;
    /// Whether its thread is inside the recorder (the recorder's own).
    pub(crate) const BUSY: usize = 6;
    /// The next unused segment, and whether the segment was split (the recorder's own).
    pub(crate) const LINK: usize = 7;
}

/// What a record says. The number of its words follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Op {
    /// Memory was handed out, stamped after the real call: packed, address, size.
    Alloc = 1,
    /// Memory is about to be given back, stamped before the real call: packed, address.
    Free = 2,
    /// Memory was resized where it is: packed, address, new size.
    Resize = 3,
    /// Memory left this address, stamped before the real call: packed, address. `MoveTo` follows.
    MoveFrom = 4,
    /// ... and is now at this one, stamped after the real call: packed, address, new size.
    MoveTo = 5,
}

impl Op {
    /// The operation of a packed word.
    pub(crate) const fn of(packed: u64) -> Option<Self> {
        match packed & 0b111 {
            1 => Some(Self::Alloc),
            2 => Some(Self::Free),
            3 => Some(Self::Resize),
            4 => Some(Self::MoveFrom),
            5 => Some(Self::MoveTo),
            _ => None,
        }
    }

    /// Words of such a record.
    pub(crate) const fn words(self) -> u64 {
        match self {
            Self::Free | Self::MoveFrom => 2,
            Self::Alloc | Self::Resize | Self::MoveTo => 3,
        }
    }
}

/// Set in the packed word of an allocation that asked for zeroed memory.
pub(crate) const ZEROED: u64 = 1 << 3;
/// Where the exponent of the alignment starts in the packed word (6 bits).
pub(crate) const ALIGN_SHIFT: u32 = 4;
/// Where the time starts: nanoseconds since the recording's start, enough for 208 days.
pub(crate) const TIME_SHIFT: u32 = 10;

/// The first word of a record.
pub(crate) const fn pack(op: Op, time_ns: u64, align_exponent: u32, zeroed: bool) -> u64 {
    let zeroed = if zeroed { ZEROED } else { 0 };
    time_ns << TIME_SHIFT | (align_exponent as u64) << ALIGN_SHIFT | zeroed | op as u64
}

/// The time of a packed word.
pub(crate) const fn time_ns(packed: u64) -> u64 {
    packed >> TIME_SHIFT
}

/// The exponent of the alignment of a packed word.
pub(crate) const fn align_exponent(packed: u64) -> u32 {
    (packed >> ALIGN_SHIFT & 0b11_1111) as u32
}
