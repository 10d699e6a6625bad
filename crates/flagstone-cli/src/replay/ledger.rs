//! Which slots are free, and how many operations are planned on each.

/// Ends a list of slots.
const NONE: u32 = u32::MAX;

/// What the planner writes down about slots.
///
/// A slot that a worker frees may at once be taken by the same worker's next allocation, which
/// keeps the slots in use few and warm. Another worker may take it only from the next window on:
/// otherwise an allocation would have to wait for a free that the recorded program did not wait
/// for. So there are never more slots than the most live objects plus the events of one window.
///
/// The free slots are linked through one array, so no list ever grows.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Operations planned so far on each slot that was ever taken.
    turns: Vec<u32>,
    /// The free slot after each free slot.
    next: Vec<u32>,
    /// First free slot that any worker may take.
    vacant: u32,
    /// First free slot that one worker may take: it freed them in this window.
    own: Vec<u32>,
}

impl Ledger {
    /// A ledger for at most `slots` slots, whose memory is resident.
    pub(super) fn new(slots: usize, workers: usize) -> Self {
        let mut turns = vec![NONE; slots];
        turns.clear();
        Self {
            turns,
            next: vec![NONE; slots],
            vacant: NONE,
            own: vec![NONE; workers],
        }
    }

    /// A slot for an object that `worker` allocates.
    ///
    /// # Panics
    ///
    /// When all slots are taken.
    pub(super) fn take(&mut self, worker: usize) -> u32 {
        for list in [&mut self.own[worker], &mut self.vacant] {
            if *list != NONE {
                let slot = *list;
                *list = self.next[slot as usize];
                return slot;
            }
        }
        let slot = self.turns.len();
        assert!(
            slot < self.next.len(),
            "the survey said that {slot} slots are enough"
        );
        self.turns.push(0);
        u32::try_from(slot).expect("the survey held more than 2^32 live objects in memory")
    }

    /// Takes back the slot of an object that `worker` frees.
    pub(super) fn give(&mut self, worker: usize, slot: u32) {
        self.next[slot as usize] = self.own[worker];
        self.own[worker] = slot;
    }

    /// Lets every worker take what was freed so far.
    pub(super) fn end_window(&mut self) {
        for own in &mut self.own {
            while *own != NONE {
                let slot = *own;
                *own = self.next[slot as usize];
                self.next[slot as usize] = self.vacant;
                self.vacant = slot;
            }
        }
    }

    /// How many operations are planned on `slot` before the one that is planned now.
    pub(super) fn next_turn(&mut self, slot: u32) -> u32 {
        let turn = &mut self.turns[slot as usize];
        let now = *turn;
        *turn = turn.wrapping_add(1);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_slot_is_its_workers_until_the_window_ends() {
        let mut ledger = Ledger::new(3, 2);
        let slot = ledger.take(0);
        ledger.give(0, slot);
        let other = ledger.take(1);
        assert_ne!(other, slot);
        assert_eq!(ledger.take(0), slot, "the same worker may take it at once");
        ledger.give(0, slot);
        ledger.end_window();
        assert_eq!(ledger.take(1), slot, "now everybody may");
    }

    #[test]
    fn turns_go_on_when_a_slot_gets_another_object() {
        let mut ledger = Ledger::new(1, 1);
        let slot = ledger.take(0);
        assert_eq!([ledger.next_turn(slot), ledger.next_turn(slot)], [0, 1]);
        ledger.give(0, slot);
        assert_eq!(ledger.take(0), slot);
        assert_eq!(ledger.next_turn(slot), 2);
    }

    #[test]
    #[should_panic(expected = "slots are enough")]
    fn more_slots_than_surveyed_are_refused() {
        let mut ledger = Ledger::new(1, 1);
        ledger.take(0);
        ledger.take(0);
    }
}
