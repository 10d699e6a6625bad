//! Which slots of a span are in use, for who only looks.

use super::span::Span;
use crate::{
    corruption::{Corruption, report},
    layout::span::SpanLayout,
};

impl Span {
    /// How many slots are in use; those that others gave back are not, whether the owner knows or not. Anybody
    /// may ask; while others allocate and free, it is about so many.
    pub(super) fn blocks(&self) -> u32 {
        let slots = SpanLayout::of(self.class()).slots;
        let said = self.word().look();
        let blocks = if said.is_owned() {
            let came_back = slots.saturating_sub(said.out());
            self.in_use().saturating_sub(came_back)
        } else {
            said.out()
        };
        blocks.min(slots)
    }

    /// Calls `see` with the number of each slot that is not in use, in no order, once each. What others put back
    /// meanwhile may be among them or not. Changes nothing.
    ///
    /// # Safety
    ///
    /// The caller owns the span.
    pub(super) unsafe fn each_unused(&self, mut see: impl FnMut(usize)) {
        let stride = self.stride.get() as usize;
        let base = self.base.get();
        let number = |slot: *mut u8| (slot.addr() - base.addr()) / stride;
        // On the owner's list (invariant 1).
        let mut at = self.free.get();
        let mut left = self.slots();
        while !at.is_null() {
            if left == 0 || self.number(at).is_none() {
                // The list comes back to where it was, or what stood in a free slot is no link of ours.
                let address = base.addr();
                report(Corruption::WrittenWhenFree { address });
            }
            left -= 1;
            see(number(at));
            // SAFETY: a free slot of ours.
            at = unsafe { self.link(at) };
        }
        // On the list of the word. Others only push to it, so what lies behind the head stays.
        let said = self.word().look();
        let mut at = self.named(said.head());
        for _ in 0..self.slots().saturating_sub(said.out()) {
            if self.number(at).is_none() {
                // What stands in a free slot is no link of ours.
                let address = base.addr();
                report(Corruption::WrittenWhenFree { address });
            }
            see(number(at));
            // SAFETY: a slot that came back.
            at = unsafe { self.link(at) };
        }
        // Of parts that are away.
        self.each_away(&mut see);
        // Never handed out.
        (self.fresh.get() as usize..self.slots() as usize).for_each(see);
    }
}
