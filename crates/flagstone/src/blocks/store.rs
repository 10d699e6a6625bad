//! The third tier: slabs of blocks, and the regions they lie in.
//!
//! One lock around all of it; nobody else's code runs under it, the provider's neither. A block is taken
//! and put in constant time, but for slabs that come and go, which is O(log pieces).
#![forbid(unsafe_code)]

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use super::{
    class::Classes,
    runs::{Runs, Touched},
    stack::Stack,
};
use crate::raw::region::{Extent, Note, Region, Run, Storage};

/// No slab.
const NONE: u32 = u32::MAX;

/// Shelves of a class: empty slabs, seven eighths, full.
const SHELVES: usize = 9;
const EMPTY: usize = 0;
const FULL: usize = SHELVES - 1;

/// A piece of a region, cut into blocks of one class.
struct Slab {
    class: u16,
    run: Run,
    /// Blocks that were carved and came back.
    free: Stack,
    /// Blocks that are not here.
    out: u32,
    shelf: usize,
    next: u32,
    previous: u32,
}

/// The slabs of a class, by how full they are.
#[derive(Clone)]
struct Shelves {
    first: [u32; SHELVES],
    /// Slabs on the shelf of empty ones.
    empty: u32,
}

/// All memory that no thread and no cache has.
///
/// # Invariants
///
/// 1. A slab is on the shelf of its class that says how full it is.
/// 2. `out_bytes` are those of the blocks that are not here, `slab_touched` those carved in slabs,
///    `idle_bytes` those carved in empty slabs.
pub(super) struct Store {
    classes: Arc<Classes>,
    shelves: Box<[Shelves]>,
    slabs: Vec<Option<Slab>>,
    /// Numbers without a slab.
    numbers: Vec<u32>,
    runs: Runs,
    regions: Vec<Option<Arc<Region>>>,
    out_bytes: usize,
    slab_touched: usize,
    idle_bytes: usize,
    ended: bool,
    /// Pieces and regions that are on their way to the provider or from it.
    moving: usize,
}

/// Bytes, as the store counts them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Of blocks that are not in the store.
    pub(super) out: usize,
    /// That may have memory behind them.
    pub(super) resident: usize,
    /// Of these, in pieces that no slab uses and in empty slabs.
    pub(super) idle: usize,
    /// Of these, in free blocks of slabs that are in use.
    pub(super) free: usize,
    /// Of all regions.
    pub(super) mapped: usize,
    /// In pieces that no slab uses.
    pub(super) unused: usize,
    /// The largest of those pieces.
    pub(super) largest: usize,
    /// How many pieces there are.
    pub(super) pieces: usize,
    /// Slabs.
    pub(super) slabs: usize,
    /// Regions.
    pub(super) regions: usize,
}

impl Store {
    pub(super) fn new(classes: Arc<Classes>) -> Self {
        let shelves = Shelves {
            first: [NONE; SHELVES],
            empty: 0,
        };
        Self {
            shelves: (0..classes.len()).map(|_| shelves.clone()).collect(),
            classes,
            slabs: Vec::new(),
            numbers: Vec::new(),
            runs: Runs::default(),
            regions: Vec::new(),
            out_bytes: 0,
            slab_touched: 0,
            idle_bytes: 0,
            ended: false,
            moving: 0,
        }
    }

    /// A block of that class from the fullest slab that has one; from a new slab if none has. `None` when
    /// there is no piece of a region for that.
    pub(super) fn take(&mut self, class: u16, account: u32) -> Option<Storage> {
        let shelves = &self.shelves[class as usize].first;
        let place = (EMPTY..FULL).rev().map(|shelf| shelves[shelf]);
        let number = match place.into_iter().find(|&first| first != NONE) {
            Some(number) => number,
            None => self.add_slab(class)?,
        };
        let slab = self.slabs[number as usize].as_mut()?;
        let size = self.classes.get(class).size;
        if slab.out == 0 {
            self.idle_bytes -= slab.run.carved() as usize;
        }
        let storage = match slab.free.pop() {
            Some(mut storage) => {
                storage.set_account(account);
                storage
            }
            None => {
                let note = Note {
                    slab: number,
                    account,
                    class,
                };
                let storage = slab.run.carve(size, note)?;
                self.slab_touched += size as usize;
                storage
            }
        };
        slab.out += 1;
        self.out_bytes += size as usize;
        self.reshelve(number);
        Some(storage)
    }

