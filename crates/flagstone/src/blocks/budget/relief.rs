//! Who can free something when bytes are short.

extern crate std;

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};
use core::{cell::Cell, fmt, mem};

use lock_api::Mutex;

use crate::sync::{
    DefaultLock,
    atomic::{AtomicUsize, Ordering},
    default_lock,
};

/// How much relief may cost those who give it. Passes are run in this order, each only if those before
/// were not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// What nobody will miss: caches that are filled again for nothing.
    Benign,
    /// What is not in use now: idle connections, read-ahead.
    Idle,
    /// What somebody uses: the oldest request is given up, a query spills.
    Destructive,
}

/// Keeps charged bytes that nobody uses, and gives them back when they are wanted.
pub(crate) trait Shortage: Send + Sync {
    /// Releases about `wanted` bytes of what nobody uses; how many it released. Called outside locks, in
    /// any thread, also by several at once. May release to the budget, and does not wait for it.
    fn give_back(&self, wanted: usize) -> usize;
}

pub(super) type Hook = Arc<dyn Fn(usize) -> usize + Send + Sync>;

/// All that can be asked for relief. The list is replaced as a whole, so that it can be walked while
/// nothing is locked and nothing is allocated.
pub(super) struct Relief {
    list: Mutex<DefaultLock, Arc<List>>,
    len: AtomicUsize,
}

#[derive(Clone, Default)]
struct List {
    shortages: Vec<Weak<dyn Shortage>>,
    hooks: Vec<(Pass, Hook)>,
}

/// Budgets whose hooks one thread can be in at once: a hook of one that reserves in another, and so on.
const DEPTH: usize = 8;

std::thread_local! {
    /// By address, the budgets whose hooks this thread runs, 0 for none: a hook that reserves there does not
    /// start the passes again.
    static RELIEVED: Cell<[usize; DEPTH]> = const { Cell::new([0; DEPTH]) };
}

/// Ends what [`RELIEVED`] says of one budget, also when a hook panics.
struct Section(usize);

impl Section {
    fn enter(relief: &Relief) -> Option<Self> {
        let address = core::ptr::from_ref(relief).addr();
        let enter = |inside: &Cell<[usize; DEPTH]>| {
            let mut now = inside.get();
            if now.contains(&address) {
                return None;
            }
            *now.iter_mut().find(|other| **other == 0)? = address;
            inside.set(now);
            Some(Self(address))
        };
        // A thread that has no locals any more asks nobody.
        RELIEVED.try_with(enter).ok().flatten()
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        let _gone = RELIEVED.try_with(|inside| {
            let mut now = inside.get();
            for place in now.iter_mut().filter(|place| **place == self.0) {
                *place = 0;
            }
            inside.set(now);
        });
    }
}

impl Relief {
    pub(super) fn new() -> Self {
        Self {
            list: Mutex::from_raw(default_lock(), Arc::default()),
            len: AtomicUsize::new(0),
        }
    }

    /// Whether there is anybody to ask.
    pub(super) fn is_empty(&self) -> bool {
        // Relaxed: who was added just now may be missed.
        self.len.load(Ordering::Relaxed) == 0
    }

    /// Asks caches, and then the passes up to `last`, until `enough` says so; `wanted` says how many
    /// bytes are missing. Of who `waits` otherwise, caches are asked for everything: nobody asks them
    /// again, whoever takes meanwhile what was missing. Nothing may be locked.
    pub(super) fn run(
        &self,
        last: Option<Pass>,
        waits: bool,
        wanted: impl Fn() -> usize,
        mut enough: impl FnMut() -> bool,
    ) {
        if self.is_empty() {
            return;
        }
        let list = Arc::clone(&self.list.lock());
        // Also inside of a hook: what is in caches nobody else would find.
        let caches = || list.shortages.iter().filter_map(Weak::upgrade);
        for shortage in caches() {
            shortage.give_back(wanted()); // USER CODE
            if enough() {
                return;
            }
        }
        for shortage in caches().filter(|_| waits) {
            shortage.give_back(usize::MAX); // USER CODE
            if enough() {
                return;
            }
        }
        let Some(_section) = Section::enter(self) else {
            return;
        };
        for pass in [Pass::Benign, Pass::Idle, Pass::Destructive] {
            if last.is_none_or(|last| pass > last) {
                return;
            }
            for (_, hook) in list.hooks.iter().filter(|(of, _)| *of == pass) {
                hook(wanted()); // USER CODE
                if enough() {
                    return;
                }
            }
        }
    }

    /// Runs all hooks of `pass`, whoever waits; what they say they freed.
    pub(super) fn run_all(&self, pass: Pass, wanted: usize) -> usize {
        let Some(_section) = Section::enter(self) else {
            return 0;
        };
        let list = Arc::clone(&self.list.lock());
        let hooks = list.hooks.iter().filter(|(of, _)| *of == pass);
        hooks.fold(0, |freed: usize, (_, hook)| {
            freed.saturating_add(hook(wanted)) // USER CODE
        })
    }

    pub(super) fn add_shortage(&self, shortage: Weak<dyn Shortage>) {
        self.change(|list| {
            // Caches that are gone leave room.
            list.shortages.retain(|other| other.strong_count() > 0);
            list.shortages.push(shortage);
        });
    }

    pub(super) fn add_hook(&self, pass: Pass, hook: Hook) {
        self.change(|list| list.hooks.push((pass, hook)));
    }

    pub(super) fn remove_hook(&self, hook: &Hook) {
        self.change(|list| list.hooks.retain(|(_, other)| !Arc::ptr_eq(other, hook)));
    }

    fn change(&self, change: impl FnOnce(&mut List)) {
        let mut list = self.list.lock();
        let mut new = List::clone(&list);
        change(&mut new);
        let len = new.shortages.len() + new.hooks.len();
        let old = mem::replace(&mut *list, Arc::new(new));
        // Relaxed: see `is_empty`.
        self.len.store(len, Ordering::Relaxed);
        drop(list);
        // What closures own is dropped when nothing is locked.
        drop(old); // USER CODE
    }
}

impl fmt::Debug for Relief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.len.load(Ordering::Relaxed);
        f.debug_struct("Relief").field("len", &len).finish()
    }
}
