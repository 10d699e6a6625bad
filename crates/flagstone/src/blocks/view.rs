//! What several readers have of a block.
#![forbid(unsafe_code)]

use core::{
    fmt,
    hash::{Hash, Hasher},
    ops::{Bound, Deref, RangeBounds},
    panic::{RefUnwindSafe, UnwindSafe},
};
use std::io::{self, IoSlice, Read};

use super::{block::Block, core::end_view};
use crate::raw::region::View;

/// Written bytes of a block that nobody changes any more: clones and slices of a view share them. The
/// last one, dropped on any thread, takes the block and its charge back to the allocator.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::blocks::BlockAllocator;
///
/// let blocks = BlockAllocator::new(1 << 20);
/// let mut block = blocks.try_alloc(Layout::new::<[u8; 100]>())?;
/// block.write(0, b"key=value")?;
/// let view = block.freeze();
/// let value = view.slice(4..);
/// let view = view.try_into_mut().unwrap_err(); // `value` is another
/// drop(view);
/// let mut block = value.try_into_mut().unwrap();
/// block.extend_from_slice(b"s")?;
/// assert_eq!(*block, *b"values");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// | call | cost |
/// |---|---|
/// | clone, [`slice`](Self::slice) | one atomic operation |
/// | drop of the last | as of a [`Block`] |
/// | drop of another | one atomic operation |
pub struct BlockView {
    /// There until it is dropped.
    view: Option<View>,
}

impl BlockView {
    pub(super) fn new(view: View) -> Self {
        Self { view: Some(view) }
    }

    #[inline(always)]
    fn view(&self) -> &View {
        match &self.view {
            Some(view) => view,
            None => unreachable!("a view that is being dropped"),
        }
    }

    /// A view of some of the bytes.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[must_use]
    #[track_caller]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let mut view = self.clone();
        view.narrow(range);
        view
    }

    #[track_caller]
    fn narrow(&mut self, range: impl RangeBounds<usize>) {
        let len = self.len();
        let start = match range.start_bound() {
            Bound::Included(&start) => Some(start),
            Bound::Excluded(&before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1),
            Bound::Excluded(&end) => Some(end),
            Bound::Unbounded => Some(len),
        };
        match (start, end, &mut self.view) {
            (Some(start), Some(end), Some(view)) if start <= end && end <= len => {
                view.narrow(start, end - start);
            }
            _ => panic!("a slice of {start:?} to {end:?} of {len} bytes"),
        }
    }

    /// Forgets the first `count` bytes.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[track_caller]
    pub fn advance(&mut self, count: usize) {
        self.narrow(count..);
    }

    /// Forgets all but the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.narrow(..len);
        }
    }

    /// A block of these bytes that can be changed, with all the room behind them that the block has, if
    /// nothing else is left of it. Copies nothing.
    ///
    /// # Errors
    ///
    /// The view, if there is another, or a part that was split off.
    pub fn try_into_mut(mut self) -> Result<Block, Self> {
        match self.view.take().map(View::thaw) {
            Some(Ok(part)) => Ok(Block::new(part)),
            Some(Err(view)) => Err(Self::new(view)),
            None => unreachable!("a view that is being dropped"),
        }
    }

    /// Whether nothing else is left of the block, at a moment that may be over if it is not.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.view().is_only()
    }

    /// Bytes that are charged as long as a view or a part of the block is there.
    #[must_use]
    pub fn charged(&self) -> usize {
        self.view().storage_len()
    }

    /// The bytes for a vectored write.
    #[must_use]
    pub fn io_slice(&self) -> IoSlice<'_> {
        IoSlice::new(self)
    }
}

impl Drop for BlockView {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(view) = self.view.take() {
            end_view(view);
        }
    }
}

impl Clone for BlockView {
    fn clone(&self) -> Self {
        Self::new(self.view().clone())
    }
}

impl Deref for BlockView {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.view().bytes()
    }
}

impl AsRef<[u8]> for BlockView {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Reads from the front, and forgets what was read.
impl Read for BlockView {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = to.len().min(self.len());
        to[..count].copy_from_slice(&self[..count]);
        self.advance(count);
        Ok(count)
    }
}

impl PartialEq for BlockView {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for BlockView {}

impl Hash for BlockView {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

// Its calls run no user code.
impl UnwindSafe for BlockView {}
impl RefUnwindSafe for BlockView {}

impl fmt::Debug for BlockView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockView")
            .field("len", &self.len())
            .finish()
    }
}