    /// Takes a block back; at the end it comes back, to be dropped with nothing locked. An empty slab more
    /// than one of its class is taken apart.
    pub(super) fn put(&mut self, storage: Storage) -> Option<Storage> {
        if self.ended {
            return Some(storage);
        }
        let Note {
            slab: number,
            class,
            ..
        } = storage.note();
        let len = storage.len() as usize;
        let Some(slab) = self.slabs.get_mut(number as usize).and_then(Option::as_mut) else {
            debug_assert!(false, "a block of no slab");
            return Some(storage);
        };
        slab.free.push(storage);
        slab.out -= 1;
        self.out_bytes -= len;
        if slab.out == 0 {
            self.idle_bytes += slab.run.carved() as usize;
        }
        self.reshelve(number);
        if self.shelves[class as usize].empty > 1 {
            self.remove_slab(number);
        }
        None
    }

    /// Takes all empty slabs apart.
    pub(super) fn dissolve(&mut self) {
        for class in 0..self.shelves.len() {
            while self.shelves[class].first[EMPTY] != NONE {
                self.remove_slab(self.shelves[class].first[EMPTY]);
            }
        }
    }

    /// A number for a region that is about to come; until [`end_move`](Self::end_move) it is on its way.
    pub(super) fn region_number(&mut self) -> u32 {
        self.moving += 1;
        match self.regions.iter().position(Option::is_none) {
            Some(number) => number as u32,
            None => {
                self.regions.push(None);
                self.regions.len() as u32 - 1
            }
        }
    }

    /// Takes a new region in, or it comes back: if its number went to another, and at the end.
    pub(super) fn add_region(&mut self, region: Extent) -> Result<(), Extent> {
        if self.ended {
            return Err(region);
        }
        let place = &mut self.regions[region.region().number() as usize];
        if place.is_some() {
            return Err(region);
        }
        *place = Some(Arc::clone(region.region()));
        self.runs.put(region);
        Ok(())
    }

    /// Takes out a region that nothing is in, to be dropped with nothing locked; until
    /// [`end_move`](Self::end_move) it is on its way.
    pub(super) fn take_region(
        &mut self,
        keep_first: bool,
    ) -> Option<(Extent, Option<Arc<Region>>)> {
        let region = self.runs.take_region(keep_first)?;
        let place = &mut self.regions[region.region().number() as usize];
        let share = place.take();
        self.moving += 1;
        Some((region, share))
    }

    /// Takes out a piece that may have memory behind it and comes after `last`, to be purged with nothing
    /// locked; until [`end_move`](Self::end_move) it is on its way.
    pub(super) fn take_touched(&mut self, last: &mut Option<Touched>) -> Option<Extent> {
        let piece = self.runs.take_touched(last)?;
        self.moving += 1;
        Some(piece)
    }

    /// Something is not on its way any more, and back if it is a piece; at the end that is returned, to be
    /// dropped with nothing locked.
    pub(super) fn end_move(&mut self, piece: Option<Extent>) -> Option<Extent> {
        self.moving -= 1;
        if self.ended {
            return piece;
        }
        if let Some(piece) = piece {
            self.runs.put(piece);
        }
        None
    }

    /// Shares of all regions, which are exported from now on.
    pub(super) fn export(&self) -> Vec<Arc<Region>> {
        let regions = self.regions.iter().flatten();
        regions.inspect(|region| region.export()).cloned().collect()
    }

    /// Whether all regions are exported, so that nothing can go.
    pub(super) fn is_exported(&self) -> bool {
        self.regions.iter().flatten().all(|it| it.is_exported())
    }

    /// Whether memory is on its way to the provider or from it.
    pub(super) fn is_moving(&self) -> bool {
        self.moving > 0
    }

    /// Takes everything out, to be dropped with nothing locked.
    pub(super) fn end(&mut self) -> Self {
        let mut new = Self::new(Arc::clone(&self.classes));
        new.ended = true;
        // They come back to what is here then.
        new.moving = core::mem::take(&mut self.moving);
        core::mem::replace(self, new)
    }

