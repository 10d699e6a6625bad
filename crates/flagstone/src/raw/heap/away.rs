//! The pages of free slots, while nobody needs them.

use core::ptr::{self, NonNull};

use super::{bits::runs, span::Span};
use crate::{
    corruption::{Corruption, report},
    layout::span::SLICE,
};

/// A span has at most so many parts of whole pages that can be given back.
const PARTS: usize = 64;

impl Span {
    fn bytes(&self) -> usize {
        self.slices() * SLICE
    }

    fn part(&self) -> usize {
        1 << self.part.get()
    }

    /// Gives the parts of the span back in which every slot is free and was used: their slots leave the list
    /// until [`bring_back`](Self::bring_back). `give_back` gets each run of them, and says whether the pages
    /// are gone. Answers how many bytes are. Pages are of `page` bytes.
    ///
    /// # Safety
    ///
    /// The caller owns the span, and nobody takes slots from it before this returns or unwinds.
    pub(super) unsafe fn give_parts_back(
        &self,
        page: usize,
        mut give_back: impl FnMut(NonNull<u8>, usize) -> bool,
    ) -> usize {
        if self.free.get().is_null() || page > SLICE {
            return 0;
        }
        // The same for all times that the span has slots.
        let part = (self.bytes() / PARTS).max(page);
        self.part.set(part.trailing_zeros() as u8);
        // SAFETY: the caller's promise.
        let gone = unsafe { self.free_parts() } & !self.away.get();
        if gone == 0 {
            return 0;
        }
        self.away.set(self.away.get() | gone);
        // SAFETY: as above.
        unsafe { self.leave_out() };
        let mut given = 0;
        for (first, count) in runs(gone) {
            // SAFETY: within the span.
            let pages = unsafe { NonNull::new_unchecked(self.base()).byte_add(first * part) };
            if give_back(pages, count * part) {
                given += count * part;
            }
        }
        given
    }

    /// The parts in which every slot is free and was used.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    unsafe fn free_parts(&self) -> u64 {
        let (stride, part) = (self.stride.get() as usize, self.part());
        // How many bytes of each part are those of free slots.
        let mut free = [0_usize; PARTS];
        let mut count = |slot| self.each_part(slot, |number, bytes| free[number] += bytes);
        let mut at = self.free.get();
        let mut left = self.slots();
        while !at.is_null() {
            if left == 0 {
                // The list comes back to where it was.
                let address = at.addr();
                report(Corruption::DoubleFree { address });
            }
            left -= 1;
            if self.number(at).is_none() {
                // What stood in a free slot is no link of ours.
                let address = self.base().addr();
                report(Corruption::WrittenWhenFree { address });
            }
            count(at);
            // SAFETY: a free slot of ours.
            at = unsafe { self.link(at) };
        }
        self.each_away(|number| count(self.slot(number)));
        let mut parts = 0;
        let end = self.slots() as usize * stride;
        for (number, &bytes) in free.iter().enumerate() {
            // What is behind the last slot is nobody's.
            let rest = end.saturating_sub(number * part).min(part);
            if rest > 0 && bytes == rest {
                parts |= 1 << number;
            }
        }
        parts
    }

    /// Calls `see` with the number of each slot that is away.
    pub(super) fn each_away(&self, see: impl FnMut(usize)) {
        let away = self.away.get();
        if away == 0 {
            return;
        }
        (0..self.fresh.get() as usize)
            .filter(|&number| self.touches(self.slot(number), away))
            .for_each(see);
    }

    fn slot(&self, number: usize) -> *mut u8 {
        // Within the span, so it does not wrap.
        self.base()
            .wrapping_add(number * self.stride.get() as usize)
    }

    /// Makes the slots of the first part ready that is away; whether there is one.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    pub(super) unsafe fn bring_back(&self) -> bool {
        let (stride, part) = (self.stride.get() as usize, self.part());
        while self.away.get() != 0 {
            let first = self.away.get().trailing_zeros() as usize;
            let away = self.away.get() & !(1 << first);
            self.away.set(away);
            // The slots that touch the part, and none that is away still.
            let (from, to) = (first * part / stride, ((first + 1) * part).div_ceil(stride));
            for number in (from..to.min(self.slots() as usize)).rev() {
                let slot = self.slot(number);
                if !self.touches(slot, away) {
                    // SAFETY: a free slot that is on no list (invariant 1 of spans).
                    unsafe { self.put(slot) };
                }
            }
            if !self.free.get().is_null() {
                return true;
            }
        }
        false
    }

    /// Takes the slots off the list that touch what is away.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    unsafe fn leave_out(&self) {
        let mut at = self.free.replace(ptr::null_mut());
        // Once around turns the list over; the order of free slots means nothing.
        while !at.is_null() {
            // SAFETY: it was on the list.
            let next = unsafe { self.link(at) };
            if !self.touches(at, self.away.get()) {
                // SAFETY: a free slot of ours, on no list.
                unsafe { self.put(at) };
            }
            at = next;
        }
    }

    fn touches(&self, slot: *mut u8, away: u64) -> bool {
        let mut touches = false;
        self.each_part(slot, |number, _| touches |= away & (1 << number) != 0);
        touches
    }

    /// Calls `see` with the parts that a slot touches, and how many bytes of it are there.
    fn each_part(&self, slot: *mut u8, mut see: impl FnMut(usize, usize)) {
        let part = self.part();
        let start = slot.addr() - self.base().addr();
        let end = start + self.stride.get() as usize;
        for number in start / part..end.div_ceil(part) {
            let bytes = end.min((number + 1) * part) - start.max(number * part);
            see(number, bytes);
        }
    }
}
