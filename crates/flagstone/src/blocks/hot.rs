//! The first tier: what a thread has at hand.
//!
//! Wait-free for its thread, except while another thread takes what is in it: then the thread uses the
//! second tier instead of waiting. A thread that takes from another waits for the end of its current
//! call, a dozen instructions.
#![forbid(unsafe_code)]

use alloc::{boxed::Box, sync::Arc};
use core::{cell::Cell, mem};
use std::thread_local;

use super::{
    budget::{Budget, Charge},
    class::Classes,
    stack::Stack,
};
use crate::{
    raw::{
        region::Storage,
        turn::{Owner, Places},
        wait::Panicked,
    },
    thread,
};

/// A thread's blocks of one class: two magazines, so that a pattern that goes back and forth at the edge
/// of one does not go to the second tier each time.
struct Pair {
    main: Stack,
    spare: Stack,
    /// Blocks of a magazine.
    magazine: u32,
}

/// A thread's free blocks of one allocator. They stay charged.
pub(super) struct Hot {
    pairs: Box<[Pair]>,
    budget: Budget,
    /// The account whose blocks are kept.
    account: u32,
    /// What is in it, and what may be at most.
    bytes: usize,
    most: usize,
    /// How often a block was found.
    hits: u64,
    /// `hits` when somebody looked last for threads that have stopped.
    seen: u64,
    /// The class that makes room next for another.
    hand: usize,
    /// Whose it is: so a thread can use its cache without a look at whether the allocator is still there.
    home: Arc<dyn Home>,
}

impl Hot {
    pub(super) fn new(
        home: Arc<dyn Home>,
        classes: &Classes,
        (budget, account): (Budget, u32),
        most: usize,
    ) -> Self {
        let pairs = classes.iter().map(|class| Pair {
            main: Stack::default(),
            spare: Stack::default(),
            magazine: class.magazine,
        });
        Self {
            pairs: pairs.collect(),
            budget,
            account,
            home,
            bytes: 0,
            most,
            hits: 0,
            seen: 0,
            hand: 0,
        }
    }

    /// A block of that class from the magazine in use.
    #[inline(always)]
    fn pop(&mut self, number: u16) -> Option<Storage> {
        let storage = self.pairs.get_mut(number as usize)?.main.pop()?;
        self.bytes -= storage.len() as usize;
        self.hits += 1;
        Some(storage)
    }

    /// As `pop`, from either magazine.
    fn pop_any(&mut self, number: u16) -> Option<Storage> {
        let pair = self.pairs.get_mut(number as usize)?;
        if pair.main.len() == 0 {
            mem::swap(&mut pair.main, &mut pair.spare);
        }
        self.pop(number)
    }

    /// Whether a free block that is charged to that account may stay here.
    ///
    /// Asked in here: either who waits finds the block in the cache, or it is seen here that somebody does.
    #[inline(always)]
    fn may_keep(&self, account: u32) -> bool {
        account == self.account && !self.budget.is_wanted()
    }

    /// Takes a storage in, if there is room in the magazine in use; whether it did.
    #[inline(always)]
    fn push(&mut self, storage: &mut Option<Storage>) -> bool {
        let Some(inside) = storage else {
            return false;
        };
        let (note, bytes) = (inside.note(), self.bytes + inside.len() as usize);
        if !self.may_keep(note.account) || bytes > self.most {
            return false;
        }
        // Blocks that are alone in their region are of no class.
        let Some(pair) = self.pairs.get_mut(note.class as usize) else {
            return false;
        };
        if pair.main.len() >= pair.magazine {
            return false;
        }
        if let Some(storage) = storage.take() {
            pair.main.push(storage);
        }
        self.bytes = bytes;
        true
    }

    /// As `push`, after making room; the answer is what had to go for that, if something had.
    fn push_any(&mut self, storage: &mut Option<Storage>) -> Option<Stack> {
        let inside = storage.as_ref()?;
        let (account, class) = (inside.note().account, inside.note().class as usize);
        let len = inside.len() as usize;
        if !self.may_keep(account) || class >= self.pairs.len() || len > self.most {
            return None;
        }
        let mut out = None;
        if self.bytes + len > self.most {
            out = self.make_room();
        }
        let pair = &mut self.pairs[class];
        if pair.main.len() >= pair.magazine && (out.is_none() || pair.spare.len() == 0) {
            if pair.spare.len() > 0 {
                self.bytes -= pair.spare.bytes();
                out = Some(pair.spare.take());
            }
            mem::swap(&mut pair.main, &mut pair.spare);
        }
        self.push(storage);
        out
    }

    /// Takes a magazine out, of any class.
    fn make_room(&mut self) -> Option<Stack> {
        let classes = self.pairs.len();
        for _ in 0..classes {
            let pair = &mut self.pairs[self.hand];
            for stack in [&mut pair.spare, &mut pair.main] {
                if stack.len() > 0 {
                    self.bytes -= stack.bytes();
                    return Some(stack.take());
                }
            }
            self.hand = (self.hand + 1) % classes;
        }
        None
    }

