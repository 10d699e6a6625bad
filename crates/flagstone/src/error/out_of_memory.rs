//! A provider that gave nothing usable.

use core::{alloc::Layout, error::Error, fmt};

/// A provider gave no chunk of the size and alignment that were asked for.
///
/// ```
/// use core::{alloc::Layout, mem::MaybeUninit};
/// use flagstone::provider::{ByteRegion, Provider};
///
/// let mut memory = [MaybeUninit::uninit(); 64];
/// let region = ByteRegion::new(&mut memory);
/// let refused = region.alloc(Layout::new::<[u64; 100]>()).unwrap_err();
/// assert_eq!(refused.layout().size(), 800);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    layout: Layout,
    refusal: Refusal,
}

/// How the provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It gave nothing.
    Nothing,
    /// It gave this many bytes, fewer than asked.
    Short(usize),
    /// It gave an address that is not aligned as asked.
    Misaligned(usize),
    /// It was asked for memory at one address and answered with this one.
    Elsewhere(usize),
}

impl OutOfMemory {
    /// Nothing could be given for `layout`: what a [`Provider`](crate::Provider) returns.
    #[must_use]
    pub const fn new(layout: Layout) -> Self {
        Self {
            layout,
            refusal: Refusal::Nothing,
        }
    }

    /// For `len` bytes that are asked for at a known address, so that alignment is none of the
    /// request.
    pub(crate) const fn of_bytes(len: usize) -> Self {
        // No range of memory is longer than what a layout can say.
        match Layout::from_size_align(len, 1) {
            Ok(layout) => Self::new(layout),
            Err(_) => Self::new(Layout::new::<()>()),
        }
    }

    pub(crate) const fn because(layout: Layout, refusal: Refusal) -> Self {
        Self { layout, refusal }
    }

    /// The size and alignment that were asked for, in bytes.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether the provider answered with a chunk that is too small or misaligned (a defect of the
    /// provider; the chunk was given back to it) instead of none.
    #[must_use]
    pub const fn is_wrong_answer(&self) -> bool {
        !matches!(self.refusal, Refusal::Nothing)
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, align) = (self.layout.size(), self.layout.align());
        write!(
            f,
            "out of memory: {size} bytes aligned to {align} were asked for and the provider "
        )?;
        match self.refusal {
            Refusal::Nothing => f.write_str("gave none"),
            Refusal::Short(len) => write!(f, "gave only {len} bytes"),
            Refusal::Misaligned(address) => write!(f, "gave the misaligned address {address:#x}"),
            Refusal::Elsewhere(address) => write!(f, "gave them elsewhere, at {address:#x}"),
        }
    }
}

impl Error for OutOfMemory {}
