//! What a thread that ends, threads that put slots back and threads that look for spans do at once, in
//! every interleaving within the stated bound; and the same with a bug planted, which the models must find.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p flagstone --lib heap
//! ```

extern crate std;

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};
use core::ptr::NonNull;

use super::{orphans::Orphans, secret::Secret, span::Span};
use crate::{
    layout::span::{CLASSES, SpanLayout},
    sync::{
        atomic::{AtomicUsize, Ordering},
        model::{UnsafeCell, explore_within, finds, thread},
    },
};

/// Every execution with at most so many switches of a thread that could have gone on.
const PREEMPTIONS: usize = 2;

/// Spans of the largest slots have 8 of them, and may be adopted with 7 in use.
const CLASS: usize = CLASSES - 1;
const SLOTS: usize = 8;

/// One span, and what its store does with it.
struct World {
    orphans: Orphans,
    span: Span,
    released: AtomicUsize,
    /// What loom watches instead of the bytes of a slot.
    bytes: [UnsafeCell<u32>; SLOTS],
    memory: NonNull<[u8]>,
}

// SAFETY: the span is used as its invariants say, which is what is tested; loom watches.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

impl World {
    /// A span that the calling thread owns, with so many slots in use.
    fn new(in_use: usize) -> (Arc<Self>, Vec<Slot>) {
        let layout = SpanLayout::of(CLASS);
        assert_eq!(
            (layout.slots as usize, layout.mark() as usize),
            (SLOTS, SLOTS - 1)
        );
        // Slots may lie anywhere as long as their distances are right; nothing of them is aligned.
        let memory = vec![0_u64; SLOTS * layout.stride as usize / 8];
        let memory = NonNull::from(Box::leak(memory.into_boxed_slice()));
        let bytes = SLOTS * layout.stride as usize;
        let world = Arc::new(Self {
            orphans: Orphans::new(),
            span: Span::new(),
            released: AtomicUsize::new(0),
            bytes: core::array::from_fn(|_| UnsafeCell::new(0)),
            memory: NonNull::slice_from_raw_parts(memory.cast(), bytes),
        });
        world.span.cut(CLASS, memory.cast(), Secret::NONE);
        let slots = (0..in_use).map(|_| {
            // SAFETY: the calling thread owns the span.
            let slot = unsafe {
                assert!(world.span.replenish());
                world.span.pop()
            };
            Slot(NonNull::new(slot).expect("one is ready"))
        });
        let slots = slots.collect();
        (world, slots)
    }

    /// What a user and the heap do with a slot that is another thread's.
    fn put_back(&self, slot: &Slot) {
        let number = (slot.0.as_ptr().addr() - self.span.base().addr()) / self.span.size();
        // SAFETY: the slot is in use, by this thread.
        self.bytes[number].with_mut(|byte| unsafe { *byte += 1 });
        // SAFETY: as above, and it is not used any more.
        if let Some(in_use) = unsafe { self.span.put_back(slot.0) }
            // SAFETY: the span answered so.
            && !unsafe { self.orphans.claimed(&self.span, in_use) }
        {
            self.release();
        }
    }

    /// What an owner that ends does.
    fn leave(&self) {
        // SAFETY: the calling thread owns the span, which is on no list.
        unsafe {
            self.span.collect();
            let kept = self.span.slots() - self.span.in_use();
            if self.span.in_use() > 0 && self.orphans.give_up(&self.span, kept) {
                return;
            }
        }
        self.release();
    }

    /// What a thread that needs a span does; whether it has one.
    fn adopt(&self) -> bool {
        let Some(span) = self.orphans.adopt(CLASS) else {
            return false;
        };
        // SAFETY: adopted.
        unsafe { span.as_ref().collect() };
        true
    }

    /// The slices are somebody else's from now on, who writes to them.
    fn release(&self) {
        for byte in &self.bytes {
            // SAFETY: nobody has a slot any more, which is what is tested.
            byte.with_mut(|byte| unsafe { *byte += 1 });
        }
        assert_eq!(
            self.released.fetch_add(1, Ordering::Relaxed),
            0,
            "released once"
        );
    }

