//! The second tier: magazines that threads left for each other.
//!
//! A lock for each class, held for a few instructions; nobody else's code runs under it.
#![forbid(unsafe_code)]

use alloc::{boxed::Box, collections::VecDeque};
use core::time::Duration;
use std::time::Instant;

use lock_api::Mutex;

use super::{class::Classes, stack::Stack};
use crate::{
    raw::region::Storage,
    sync::{
        DefaultLock,
        atomic::{AtomicUsize, Ordering},
        default_lock, seeded,
    },
};

/// Magazines of one class, by when they came.
type Shelf = Mutex<DefaultLock, VecDeque<Magazine>>;

struct Magazine {
    stack: Stack,
    came: Instant,
}

/// Free blocks that are at nobody's hand. They stay charged, until they are too many bytes or too old.
pub(super) struct Cold {
    shelves: Box<[Shelf]>,
    bytes: AtomicUsize,
    most: usize,
    age: Duration,
}

impl Cold {
    pub(super) fn new(classes: &Classes, most: usize, age: Duration) -> Self {
        let shelf = |_| Mutex::from_raw(default_lock(), VecDeque::new());
        Self {
            shelves: (0..classes.len()).map(shelf).collect(),
            bytes: AtomicUsize::new(0),
            most,
            age,
        }
    }

    /// Bytes in it, at a moment that may be over.
    pub(super) fn bytes(&self) -> usize {
        // Relaxed, here and below: a number that publishes nothing.
        self.bytes.load(Ordering::Relaxed)
    }

    /// The magazine of that class that came last.
    pub(super) fn pop(&self, class: u16) -> Option<Stack> {
        let mut shelf = self.shelves[class as usize].lock();
        let stack = shelf.pop_back()?.stack;
        self.bytes.fetch_sub(stack.bytes(), Ordering::Relaxed);
        Some(stack)
    }

    /// Takes blocks of one class in, unless they are too many bytes or `refused` says so: then they come
    /// back.
    pub(super) fn push(&self, stack: Stack, refused: impl Fn() -> bool) -> Result<(), Stack> {
        let Some(class) = stack.top().map(|top| top.note().class) else {
            return Ok(());
        };
        let bytes = stack.bytes();
        if bytes > self.most {
            return Err(stack);
        }
        let came = Instant::now();
        let mut shelf = self.shelves[class as usize].lock();
        // Under the lock that `drain` takes: either that finds the blocks, or it is seen here why it was
        // called.
        if refused() && !seeded("blocks: kept although somebody waits") {
            return Err(stack);
        }
        shelf.push_back(Magazine { stack, came });
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// What is too old or too much, a magazine at a time: the oldest of `class` first, then of others.
    pub(super) fn evict(&self, class: u16, now: Instant) -> Option<Stack> {
        let classes = self.shelves.len();
        let over = self.bytes() > self.most;
        let others = if over { classes } else { 1 };
        (0..others).find_map(|other| {
            let mut shelf = self.shelves[(class as usize + other) % classes].lock();
            let oldest = shelf.front()?;
            if !over && now.duration_since(oldest.came) < self.age {
                return None;
            }
            let stack = shelf.pop_front()?.stack;
            self.bytes.fetch_sub(stack.bytes(), Ordering::Relaxed);
            Some(stack)
        })
    }

    /// How long magazines may stay.
    pub(super) fn age(&self) -> Duration {
        self.age
    }

    /// Takes everything out that came before `before`, one storage at a time; whole magazines, until
    /// `goes_on` says that it is enough.
    pub(super) fn drain<T>(
        &self,
        before: Option<Instant>,
        to: &mut T,
        mut take: impl FnMut(&mut T, Storage),
        mut goes_on: impl FnMut(&T) -> bool,
    ) {
        for shelf in &self.shelves {
            while goes_on(to) {
                let mut shelf = shelf.lock();
                let stays = |oldest: &Magazine| before.is_some_and(|before| oldest.came >= before);
                if shelf.front().is_none_or(stays) {
                    break;
                }
                let Some(oldest) = shelf.pop_front() else {
                    break;
                };
                let mut stack = oldest.stack;
                self.bytes.fetch_sub(stack.bytes(), Ordering::Relaxed);
                drop(shelf);
                while let Some(storage) = stack.pop() {
                    take(to, storage);
                }
            }
        }
    }
}
