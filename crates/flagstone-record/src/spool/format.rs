//! What the recorder writes and the merger reads: the layout of a spool file.
//!
//! One process image has one file. The recorder inside the program includes this very source file.
//!
//! ```text
//! head (1 page) | command line (whole pages) | segment | segment | ...
//!
//! segment = head (16 words) | records ... | unused
//! ```
//!
//! Everything is words of 64 bits in the machine's own byte order: a spool lives for one recording
//! on one machine. A record is one word that packs time, operation and details, then one or two
//! words; in a recording with call sites, one more with the number of the call's stack. A segment
//! belongs to one thread, or to [`SITES`] and tells what those numbers mean. `USED` is published after the record's words, so all
//! records below it are whole whenever and however the process dies.

/// First word of a spool file.
pub(crate) const FILE_MAGIC: u64 = u64::from_le_bytes(*b"FLSPOOL2");
/// First word of a segment.
pub(crate) const SEGMENT_MAGIC: u64 = u64::from_le_bytes(*b"FLSEGMT2");

/// Bytes of the file's head, and the unit in which the file grows.
pub(crate) const PAGE: u64 = 4096;
/// Bytes in a word.
pub(crate) const WORD: u64 = 8;
/// Bytes of a segment's head; segments start at multiples of it.
pub(crate) const SEGMENT_HEAD: u64 = 128;
/// Bytes that are kept of a program's command line.
pub(crate) const COMMAND_LIMIT: u64 = 128 * 1024;

/// Bytes of a thread's first segment: the least that a limit leaves room for.
pub(crate) const FIRST_SEGMENT: u64 = 64 * 1024;
/// In the place of a thread's number: the segment holds call sites.
pub(crate) const SITES: u64 = u64::MAX;
/// In the place of an `errno`: recording stopped at the limit that it was given.
pub(crate) const LIMIT_REACHED: u64 = 1 << 20;
/// The most return addresses that are kept of a call.
pub(crate) const DEPTH_LIMIT: usize = 64;

/// Name of the file in the spool folder that says how to record. Without it, everything is recorded.
pub(crate) const CONTROL_FILE: &str = "control";
/// First word of the control file, which is one page that all processes share.
pub(crate) const CONTROL_MAGIC: u64 = u64::from_le_bytes(*b"FLCNTRL1");

/// Words of the control file.
pub(crate) mod control {
    /// [`CONTROL_MAGIC`](super::CONTROL_MAGIC).
    pub(crate) const MAGIC: usize = 0;
    /// Bytes per sample point; 0 when everything is recorded.
    pub(crate) const SAMPLE: usize = 1;
    /// Return addresses to keep of a call; 0 for none.
    pub(crate) const DEPTH: usize = 2;
    /// The most bytes that all segments of all processes may have; 0 without a limit.
    pub(crate) const LIMIT: usize = 3;
    /// The bytes that they have.
    pub(crate) const TAKEN: usize = 4;
    /// Process id of the only parent whose child records; 0 when all do.
    pub(crate) const PARENT: usize = 5;
}

/// What stands in a segment of call sites.
pub(crate) mod site {
    /// In the low byte of an entry's first word: a stack. The rest of the word is how many
    /// addresses follow the number, innermost first.
    pub(crate) const STACK: u64 = 1;
    /// A module. The rest of the word is the length of its path, which follows the first address,
    /// the one behind the last, and the bias, filled up to a whole word.
    pub(crate) const MODULE: u64 = 2;
    /// Where the rest of an entry's first word starts.
    pub(crate) const COUNT_SHIFT: u32 = 8;
    /// The longest path that is kept.
    pub(crate) const PATH_LIMIT: usize = 4096;
}

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
    /// Why recording stopped before the process ended: an `errno`,
    /// [`LIMIT_REACHED`](super::LIMIT_REACHED), or 0.
    pub(crate) const STOPPED: usize = 6;
    /// Bytes per sample point, or 0.
    pub(crate) const SAMPLE: usize = 7;
    /// Return addresses kept of a call, or 0.
    pub(crate) const DEPTH: usize = 8;
    /// Words that are in use.
    pub(crate) const WORDS: usize = 9;
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
    /// Bytes that its thread may allocate until the next sample point (the recorder's own).
    pub(crate) const COUNTDOWN: usize = 8;
    /// State of its thread's random numbers; 0 before the first (the recorder's own).
    pub(crate) const RANDOM: usize = 9;
    /// The memory of its thread's stack (the recorder's own).
    pub(crate) const STACK_LOW: usize = 10;
    /// Behind its last address.
    pub(crate) const STACK_HIGH: usize = 11;
    /// How often the memory of the stack was looked up.
    pub(crate) const LOOKUPS: usize = 12;
    /// Words of the head.
    pub(crate) const WORDS: usize = 16;
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

    /// Words of such a record, in a recording with call sites or without.
    pub(crate) const fn words(self, with_sites: bool) -> u64 {
        match self {
            Self::Free | Self::MoveFrom => 2,
            Self::Alloc | Self::Resize | Self::MoveTo => 3 + with_sites as u64,
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
