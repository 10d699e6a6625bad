//! The naive region.

use std::{alloc::Layout, collections::BTreeMap, ops::Range};

/// The pieces that are out of a region of addresses.
#[derive(Clone, Debug)]
pub struct NaiveRegion {
    all: Range<usize>,
    out: BTreeMap<usize, Layout>,
}

impl NaiveRegion {
    /// Nothing is out of the addresses `all`.
    #[must_use]
    pub fn new(all: Range<usize>) -> Self {
        Self {
            all,
            out: BTreeMap::new(),
        }
    }

    /// Notes a piece that was handed out.
    ///
    /// # Panics
    ///
    /// When it is misaligned, not within the region, or overlaps another piece.
    pub fn handed_out(&mut self, address: usize, layout: Layout) {
        assert_eq!(address % layout.align(), 0, "{address:#x} is misaligned");
        let end = address + layout.size();
        assert!(
            self.all.start <= address && end <= self.all.end,
            "{address:#x} is not within the region"
        );
        if let Some((&below, other)) = self.out.range(..end).next_back() {
            assert!(below + other.size() <= address, "two pieces overlap");
        }
        self.out.insert(address, layout);
    }

    /// Forgets one of the pieces, chosen by `pick`.
    pub fn take(&mut self, pick: usize) -> Option<(usize, Layout)> {
        let len = self.out.len();
        let address = (len > 0).then(|| self.out.keys().nth(pick % len).copied())??;
        self.out.remove_entry(&address)
    }
}
