//! The first tier: what a thread has at hand.
//!
//! Wait-free for its thread, except while another thread takes what is in it: then the thread uses the
//! second tier instead of waiting. A thread that takes from another waits for the end of its current
//! call, a dozen instructions.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{cell::RefCell, mem};
use std::thread_local;

use super::{budget::Budget, class::Classes, region::Storage, stack::Stack};
use crate::raw::turn::Owner;

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
    /// What is in it, and what may be at most.
    bytes: usize,
    most: usize,
    /// How often a block was found.
    hits: u64,
    /// `hits` when somebody looked last for threads that have stopped.
    seen: u64,
    /// The class that makes room next for another.
    hand: usize,
}

impl Hot {
    pub(super) fn new(classes: &Classes, most: usize) -> Self {
        let pairs = classes.iter().map(|class| Pair {
            main: Stack::default(),
            spare: Stack::default(),
            magazine: class.magazine,
        });
        Self {
            pairs: pairs.collect(),
            bytes: 0,
            most,
            hits: 0,
            seen: 0,
            hand: 0,
        }
    }

    #[inline(always)]
    fn pop(&mut self, number: u16) -> Option<Storage> {
        let pair = &mut self.pairs[number as usize];
        let storage = match pair.main.pop() {
            Some(storage) => storage,
            None => {
                mem::swap(&mut pair.main, &mut pair.spare);
                pair.main.pop()?
            }
        };
        self.bytes -= storage.len() as usize;
        self.hits += 1;
        Some(storage)
    }

    /// Takes a storage in, if it can; the answer is a magazine that had to make room, if there is one.
    #[inline(always)]
    fn push(&mut self, storage: &mut Option<Storage>) -> Option<Stack> {
        let inside = storage.as_ref()?;
        let (class, len) = (inside.note().class as usize, inside.len() as usize);
        let mut out = None;
        if self.bytes + len > self.most {
            out = self.make_room();
            if self.bytes + len > self.most {
                return out;
            }
        }
        // Blocks that are alone in their region are of no class.
        let Some(pair) = self.pairs.get_mut(class) else {
            return out;
        };
        if pair.main.len() >= pair.magazine {
            if pair.spare.len() > 0 {
                if out.is_some() {
                    return out;
                }
                self.bytes -= pair.spare.len() as usize * len;
                out = Some(pair.spare.take());
            }
            mem::swap(&mut pair.main, &mut pair.spare);
        }
        pair.main.push(storage.take()?);
        self.bytes += len;
        out
    }

    /// Takes a magazine out, of any class.
    #[cold]
    fn make_room(&mut self) -> Option<Stack> {
        let classes = self.pairs.len();
        for _ in 0..classes {
            let pair = &mut self.pairs[self.hand];
            for stack in [&mut pair.spare, &mut pair.main] {
                if let Some(top) = stack.top() {
                    self.bytes -= top.len() as usize * stack.len() as usize;
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
        if pair.main.len() > 0 || self.bytes + bytes > self.most {
            return Some(magazine);
        }
        self.bytes += bytes;
        pair.main = magazine;
        None
    }

    /// Takes everything out, one storage at a time.
    pub(super) fn drain(&mut self, mut take: impl FnMut(Storage)) {
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

/// Whose the caches are.
pub(super) trait Home: Send + Sync {
    /// The thread of this cache ends.
    fn thread_ends(&self, cache: &Owner<Hot>);
}

/// A thread's cache of one allocator. Keeps what the caches need of it, so that a thread can use its
/// cache without a look at whether the allocator is still there.
pub(super) struct Entry {
    pub(super) home: Arc<dyn Home>,
    pub(super) budget: Budget,
    pub(super) cache: Owner<Hot>,
    /// The account whose blocks are kept.
    pub(super) account: u32,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.home.thread_ends(&self.cache);
    }
}

thread_local! {
    /// The calling thread's caches by the numbers of their allocators.
    static ENTRIES: RefCell<Vec<Option<Entry>>> = const { RefCell::new(Vec::new()) };
}

/// Has `f` look at the calling thread's cache of the allocator with that number, whose address `home`
/// is, if there is one and it can be used.
#[inline(always)]
fn with<R>(number: u32, home: *const (), f: impl FnOnce(&Entry) -> Option<R>) -> Option<R> {
    // Neither can fail but where a thread ends, or where the global allocator uses blocks.
    ENTRIES
        .try_with(|entries| {
            let entries = entries.try_borrow().ok()?;
            let entry = entries.get(number as usize)?.as_ref()?;
            if Arc::as_ptr(&entry.home).cast::<()>() != home {
                return None;
            }
            f(entry)
        })
        .ok()?
}

/// A block of that class that the thread has at hand.
#[inline(always)]
pub(super) fn pop(number: u32, home: *const (), class: u16) -> Option<Storage> {
    with(number, home, |entry| {
        entry.cache.with(|hot| hot.pop(class))?
    })
}

/// Keeps a storage at hand, unless somebody waits for what it is charged for. What has to go elsewhere:
/// the storage, or a magazine that made room for it, or both.
#[inline(always)]
pub(super) fn push(storage: Storage) -> (Option<Storage>, Option<Stack>) {
    let number = storage.allocator();
    let home = Arc::as_ptr(storage.keeper()).cast::<()>();
    let mut storage = Some(storage);
    let out = with(number, home, |entry| {
        if storage.as_ref()?.note().account != entry.account {
            return None;
        }
        entry.cache.with(|hot| {
            // In here: either who waits finds the storage in the cache, or it is seen here that somebody
            // does.
            if entry.budget.is_wanted() {
                return None;
            }
            hot.push(&mut storage)
        })?
    });
    (storage, out)
}

/// Puts a magazine of blocks of a class into the thread's empty cache; it comes back if that cannot be.
pub(super) fn refill(
    number: u32,
    home: *const (),
    class: u16,
    magazine: Stack,
) -> Option<Stack> {
    let mut magazine = Some(magazine);
    let _ = with(number, home, |entry| {
        entry.cache.with(|hot| {
            if !entry.budget.is_wanted()
                && let Some(inside) = magazine.take()
            {
                magazine = hot.refill(class, inside);
            }
        })
    });
    magazine
}

/// Whether the thread has such a cache.
pub(super) fn has(number: u32, home: *const ()) -> bool {
    with(number, home, |_| Some(())).is_some()
}

/// Enters a cache in the place of what the number stood for before; with nothing borrowed when that is
/// dropped. `false` when the thread is past its end.
pub(super) fn enter(number: u32, entry: Entry) -> bool {
    let mut entry = Some(entry);
    let old = ENTRIES.try_with(|entries| {
        let mut room = Vec::new();
        loop {
            let Ok(mut entries) = entries.try_borrow_mut() else {
                return None;
            };
            if entries.len() <= number as usize {
                if room.capacity() <= number as usize {
                    drop(entries);
                    // With nothing borrowed: the allocator may use blocks.
                    room.reserve_exact((number as usize + 1).next_power_of_two().max(8));
                    continue;
                }
                room.append(&mut entries);
                room.resize_with(room.capacity(), || None);
                mem::swap(&mut *entries, &mut room);
            }
            return mem::replace(&mut entries[number as usize], entry.take());
        }
    });
    drop(old);
    entry.is_none()
}
