//! How a frame is left, in one word per code address, and the table of those words.

use core::sync::atomic::{AtomicU64, Ordering};

use super::cfi;

/// How the registers of a caller are found. The return address is below `base + offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) base: Base,
    /// Bytes; subtracted for [`Base::SavedAt`].
    pub(crate) offset: usize,
    pub(crate) saved: Saved,
}

/// From where the place above the frame is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// The stack pointer.
    Stack,
    /// The frame pointer.
    Frame,
    /// What is in memory that far below the frame pointer (functions that align their stack).
    SavedAt,
}

/// Where the caller's frame pointer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// It was not touched.
    Kept,
    /// That many bytes below the place above the frame.
    Below(usize),
    /// Where the frame pointer points.
    AtFrame,
}

/// Bits of a packed rule: base (0 is none), what was saved, offset and distance in words.
const BASE_BITS: u32 = 2;
const SAVED_BITS: u32 = 2;
const OFFSET_BITS: u32 = 15;
const DISTANCE_BITS: u32 = 12;
const RULE_BITS: u32 = BASE_BITS + SAVED_BITS + OFFSET_BITS + DISTANCE_BITS;
const WORD: usize = size_of::<usize>();

/// Entries of the table. An address has 47 bits: those that the index leaves out and a rule fill a
/// word, so entries are read and written whole.
const TABLE_BITS: u32 = 14;
const _: () = assert!(47 - TABLE_BITS + RULE_BITS == 64);

/// Rules by the low bits of the address. The others and the rule are in the entry; the address 0
/// has no rule, so zeroed memory is an empty table. After a module was unloaded its rules stay, and
/// may be taken for those of another one at the same address.
static TABLE: [AtomicU64; 1 << TABLE_BITS] = [const { AtomicU64::new(0) }; 1 << TABLE_BITS];

/// The rule for the function at `address`; `None` where the stack ends or nothing is known.
#[inline]
pub(crate) fn rule_at(address: u64) -> Option<Rule> {
    let entry = &TABLE[(address & ((1 << TABLE_BITS) - 1)) as usize];
    // Relaxed: an entry is one word that means the same whoever wrote it.
    let known = entry.load(Ordering::Relaxed);
    if known >> RULE_BITS == address >> TABLE_BITS && known != 0 {
        return Rule::unpack(known);
    }
    learn(entry, address)
}

#[cold]
fn learn(entry: &AtomicU64, address: u64) -> Option<Rule> {
    let rule = cfi::rule_at(address);
    if address >> 47 == 0 {
        let packed = match rule {
            Some(rule) => rule.pack(),
            None => Some(0),
        };
        if let Some(packed) = packed {
            entry.store(
                (address >> TABLE_BITS) << RULE_BITS | packed,
                Ordering::Relaxed,
            );
        }
    }
    rule
}

impl Rule {
    /// `None` for a rule with numbers that do not fit.
    fn pack(self) -> Option<u64> {
        let words = |bytes: usize, bits: u32| {
            let words = bytes / WORD;
            (bytes.is_multiple_of(WORD) && words >> bits == 0).then_some(words as u64)
        };
        let base = match self.base {
            Base::Stack => 1,
            Base::Frame => 2,
            Base::SavedAt => 3,
        };
        let (saved, distance) = match self.saved {
            Saved::Kept => (0, 0),
            Saved::Below(distance) => (1, words(distance, DISTANCE_BITS)?),
            Saved::AtFrame => (2, 0),
        };
        let offset = words(self.offset, OFFSET_BITS)?;
        Some(((distance << OFFSET_BITS | offset) << SAVED_BITS | saved) << BASE_BITS | base)
    }

    #[inline]
    fn unpack(packed: u64) -> Option<Self> {
        let field = |shift: u32, bits: u32| (packed >> shift & ((1 << bits) - 1)) as usize;
        let base = match field(0, BASE_BITS) {
            0 => return None,
            1 => Base::Stack,
            2 => Base::Frame,
            _ => Base::SavedAt,
        };
        let distance = field(BASE_BITS + SAVED_BITS + OFFSET_BITS, DISTANCE_BITS) * WORD;
        let saved = match field(BASE_BITS, SAVED_BITS) {
            0 => Saved::Kept,
            1 => Saved::Below(distance),
            _ => Saved::AtFrame,
        };
        let offset = field(BASE_BITS + SAVED_BITS, OFFSET_BITS) * WORD;
        Some(Self {
            base,
            offset,
            saved,
        })
    }
}
