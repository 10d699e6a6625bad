//! The totals at the end of a trace.

use crate::section::VERSION_1;
use crate::{Ending, StopReason};

/// Totals of a whole trace, stored in its last section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events in the trace.
    pub events: u64,
    /// Objects allocated.
    pub objects: u64,
    /// Threads that have at least one event.
    pub threads: u32,
    /// The most bytes alive at one time, as asked for (without any allocator's overhead).
    pub peak_live_bytes: u64,
    /// The most objects alive at one time.
    pub peak_live_objects: u64,
    /// Objects never freed.
    pub live_objects_at_end: u64,
    /// Bytes never freed.
    pub live_bytes_at_end: u64,
    /// Time of the last event in nanoseconds since the recording started.
    pub duration_ns: u64,
    /// Frees and reallocations left out because the recorder never saw the address handed out.
    pub unmatched_frees: u64,
    /// Whether every event up to the end of the process is in the trace. `false` when the
    /// recorder had to stop earlier: [`stopped`](Self::stopped) says why.
    pub complete: bool,
    /// Why the recording ended before the process did, if that is known.
    pub stopped: Option<StopReason>,
    /// How the process ended.
    pub ending: Ending,
}

/// Words of the stored form; its constant size lets a reader find it from the end of a file.
const WORDS: usize = 12;
/// As above, of format version 1.
const WORDS_1: usize = 10;

impl Summary {
    /// Bytes of the stored form.
    pub(crate) const ENCODED: usize = WORDS * 8;
    /// Bytes of the stored form in version 1.
    pub(crate) const ENCODED_1: usize = WORDS_1 * 8;

    /// Bytes of the stored form in `version`.
    pub(crate) fn encoded(version: u16) -> usize {
        if version == VERSION_1 {
            Self::ENCODED_1
        } else {
            Self::ENCODED
        }
    }

    pub(crate) fn encode(&self) -> [u8; Self::ENCODED] {
        let words: [u64; WORDS] = [
            self.events,
            self.objects,
            u64::from(self.threads),
            self.peak_live_bytes,
            self.peak_live_objects,
            self.live_objects_at_end,
            self.live_bytes_at_end,
            self.duration_ns,
            self.unmatched_frees,
            u64::from(self.complete),
            StopReason::code(self.stopped),
            self.ending.code(),
        ];
        let mut out = [0; Self::ENCODED];
        for (place, word) in out.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// `None` when `bytes` are not what [`encode`](Self::encode) writes, or wrote in version 1.
    pub(crate) fn decode(bytes: &[u8], version: u16) -> Option<Self> {
        let expected = Self::encoded(version);
        let mut padded = [0; Self::ENCODED];
        padded
            .get_mut(..expected)?
            .copy_from_slice(Some(bytes).filter(|b| b.len() == expected)?);
        let words: &[[u8; 8]; WORDS] = padded.as_chunks::<8>().0.try_into().ok()?;
        let [
            events,
            objects,
            threads,
            peak_live_bytes,
            peak_live_objects,
            more @ ..,
        ] = words.map(u64::from_le_bytes);
        let [
            live_objects_at_end,
            live_bytes_at_end,
            duration_ns,
            unmatched_frees,
            complete,
            stopped,
            ending,
        ] = more;
        Some(Self {
            events,
            objects,
            threads: threads.try_into().ok()?,
            peak_live_bytes,
            peak_live_objects,
            live_objects_at_end,
            live_bytes_at_end,
            duration_ns,
            unmatched_frees,
            complete: match complete {
                0 => false,
                1 => true,
                _ => return None,
            },
            stopped: StopReason::of_code(stopped)?,
            ending: Ending::of_code(ending)?,
        })
    }
}
