//! What no slab uses of the regions.
#![forbid(unsafe_code)]

use crate::raw::region::Extent;
use alloc::collections::{BTreeMap, BTreeSet};

/// Where a piece lies: the number of its region, and bytes from its start.
type Place = (u32, u32);

/// How many bytes of a piece may have memory behind them, and where it lies.
pub(super) type Touched = (u32, Place);

/// Free pieces of regions: neighbours are joined, and the smallest that fits is taken, of several the
/// first.
///
/// # Invariants
///
/// 1. Both maps hold the same pieces, the one by place, the other by length.
/// 2. No two of them are neighbours in one region.
#[derive(Default)]
pub(super) struct Runs {
    by_place: BTreeMap<Place, Extent>,
    by_len: BTreeSet<(u32, Place)>,
    bytes: usize,
    touched: usize,
}

impl Runs {
    /// Bytes of all pieces.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many of them may have memory behind them.
    pub(super) fn touched(&self) -> usize {
        self.touched
    }

    /// Bytes of the largest piece.
    pub(super) fn largest(&self) -> usize {
        self.by_len.last().map_or(0, |&(len, _)| len as usize)
    }

    /// How many pieces there are.
    pub(super) fn count(&self) -> usize {
        self.by_len.len()
    }

    /// Takes `len` bytes. O(log pieces).
    pub(super) fn take(&mut self, len: u32) -> Option<Extent> {
        let &(_, place) = self.by_len.range((len, (0, 0))..).next()?;
        let mut piece = self.remove(place)?;
        if let Some(rest) = piece.split_off(len) {
            self.add(rest);
        }
        Some(piece)
    }

    /// Takes a piece in and joins it with its neighbours. O(log pieces).
    pub(super) fn put(&mut self, mut piece: Extent) {
        let region = piece.region().number();
        let (start, end) = (piece.offset(), piece.offset() + piece.len());
        if let Some(next) = self.remove((region, end))
            && let Err(next) = piece.join(next)
        {
            self.add(next);
        }
        let before = self
            .by_place
            .range((region, 0)..(region, start))
            .next_back();
        let before = before.map(|(&place, before)| (place, before.offset() + before.len()));
        if let Some((place, _)) = before.filter(|&(_, end)| end == start)
            && let Some(mut before) = self.remove(place)
        {
            match before.join(piece) {
                Ok(()) => piece = before,
                Err(rest) => {
                    self.add(before);
                    piece = rest;
                }
            }
        }
        self.add(piece);
    }

    /// Takes out the piece with the most memory behind it, if there is one with some that need not
    /// stay; none that would have come before `last`, which is set to its place in that order.
    pub(super) fn take_touched(&mut self, last: &mut Option<Touched>) -> Option<Extent> {
        let pieces = self
            .by_place
            .iter()
            .filter(|(_, piece)| piece.touched() > 0 && !piece.region().is_exported());
        let pieces = pieces.map(|(&place, piece)| (piece.touched(), place));
        let most = pieces
            .filter(|it| last.is_none_or(|last| *it < last))
            .max()?;
        *last = Some(most);
        self.remove(most.1)
    }

    /// Takes out a piece that is a whole region, but for the first of them if it is to be kept, and
    /// for those that are exported.
    pub(super) fn take_region(&mut self, keep_first: bool) -> Option<Extent> {
        let whole = self.by_place.iter().filter(|(_, piece)| piece.is_region());
        let mut whole = whole.filter(|(_, piece)| !piece.region().is_exported());
        let (&place, _) = if keep_first {
            whole.nth(1)
        } else {
            whole.next()
        }?;
        self.remove(place)
    }

    fn add(&mut self, piece: Extent) {
        let place = (piece.region().number(), piece.offset());
        self.bytes += piece.len() as usize;
        self.touched += piece.touched() as usize;
        self.by_len.insert((piece.len(), place));
        self.by_place.insert(place, piece);
    }

    fn remove(&mut self, place: Place) -> Option<Extent> {
        let piece = self.by_place.remove(&place)?;
        self.by_len.remove(&(piece.len(), place));
        self.bytes -= piece.len() as usize;
        self.touched -= piece.touched() as usize;
        Some(piece)
    }
}