    fn released(&self) -> bool {
        self.released.load(Ordering::Relaxed) == 1
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let words = NonNull::slice_from_raw_parts(self.memory.cast::<u64>(), self.memory.len() / 8);
        // SAFETY: leaked by `new`.
        drop(unsafe { Box::from_raw(words.as_ptr()) });
    }
}

struct Slot(NonNull<u8>);

// SAFETY: whoever has it may use it.
unsafe impl Send for Slot {}

/// The owner ends while the last two slots come back.
fn the_last_slot_of_a_thread_that_ended() {
    let (world, slots) = World::new(2);
    let putters: Vec<_> = slots
        .into_iter()
        .map(|slot| {
            let world = world.clone();
            thread::spawn(move || world.put_back(&slot))
        })
        .collect();
    world.leave();
    for putter in putters {
        putter.join().unwrap();
    }
    assert!(world.released(), "nothing is lost");
    assert!(!world.adopt(), "nor had twice");
}

/// Slots come back to a thread that goes on.
fn slots_come_back_to_their_owner() {
    let (world, slots) = World::new(2);
    let putters: Vec<_> = slots
        .into_iter()
        .map(|slot| {
            let world = world.clone();
            thread::spawn(move || world.put_back(&slot))
        })
        .collect();
    // SAFETY: this thread owns the span.
    unsafe { world.span.collect() };
    if world.span.in_use() == 0 {
        world.release();
    }
    for putter in putters {
        putter.join().unwrap();
    }
}

/// The last slot comes back while a thread looks for a span.
fn adopted_or_released() {
    let (world, slots) = World::new(1);
    world.leave();
    let putter = {
        let world = world.clone();
        thread::spawn(move || world.put_back(&slots[0]))
    };
    let adopted = world.adopt();
    putter.join().unwrap();
    assert_ne!(adopted, world.released(), "one of the two");
    if adopted {
        // SAFETY: adopted.
        unsafe { world.span.collect() };
        assert_eq!(world.span.in_use(), 0);
        world.release();
    }
    assert_eq!(world.orphans.count(CLASS), 0, "its list is told of it");
}

/// Two slots of a full span come back while a thread looks for one.
fn a_full_span_is_found_again() {
    let (world, mut slots) = World::new(SLOTS);
    world.leave();
    let putters: Vec<_> = slots
        .drain(..2)
        .map(|slot| {
            let world = world.clone();
            thread::spawn(move || world.put_back(&slot))
        })
        .collect();
    let adopted = world.adopt();
    for putter in putters {
        putter.join().unwrap();
    }
    assert!(adopted || world.adopt(), "an eighth is free");
    // SAFETY: adopted.
    unsafe { world.span.collect() };
    assert_eq!(world.span.in_use() as usize, SLOTS - 2);
    assert!(!world.released() && !world.adopt());
}

#[test]
fn a_span_is_released_once_by_whoever_puts_its_last_slot_back() {
    explore_within(PREEMPTIONS, the_last_slot_of_a_thread_that_ended);
}

#[test]
fn an_owner_has_what_came_back() {
    explore_within(PREEMPTIONS, slots_come_back_to_their_owner);
}

#[test]
fn a_span_is_adopted_or_released() {
    explore_within(PREEMPTIONS, adopted_or_released);
}

#[test]
fn a_full_span_can_be_adopted_when_slots_came_back() {
    explore_within(PREEMPTIONS, a_full_span_is_found_again);
}

#[test]
fn bugs_are_found() {
    finds(
        "slots come back relaxed",
        the_last_slot_of_a_thread_that_ended,
    );
    finds(
        "a span without slots in use is left",
        the_last_slot_of_a_thread_that_ended,
    );
    finds("a claimed span stays listed", adopted_or_released);
    finds(
        "lists are collected relaxed",
        slots_come_back_to_their_owner,
    );
}
