//! Flagstone's own arenas.

use std::{alloc::Layout, ptr::NonNull, sync::Mutex};

use flagstone::{Arena, SyncArena, arena::LockArena, provider::Global, sync::SpinLock};

use super::bumper::{Bumper, Collections, Rooms, Texts, TryNumbers, Values, WINDOW, drive};
use crate::{
    contender::{Role, exhausted},
    threads::Shared,
};

/// `flagstone::Arena`.
pub(crate) struct OurArena(Arena);

impl Bumper for OurArena {
    const NAME: &'static str = "flagstone::Arena";
    const ROLE: Role = Role::Ours;

    fn fresh(_: usize) -> Self {
        Self(Arena::new())
    }

    #[inline(always)]
    fn reset(&mut self) {
        self.0.reset();
    }
}

impl Values for OurArena {
    #[inline(always)]
    fn value<T: Copy + 'static>(&self, value: T) -> NonNull<T> {
        self.0.alloc(value).into()
    }
}

impl TryNumbers for OurArena {
    #[inline(always)]
    fn try_number(&self, number: u64) -> Option<NonNull<u64>> {
        self.0.try_alloc(number).ok().map(NonNull::from)
    }
}

impl Texts for OurArena {
    #[inline(always)]
    fn text(&self, text: &str) -> NonNull<u8> {
        NonNull::from(self.0.alloc_str(text)).cast()
    }
}

impl Rooms for OurArena {
    #[inline(always)]
    fn room(&self, layout: Layout) -> NonNull<u8> {
        self.0.alloc_layout(layout)
    }
}

impl Collections for OurArena {
    type Allocator<'a> = &'a Arena;

    #[inline(always)]
    fn allocator(&self) -> &Arena {
        &self.0
    }
}

/// An `Arena` per thread, which is what sharing is compared with.
pub(crate) struct ArenaPerThread(Vec<Mutex<Arena>>);

impl Shared for ArenaPerThread {
    const NAME: &'static str = "flagstone::Arena";
    const ROLE: Role = Role::Ours;
    const WINDOW: u64 = WINDOW;

    fn for_threads(threads: usize) -> Self {
        Self((0..threads).map(|_| Mutex::new(Arena::new())).collect())
    }

    fn work(&self, thread: usize, count: u64) {
        let arena = self.0[thread].lock().unwrap_or_else(|_| exhausted());
        let arena: &Arena = &arena;
        drive(arena, count, |arena, number| arena.alloc(number).into());
    }

    fn reset(&mut self) {
        for arena in &mut self.0 {
            arena.get_mut().unwrap_or_else(|_| exhausted()).reset();
        }
    }
}

/// `flagstone::SyncArena`, used by all threads directly, or through a local part of each.
pub(crate) struct OurSync<const LOCAL: bool>(SyncArena);

impl<const LOCAL: bool> Shared for OurSync<LOCAL> {
    const NAME: &'static str = if LOCAL {
        "flagstone::SyncArena::local"
    } else {
        "flagstone::SyncArena"
    };
    const ROLE: Role = Role::Ours;
    const WINDOW: u64 = WINDOW;

    fn for_threads(_: usize) -> Self {
        Self(SyncArena::new())
    }

    fn work(&self, _: usize, count: u64) {
        if LOCAL {
            let local = self.0.local();
            drive(&local, count, |local, number| local.alloc(number).into());
        } else {
            drive(&self.0, count, |arena, number| arena.alloc(number).into());
        }
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// `flagstone::LockArena` on a `SpinLock`: for targets without threads to speak of.
pub(crate) struct OurLock(LockArena<SpinLock>);

impl Shared for OurLock {
    const NAME: &'static str = "flagstone::LockArena";
    const ROLE: Role = Role::Ours;
    const WINDOW: u64 = WINDOW;

    fn for_threads(_: usize) -> Self {
        Self(LockArena::new_in(Global))
    }

    fn work(&self, _: usize, count: u64) {
        drive(&self.0, count, |arena, number| arena.alloc(number).into());
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}
