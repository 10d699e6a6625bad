//! What an allocation gets.
#![forbid(unsafe_code)]

use core::{
    fmt,
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
    panic::{RefUnwindSafe, UnwindSafe},
};
use std::io::{self, IoSlice, Read, Write};

use super::{
    core::{end_part, seen},
    error::OutOfBounds,
    id::BlockId,
    view::BlockView,
};
use crate::raw::region::{NO_ID, Part};

/// Bytes of a [`BlockAllocator`](super::BlockAllocator), with what they are charged.
///
/// It has room for as many bytes as were asked for, and shows those that were written: `Deref` to
/// `[u8]`, like a `Vec<u8>` that cannot grow. Dropped on any thread it goes back to the allocator, also
/// when that is gone, and with the bytes goes their charge.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::blocks::BlockAllocator;
///
/// let blocks = BlockAllocator::new(1 << 20);
/// let mut block = blocks.try_alloc(Layout::new::<[u8; 1024]>())?;
/// assert!(block.is_empty());
/// block.write(2, &[3, 4])?;
/// assert_eq!(*block, [0, 0, 3, 4]);
/// assert_eq!(block.read(2, 2)?, [3, 4]);
/// assert!(block.write(1023, &[5, 6]).is_err());
///
/// let view = block.freeze();
/// let part = view.slice(2..4);
/// drop(view);
/// assert_eq!(*part, [3, 4]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// | call | cost |
/// |---|---|
/// | drop | about ten nanoseconds; no lock in the usual case |
/// | `Deref` | two loads |
/// | [`freeze`](Self::freeze), [`write`](Self::write) | no atomic read-modify-write, but for the first time that bytes are used |
/// | [`split_off`](Self::split_off) | one allocation of 64 bytes, one atomic operation |
pub struct Block {
    /// There until it is dropped.
    part: Option<Part>,
}

impl Block {
    pub(super) fn new(part: Part) -> Self {
        Self { part: Some(part) }
    }

    #[inline(always)]
    pub(super) fn part(&self) -> &Part {
        match &self.part {
            Some(part) => part,
            None => unreachable!("a block that is being dropped"),
        }
    }

    #[inline(always)]
    pub(super) fn part_mut(&mut self) -> &mut Part {
        match &mut self.part {
            Some(part) => part,
            None => unreachable!("a block that is being dropped"),
        }
    }

    /// Takes the part out, and ends the name.
    fn into_part(mut self) -> Part {
        self.end_id();
        self.take_part()
    }

    fn take_part(&mut self) -> Part {
        match self.part.take() {
            Some(part) => part,
            None => unreachable!("a block that is being dropped"),
        }
    }

    /// Takes the part out; the name stays.
    pub(super) fn detach(mut self) -> Part {
        self.take_part()
    }

    #[inline(always)]
    fn end_id(&mut self) {
        if self.part.as_ref().is_some_and(|part| part.id() != NO_ID) {
            self.end_known_id();
        }
    }

    #[cold]
    fn end_known_id(&mut self) {
        if let Some(id) = self.known_id()
            && let Some(core) = seen(self.part().keeper())
        {
            core.ids.end(id);
        }
        self.part_mut().set_id(NO_ID);
    }

    /// Its name, which it gets when this is first called.
    ///
    /// One lock.
    ///
    /// # Panics
    ///
    /// When four billion blocks have names.
    pub fn id(&mut self) -> BlockId {
        if let Some(id) = self.known_id() {
            return id;
        }
        let id = seen(self.part().keeper()).and_then(|core| core.ids.give());
        match id {
            Some(id) => {
                self.part_mut().set_id(id.index());
                id
            }
            None => panic!("there are no more names for blocks"),
        }
    }

    /// Its name, if it has got one.
    #[must_use]
    pub fn known_id(&self) -> Option<BlockId> {
        let core = seen(self.part().keeper())?;
        let index = self.part().id();
        (index != NO_ID).then(|| core.ids.of(index))?
    }

