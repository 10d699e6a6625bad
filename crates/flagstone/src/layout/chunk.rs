//! How large the next chunk of an arena is.

use super::SizeClasses;

/// What a `malloc` spends on a chunk of its own; with it a chunk is a power of two again.
const OVERHEAD: usize = 16;
/// A current chunk with more than one over this of its bytes unused is not left for a large request.
const WORTH_KEEPING: usize = 4;
/// Chunks that were made for one request each make the next one larger, up to so many times the
/// last.
const MOST_LEAP: usize = 8;
/// When chunks for single requests have taken so many times what a request needs, there are more like
/// it to come, and the next chunk is for as many.
const ALIKE: usize = 4;

/// Sizes of the chunks of an arena: doubling to a cap, then linear. Requests that are large for that
/// get a chunk of their own, so that the current one is not left half empty (as S. Ghemawat and J.
/// Dean's LevelDB does with a quarter of a block).
///
/// All numbers are bytes of whole chunks, headers included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkGrowth {
    /// The last chunk that was made to be bumped through; 0 at first.
    last: usize,
    /// What chunks for single requests have taken since then.
    apart: usize,
}

/// A chunk to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkPlan {
    /// Bytes to ask for.
    pub(crate) size: usize,
    /// Fewer bytes that would do as well.
    pub(crate) least: usize,
    /// Whether it is for one request only, and bumping continues where it was.
    pub(crate) apart: bool,
}

impl ChunkGrowth {
    /// The first chunk is this large: what small requests fit, and what allocators keep at hand.
    pub(crate) const FIRST: usize = 1024 - OVERHEAD;
    /// From this size on chunks stay as large as they are.
    pub(crate) const CAP: usize = (1 << 20) - OVERHEAD;

    /// No chunk yet.
    pub(crate) const fn new() -> Self {
        Self { last: 0, apart: 0 }
    }

    /// How the next chunk is to be when a request needs one of `need` bytes and the current chunk
    /// has `room` of its `whole` bytes left (0 of 0 without one).
    pub(crate) const fn plan(self, need: usize, room: usize, whole: usize) -> ChunkPlan {
        let next = self.next_for(need);
        let spares_room = need > next / WORTH_KEEPING
            && room >= whole.div_ceil(WORTH_KEEPING)
            && self.apart < next;
        let apart = whole > 0 && (need > next || spares_room);
        ChunkPlan {
            size: if apart || need > next { need } else { next },
            least: need,
            apart,
        }
    }

    /// The chunk was had, with `size` bytes.
    pub(crate) const fn made(self, size: usize, apart: bool) -> Self {
        if apart {
            Self {
                last: self.last,
                apart: self.apart.saturating_add(size),
            }
        } else {
            Self {
                last: size,
                apart: 0,
            }
        }
    }

    /// The size of a chunk for `used` bytes, rounded up a little, so that a cycle that needs a little
    /// more each time does not get a new chunk each time; `None` when there is no such chunk.
    pub(crate) const fn merged(header: usize, used: usize) -> Option<usize> {
        // Eight steps per doubling: at most a ninth is added.
        const STEPS: SizeClasses = SizeClasses::new(64, 8).unwrap();
        let Some(whole) = used.checked_add(header) else {
            return None;
        };
        STEPS.size_of(STEPS.class_of(whole))
    }

    /// The size of the next chunk to bump through, when it is for a request of `need` bytes.
    const fn next_for(self, need: usize) -> usize {
        let next = self.next();
        let several = need.saturating_mul(ALIKE);
        if several <= next || several > self.apart {
            next
        } else if several > Self::CAP {
            Self::CAP
        } else {
            several
        }
    }

    /// The size of the next chunk to bump through.
    const fn next(self) -> usize {
        let doubled = self.last.saturating_add(OVERHEAD).saturating_mul(2) - OVERHEAD;
        let leap = self.last.saturating_mul(MOST_LEAP);
        let apart = if self.apart < leap { self.apart } else { leap };
        let next = if doubled > apart { doubled } else { apart };
        if next < Self::FIRST {
            Self::FIRST
        } else if next > Self::CAP {
            Self::CAP
        } else {
            next
        }
    }
}
