//! What is done to an arena and its naive version.

use std::alloc::Layout;

/// A call, or the start or end of a part of an arena's life.
///
/// Any four bytes are one, so programs are random bytes to a fuzzer as they are to proptest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArenaOp {
    /// Place a value of one of some types.
    Value(u8),
    /// The same, made in place.
    Made(u8),
    /// Place a slice, in one of the ways.
    Slice(u8, usize),
    /// Place what an iterator gives, which says that it has so many more or fewer, and places
    /// something itself in the middle.
    Iterate {
        /// Elements.
        len: usize,
        /// What it says.
        hint: usize,
        /// After how many elements it uses the arena.
        nested: usize,
    },
    /// Place a string, formatted or not.
    Text(bool, usize),
    /// Place zeroed bytes.
    Zeroed(usize),
    /// Get a block.
    Block(Layout),
    /// Place a value that the arena drops.
    Kept(u8),
    /// Place a value that its box drops.
    Boxed(u8),
    /// Make one of the blocks larger, if it is smaller than that.
    Grow(usize, Layout, bool),
    /// Make one of the blocks smaller, if it is larger than that.
    Shrink(usize, Layout),
    /// Give one of the blocks back.
    Free(usize),
    /// Open a scope.
    Scope,
    /// Take a checkpoint, to which the next `Close` goes back.
    Checkpoint,
    /// Close the newest of these; at the outermost level, reset. At the so-manieth destructor it
    /// panics, with 0 at none.
    Close(usize),
    /// Give memory back, if no scope is open.
    ShrinkTo(usize),
    /// Set the limit to so much more than is reserved, or take it away.
    Limit(Option<usize>),
    /// The provider refuses one of the next requests.
    Refuse(usize),
}

impl ArenaOp {
    /// The call that four bytes stand for.
    #[must_use]
    pub fn decode([kind, a, b, c]: [u8; 4]) -> Self {
        let pick = usize::from(a);
        match kind % 32 {
            0..=4 => Self::Value(a),
            5 => Self::Made(a),
            6..=7 => Self::Slice(c, length(a, b)),
            8 => Self::Iterate {
                len: usize::from(b),
                hint: hint(a),
                nested: usize::from(c),
            },
            9 => Self::Text(false, length(a, b)),
            10 => Self::Text(true, usize::from(b)),
            11 => Self::Zeroed(length(a, b)),
            12..=14 => Self::Block(layout(a, b, c)),
            15 => Self::Kept(a),
            16 => Self::Boxed(a),
            17..=19 => Self::Grow(pick, layout(b, c, b), kind >= 128),
            20..=21 => Self::Shrink(pick, layout(b, c, c)),
            22..=23 => Self::Free(pick),
            24..=25 => Self::Scope,
            26 => Self::Checkpoint,
            27..=28 => Self::Close(usize::from(c % 8)),
            29 => Self::ShrinkTo(length(a, b)),
            30 => Self::Limit((a >= 64).then_some(length(a, b))),
            _ => Self::Refuse(usize::from(1 + a % 4)),
        }
    }

    /// The program that `bytes` stand for.
    #[must_use]
    pub fn program(bytes: &[u8]) -> Vec<Self> {
        let (ops, _rest) = bytes.as_chunks();
        ops.iter().map(|&op| Self::decode(op)).collect()
    }
}

/// Mostly small.
fn length(a: u8, b: u8) -> usize {
    let b = usize::from(b);
    match a % 8 {
        0..=4 => b,
        5 | 6 => b * 37,
        _ => b * 1021,
    }
}

/// Aligned to 1 … 4096.
fn layout(a: u8, b: u8, c: u8) -> Layout {
    let align = 1 << (c % 13);
    Layout::from_size_align(length(a, b), align).unwrap_or(Layout::new::<u8>())
}

/// The truth is below 256.
fn hint(a: u8) -> usize {
    match a {
        0..=239 => usize::from(a),
        240..=247 => usize::MAX,
        _ => isize::MAX as usize,
    }
}