    /// Bytes that fit into it: as many as were asked for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.part().capacity()
    }

    /// Bytes that are charged as long as a part or a view of it is there: those of its size.
    #[must_use]
    pub fn charged(&self) -> usize {
        self.part().storage_len()
    }

    /// The number of the region it lies in, and how many bytes from its start: for memory that was
    /// [exported](super::BlockAllocator::regions) and registered.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        let (region, offset) = self.part().place();
        (region as usize, offset)
    }

    /// Writes `bytes` to `offset`, beyond the bytes written so far too: what lies between becomes 0.
    ///
    /// O(bytes, and those between).
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`], and nothing is written, if they do not fit.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), OutOfBounds> {
        write_part(self.part_mut(), offset, bytes)
    }

    /// `len` of the written bytes, from `offset` on.
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`] if fewer were written.
    pub fn read(&self, offset: usize, len: usize) -> Result<&[u8], OutOfBounds> {
        read_part(self.part(), offset, len)
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`], and nothing is written, if they do not fit.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let part = self.part_mut();
        if part.append(bytes) {
            return Ok(());
        }
        Err(OutOfBounds::new(part.len(), bytes.len(), part.capacity()))
    }

    /// Makes it `len` bytes long, at most its capacity: it is cut, or zeros are appended. Zeros that are
    /// in memory already are not written again.
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`], and nothing is changed, beyond the capacity.
    pub fn resize(&mut self, len: usize) -> Result<(), OutOfBounds> {
        let part = self.part_mut();
        if len > part.capacity() {
            return Err(OutOfBounds::new(0, len, part.capacity()));
        }
        part.truncate(len);
        part.extend_zeroed(len);
        Ok(())
    }

    /// Forgets all but the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.part_mut().truncate(len);
    }

    /// Forgets all bytes; their room is for others.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Forgets the first `count` bytes, and the room that they took.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    #[track_caller]
    pub fn advance(&mut self, count: usize) {
        let len = self.len();
        assert!(
            count <= len,
            "{count} bytes are more than the {len} written"
        );
        self.part_mut().advance(count);
    }

    /// What was not written yet.
    pub fn spare_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.part_mut().spare()
    }

    /// Takes the bytes from `at` on away, written or not, as a block of their own. Both are charged
    /// together, until both are gone.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use flagstone::blocks::BlockAllocator;
    ///
    /// let blocks = BlockAllocator::new(1 << 20);
    /// let mut head = blocks.try_alloc(Layout::new::<[u8; 100]>())?;
    /// head.write(0, b"head:body")?;
    /// let body = head.split_off(5);
    /// assert_eq!((&*head, &*body), (&b"head:"[..], &b"body"[..]));
    /// assert_eq!(body.capacity(), 95);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `at` is beyond the capacity.
    #[must_use = "dropped, the bytes are gone"]
    #[track_caller]
    pub fn split_off(&mut self, at: usize) -> Self {
        let capacity = self.capacity();
        match self.part_mut().split_off(at) {
            Some(part) => Self::new(part),
            None => panic!("split at {at} of {capacity} bytes"),
        }
    }

    /// Takes the bytes before `at` away, as [`split_off`](Self::split_off) those behind.
    ///
    /// # Panics
    ///
    /// If `at` is beyond the capacity.
    #[must_use = "dropped, the bytes are gone"]
    #[track_caller]
    pub fn split_to(&mut self, at: usize) -> Self {
        let mut rest = self.split_off(at);
        let id = self.part().id();
        self.part_mut().set_id(NO_ID);
        rest.part_mut().set_id(id);
        core::mem::replace(self, rest)
    }

    /// Joins it with the block that was right behind, before a split.
    ///
    /// # Errors
    ///
    /// The other block, if it was not, or if it has bytes and this one has room before them.
    pub fn unsplit(&mut self, next: Self) -> Result<(), Self> {
        let id = next.known_id();
        self.part_mut().join(next.detach()).map_err(Self::new)?;
        if let Some(id) = id
            && let Some(core) = seen(self.part().keeper())
        {
            core.ids.end(id);
        }
        Ok(())
    }

    /// The written bytes as a view that can be cloned and sliced, and not changed. Copies nothing.
    #[must_use]
    #[inline]
    pub fn freeze(self) -> BlockView {
        BlockView::new(self.into_part().freeze())
    }

    /// The written bytes for a vectored write.
    #[must_use]
    pub fn io_slice(&self) -> IoSlice<'_> {
        IoSlice::new(self)
    }
}

/// What [`Block::write`] does.
pub(super) fn write_part(part: &mut Part, offset: usize, bytes: &[u8]) -> Result<(), OutOfBounds> {
    let capacity = part.capacity();
    let end = offset.checked_add(bytes.len());
    if end.is_none_or(|end| end > capacity) {
        return Err(OutOfBounds::new(offset, bytes.len(), capacity));
    }
    part.extend_zeroed(offset);
    let over = bytes.len().min(part.len() - offset);
    let (over, behind) = bytes.split_at(over);
    part.bytes_mut()[offset..offset + over.len()].copy_from_slice(over);
    let fits = part.append(behind);
    debug_assert!(fits, "checked above");
    Ok(())
}

/// What [`Block::read`] does.
pub(super) fn read_part(part: &Part, offset: usize, len: usize) -> Result<&[u8], OutOfBounds> {
    let bytes = part.bytes();
    let end = offset.checked_add(len);
    end.and_then(|end| bytes.get(offset..end))
        .ok_or(OutOfBounds::new(offset, len, bytes.len()))
}

impl Drop for Block {
    #[inline(always)]
    fn drop(&mut self) {
        self.end_id();
        if let Some(part) = self.part.take() {
            end_part(part);
        }
    }
}

impl Deref for Block {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.part().bytes()
    }
}

impl DerefMut for Block {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.part_mut().bytes_mut()
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for Block {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// Appends; `Ok(0)` when it is full.
impl Write for Block {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = self.part_mut();
        let fitting = bytes.len().min(part.capacity() - part.len());
        part.append(&bytes[..fitting]);
        Ok(fitting)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads from the front, and forgets what was read, as [`Block::advance`] does.
impl Read for Block {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = to.len().min(self.len());
        to[..count].copy_from_slice(&self[..count]);
        self.advance(count);
        Ok(count)
    }
}

// Its calls run no user code.
impl UnwindSafe for Block {}
impl RefUnwindSafe for Block {}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("id", &self.known_id())
            .finish()
    }
}
