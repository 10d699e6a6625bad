//! How to record: what the control file in the spool folder says.

use core::ffi::CStr;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::file::{self, Path};
use crate::format::{CONTROL_FILE, CONTROL_MAGIC, DEPTH_LIMIT, FIRST_SEGMENT, WORD, control};

/// The mapped control file, or none: then everything is recorded. All zero bytes are none.
#[derive(Clone, Copy)]
pub(crate) struct Orders(Option<NonNull<AtomicU64>>);

impl Orders {
    pub(crate) fn in_folder(folder: &CStr) -> Self {
        let page = Path::of(folder, CONTROL_FILE.as_bytes()).and_then(|p| file::map_page(&p));
        let orders = Self(page);
        Self(page.filter(|_| orders.word(control::MAGIC) == CONTROL_MAGIC))
    }

    /// Bytes per sample point, or 0.
    pub(crate) fn sample(&self) -> u64 {
        self.word(control::SAMPLE)
    }

    /// Return addresses to keep of a call, or 0.
    pub(crate) fn depth(&self) -> usize {
        (self.word(control::DEPTH) as usize).min(DEPTH_LIMIT)
    }

    /// Whether a process with this parent records.
    pub(crate) fn are_for_child_of(&self, parent: u64) -> bool {
        [0, parent].contains(&self.word(control::PARENT))
    }

    /// Takes up to `len` bytes of what the limit leaves to all processes; `None` when that is too
    /// little for a segment.
    pub(crate) fn admit(&self, len: u64) -> Option<u64> {
        let limit = self.word(control::LIMIT);
        let Some(taken) = self.place(control::TAKEN).filter(|_| limit != 0) else {
            return Some(len);
        };
        let mut admitted = len;
        let more = |taken: u64| {
            let left = limit.saturating_sub(taken) / FIRST_SEGMENT * FIRST_SEGMENT;
            admitted = len.min(left);
            (admitted >= FIRST_SEGMENT).then(|| taken + admitted)
        };
        // Relaxed: the number alone is what processes agree on.
        let updated = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        updated.ok().map(|_| admitted)
    }

    fn word(&self, index: usize) -> u64 {
        self.place(index)
            .map_or(0, |word| word.load(Ordering::Relaxed))
    }

    fn place(&self, index: usize) -> Option<&AtomicU64> {
        debug_assert!(index < file::page_size() as usize / WORD as usize);
        // SAFETY: a page was mapped for good, it is aligned, and indices are the format's.
        self.0.map(|page| unsafe { page.add(index).as_ref() })
    }
}
