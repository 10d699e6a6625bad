//! Which sizes blocks have, and how many of each go where.
#![forbid(unsafe_code)]

use alloc::boxed::Box;
use core::alloc::Layout;

use crate::{
    layout::{SizeClasses, align_up},
    raw::region::PAGE,
};

/// What one magazine of a thread's cache holds of small blocks: blocks, and bytes, of which there are fewer if caches are
/// small.
const MAGAZINE: usize = 32;
const MAGAZINE_BYTES: usize = 256 << 10;
const SMALL_MAGAZINE_BYTES: usize = 64 << 10;

/// Bytes of a slab of small blocks, at least.
const SLAB: usize = 64 << 10;
/// Blocks of a slab of larger ones, unless each has a slab of its own.
const FEW: usize = 8;
/// From this size on each does.
const ALONE: usize = 32 << 10;

/// Requests for so many smallest blocks find their class in a table.
const UNITS: usize = 127;

/// One size of blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    /// Bytes of a block.
    pub(super) size: u32,
    /// Blocks that a magazine takes.
    pub(super) magazine: u32,
    /// Bytes of a slab, a multiple of the page.
    pub(super) slab: u32,
}

impl Class {
    fn new(size: usize, magazine: usize) -> Option<Self> {
        let slab = if size >= ALONE {
            size
        } else {
            SLAB.max(FEW * size)
        };
        Some(Self {
            size: u32::try_from(size).ok()?,
            magazine: (magazine / size).clamp(1, MAGAZINE) as u32,
            slab: u32::try_from(align_up(slab, PAGE)?).ok()?,
        })
    }

    /// Blocks of a slab.
    pub(super) fn slots(self) -> u32 {
        self.slab / self.size
    }
}

/// All sizes, smallest first.
#[derive(Debug)]
pub(super) struct Classes {
    spacing: SizeClasses,
    classes: Box<[Class]>,
    /// The classes of sizes that are so many smallest blocks.
    few: [u8; UNITS + 1],
    shift: u32,
    /// Every block is aligned to it.
    least: usize,
}

impl Classes {
    /// Classes from `least` bytes, a power of two, to at least `most`, `steps` for every doubling; `None`
    /// when there are none such. The smallest cache holds `cache` bytes: eight magazines, if they can be so small.
    pub(super) fn new(least: usize, most: usize, steps: usize, cache: usize) -> Option<Self> {
        let spacing = SizeClasses::new(least, steps)?;
        let last = spacing.class_of(most);
        let magazine = (cache / 8).clamp(SMALL_MAGAZINE_BYTES, MAGAZINE_BYTES);
        let classes = (0..=last).map(|class| Class::new(spacing.size_of(class)?, magazine));
        let classes: Option<Box<[_]>> = classes.collect();
        // With the most steps that there are, 64, fewer classes than a byte counts.
        let few = core::array::from_fn(|units| spacing.class_of(units * least) as u8);
        Some(Self {
            few,
            shift: least.trailing_zeros(),
            spacing,
            classes: classes?,
            least,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    /// Bytes of the largest block.
    pub(super) fn most(&self) -> usize {
        self.classes.last().map_or(0, |class| class.size as usize)
    }

    /// The class with that number.
    #[inline(always)]
    pub(super) fn get(&self, number: u16) -> Class {
        self.classes[number as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter()
    }

    /// The smallest class whose blocks have that size and alignment, up to a [`PAGE`].
    #[inline(always)]
    pub(super) fn fit(&self, layout: Layout) -> Option<u16> {
        if layout.align() > self.least {
            return self.fit_aligned(layout);
        }
        let units = (layout.size().wrapping_sub(1) >> self.shift).wrapping_add(1);
        let class = match self.few.get(units) {
            Some(&class) if layout.size() > 0 => class as usize,
            _ => self.spacing.class_of(layout.size()),
        };
        (class < self.classes.len()).then_some(class as u16)
    }

    /// Blocks lie at multiples of their size in slabs that are aligned to pages.
    #[cold]
    fn fit_aligned(&self, layout: Layout) -> Option<u16> {
        if layout.align() > PAGE {
            return None;
        }
        let first = self.spacing.class_of(layout.size().max(layout.align()));
        let mut fitting = (first..self.classes.len())
            .filter(|&class| (self.classes[class].size as usize).is_multiple_of(layout.align()));
        fitting.next().map(|class| class as u16)
    }
}
