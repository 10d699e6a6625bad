//! The totals at the end of a trace.

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
    /// recorder had to stop earlier, for example because the disk was full.
    pub complete: bool,
}

/// Words of the stored form; its constant size lets a reader find it from the end of a file.
const WORDS: usize = 10;

impl Summary {
    /// Bytes of the stored form.
    pub(crate) const ENCODED: usize = WORDS * 8;

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
        ];
        let mut out = [0; Self::ENCODED];
        for (place, word) in out.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// `None` when `bytes` are not what [`encode`](Self::encode) writes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let words: &[[u8; 8]; WORDS] = words.try_into().ok().filter(|_| rest.is_empty())?;
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
        })
    }
}