    /// Counts everything once more, by looking at it; what is not as it should be, in a word. O(slabs).
    pub(super) fn validate(&self) -> Result<(), &'static str> {
        let (mut out, mut touched, mut idle, mut slab_bytes) = (0, 0, 0, 0);
        let mut free = 0;
        let mut shelved = 0;
        for slab in self.slabs.iter().flatten() {
            let class = self.classes.get(slab.class);
            let (size, carved) = (class.size as usize, slab.run.carved() as usize);
            if carved != (slab.out + slab.free.len()) as usize * size {
                return Err("blocks of a slab");
            }
            if slab.shelf != shelf(slab.out, class.slots()) {
                return Err("the shelf of a slab");
            }
            out += slab.out as usize * size;
            touched += carved;
            if slab.out == 0 {
                idle += carved;
            } else {
                free += slab.free.len() as usize * size;
            }
            slab_bytes += class.slab as usize;
        }
        for shelves in &self.shelves {
            for &first in &shelves.first {
                let mut at = first;
                while let Some(Some(slab)) = self.slabs.get(at as usize) {
                    shelved += 1;
                    at = slab.next;
                }
            }
        }
        let count = self.count();
        let checks = [
            (out == self.out_bytes, "bytes of blocks that are out"),
            (touched == self.slab_touched, "bytes carved"),
            (idle == self.idle_bytes, "bytes of empty slabs"),
            (free == count.free, "bytes of free blocks"),
            (shelved == count.slabs, "slabs on shelves"),
            (
                slab_bytes + count.unused == count.mapped,
                "bytes of regions",
            ),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, what)) => Err(what),
            None => Ok(()),
        }
    }

    pub(super) fn count(&self) -> Count {
        let regions = self.regions.iter().flatten();
        Count {
            out: self.out_bytes,
            resident: self.slab_touched + self.runs.touched(),
            idle: self.idle(),
            free: self.slab_touched - self.idle_bytes - self.out_bytes,
            mapped: regions.clone().map(|region| region.len()).sum(),
            unused: self.runs.bytes(),
            largest: self.runs.largest(),
            pieces: self.runs.count(),
            slabs: self.slabs.len() - self.numbers.len(),
            regions: regions.count(),
        }
    }

    /// Bytes that nothing is in and that may have memory behind them: in empty slabs and in no slab.
    pub(super) fn idle(&self) -> usize {
        self.idle_bytes + self.runs.touched()
    }

    fn add_slab(&mut self, class: u16) -> Option<u32> {
        let len = self.classes.get(class).slab;
        let piece = self.runs.take(len).or_else(|| {
            // Empty slabs of other sizes may lie in the way.
            self.dissolve();
            self.runs.take(len)
        })?;
        let slab = Slab {
            class,
            run: Run::new(piece),
            free: Stack::default(),
            out: 0,
            shelf: EMPTY,
            next: NONE,
            previous: NONE,
        };
        let number = match self.numbers.pop() {
            Some(number) => number,
            None => {
                self.slabs.push(None);
                self.slabs.len() as u32 - 1
            }
        };
        self.slabs[number as usize] = Some(slab);
        self.link(number);
        Some(number)
    }

    /// Makes a free piece of an empty slab.
    fn remove_slab(&mut self, number: u32) {
        self.unlink(number);
        let Some(slab) = self.slabs[number as usize].take() else {
            return;
        };
        self.numbers.push(number);
        let Slab {
            mut run, mut free, ..
        } = slab;
        self.idle_bytes -= run.carved() as usize;
        self.slab_touched -= run.carved() as usize;
        while let Some(storage) = free.pop() {
            let retired = run.retire(storage);
            debug_assert!(retired.is_ok(), "a block of another slab");
        }
        let finished = run.finish();
        debug_assert!(
            finished.is_ok(),
            "a slab is taken apart when all blocks are back"
        );
        if let Ok(piece) = finished {
            self.runs.put(piece);
        }
    }

    /// Puts a slab whose blocks changed onto the shelf it belongs to.
    fn reshelve(&mut self, number: u32) {
        let Some(slab) = &self.slabs[number as usize] else {
            return;
        };
        let slots = self.classes.get(slab.class).slots();
        let shelf = shelf(slab.out, slots);
        if shelf != slab.shelf {
            self.unlink(number);
            if let Some(slab) = &mut self.slabs[number as usize] {
                slab.shelf = shelf;
            }
            self.link(number);
        }
    }

    fn link(&mut self, number: u32) {
        let Some(slab) = &mut self.slabs[number as usize] else {
            return;
        };
        let shelves = &mut self.shelves[slab.class as usize];
        shelves.empty += u32::from(slab.shelf == EMPTY);
        let first = core::mem::replace(&mut shelves.first[slab.shelf], number);
        (slab.next, slab.previous) = (first, NONE);
        if let Some(Some(first)) = self.slabs.get_mut(first as usize) {
            first.previous = number;
        }
    }

    fn unlink(&mut self, number: u32) {
        let Some(slab) = &self.slabs[number as usize] else {
            return;
        };
        let (next, previous) = (slab.next, slab.previous);
        let shelves = &mut self.shelves[slab.class as usize];
        shelves.empty -= u32::from(slab.shelf == EMPTY);
        if previous == NONE {
            shelves.first[slab.shelf] = next;
        } else if let Some(Some(previous)) = self.slabs.get_mut(previous as usize) {
            previous.next = next;
        }
        if let Some(Some(next)) = self.slabs.get_mut(next as usize) {
            next.previous = previous;
        }
    }
}

/// The shelf for a slab of which `out` of `slots` blocks are out.
fn shelf(out: u32, slots: u32) -> usize {
    match out {
        0 => EMPTY,
        out if out >= slots => FULL,
        out => 1 + (out as usize * (FULL - 1)) / slots as usize,
    }
}