    /// Puts a magazine in, if there is room; else it comes back.
    fn refill(&mut self, number: u16, magazine: Stack) -> Option<Stack> {
        let bytes = magazine.bytes();
        let pair = &mut self.pairs[number as usize];
        if self.budget.is_wanted() || pair.main.len() > 0 || self.bytes + bytes > self.most {
            return Some(magazine);
        }
        self.bytes += bytes;
        pair.main = magazine;
        None
    }

    /// Takes everything out, one storage at a time.
    pub(super) fn drain(&mut self, mut take: impl FnMut(Storage)) {
        if self.bytes == 0 {
            return;
        }
        for pair in &mut self.pairs {
            for stack in [&mut pair.main, &mut pair.spare] {
                while let Some(storage) = stack.pop() {
                    take(storage);
                }
            }
        }
        self.bytes = 0;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits
    }

    /// Whether its thread has found nothing in it since this was asked last.
    pub(super) fn rests(&mut self) -> bool {
        mem::replace(&mut self.seen, self.hits) == self.hits
    }
}

/// What nobody emptied, because the system did not let the allocator at its end.
impl Drop for Hot {
    fn drop(&mut self) {
        let bytes = self.bytes;
        if bytes == 0 {
            return;
        }
        let charge = Charge::from_parts(bytes, self.account);
        let panicked = Panicked::of(|| self.budget.release(charge)); // USER CODE
        self.drain(drop); // USER CODE
        panicked.forget();
    }
}

/// Whose the caches are.
pub(super) trait Home: Send + Sync {
    /// The thread of this cache ends.
    fn thread_ends(&self, cache: &Owner<Hot>);
}

thread_local! {
    /// The calling thread's caches by the numbers of their allocators.
    static PLACES: Places<Hot> = const { Places::new() };
    /// Whether the end of the thread empties that.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

/// A block of that class that the thread has at hand, of the allocator with that number and address.
#[inline(always)]
pub(super) fn pop(number: u32, home: usize, class: u16) -> Option<Storage> {
    PLACES.with(|places| places.with(number, home, |hot| hot.pop(class))?)
}

/// As [`pop`], the slow way.
pub(super) fn pop_any(number: u32, home: usize, class: u16) -> Option<Storage> {
    PLACES.with(|places| places.with(number, home, |hot| hot.pop_any(class))?)
}

/// Keeps a storage at hand, in the usual case; else it is still there.
#[inline(always)]
pub(super) fn push(storage: &mut Option<Storage>) {
    let Some(inside) = storage else {
        return;
    };
    let (number, home) = (inside.allocator(), inside.home());
    let _ = PLACES.with(|places| places.with(number, home, |hot| hot.push(storage)));
}

/// As [`push`], the slow way; what had to make room for it.
pub(super) fn push_any(storage: &mut Option<Storage>) -> Option<Stack> {
    let inside = storage.as_ref()?;
    let (number, home) = (inside.allocator(), inside.home());
    PLACES.with(|places| places.with(number, home, |hot| hot.push_any(storage)))?
}

/// Puts a magazine of blocks of a class into the thread's empty cache; it comes back if that cannot be.
pub(super) fn refill(number: u32, home: usize, class: u16, magazine: Stack) -> Option<Stack> {
    let mut magazine = Some(magazine);
    PLACES.with(|places| {
        let _ = places.with(number, home, |hot| {
            if let Some(inside) = magazine.take() {
                magazine = hot.refill(class, inside);
            }
        });
    });
    magazine
}

/// Takes everything out of the thread's cache, one storage at a time.
pub(super) fn drain(number: u32, home: usize, take: impl FnMut(Storage)) {
    let _ = PLACES.with(|places| places.with(number, home, |hot| hot.drain(take)));
}

/// Whether the thread has such a cache.
pub(super) fn has(number: u32, home: usize) -> bool {
    PLACES.with(|places| places.has(number, home))
}

/// Makes sure that the end of the thread empties its caches; `false` when that has come.
pub(super) fn may_enter() -> bool {
    if !ENDS.get() {
        ENDS.set(thread::on_exit(let_all_go).is_ok());
    }
    ENDS.get()
}

/// Enters a cache in the place of what the number stood for before. After [`may_enter`].
pub(super) fn enter(number: u32, cache: Owner<Hot>) {
    if let Some(old) = PLACES.with(|places| places.set(number, cache)) {
        end(&old);
    }
}

/// The thread ends: its blocks go to the other threads.
fn let_all_go() {
    ENDS.set(false);
    PLACES.with(|places| places.clear(|cache| end(&cache)));
}

/// Nobody owns the cache any more. A panic of others' code, which the thread's end must not see, ends here.
fn end(cache: &Owner<Hot>) {
    // Closed, it is empty, or what is in it goes with it.
    if let Some(home) = cache.with_patience(|hot| Arc::clone(&hot.home)) {
        Panicked::of(|| home.thread_ends(cache)).forget(); // USER CODE
    }
}
