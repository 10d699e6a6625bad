//! The end of a thread: destructors of thread-locals and of the C library's thread-specific data use the
//! heap, before it has seen the thread's end and after.

use std::{
    cell::RefCell,
    ptr,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Sender},
    },
    thread,
};

use super::block::{Block, mixed, size_up_to};

/// When its thread ends: looks at and frees what it has, allocates, and sends some away.
struct AtEnd {
    held: RefCell<Vec<Block>>,
    away: RefCell<Option<Sender<Block>>>,
}

impl AtEnd {
    const fn new() -> Self {
        Self {
            held: RefCell::new(Vec::new()),
            away: RefCell::new(None),
        }
    }

    fn arm(&self, away: &Sender<Block>) {
        self.away.replace(Some(away.clone()));
    }

    fn hold(&self, seed: u64) {
        let more = (0..20).map(|n| Block::some(size_up_to(13, mixed(seed + n)), seed + n));
        self.held.borrow_mut().extend(more);
    }
}

/// All that can be done with a heap; what must be freed by others is sent away.
fn everything(seed: u64, away: &Sender<Block>) {
    for n in 0..50 {
        let size = size_up_to(if n % 16 == 0 { 20 } else { 12 }, mixed(seed + n));
        let mut block = Block::some(size, n);
        assert!(block.realloc(size_up_to(12, mixed(seed * n + 1))));
        drop(Block::zeroed(size, 16, n).expect("there is memory"));
        match n % 3 {
            0 => drop(block),
            1 => block.free(),
            _ => away.send(block).expect("the test waits"),
        }
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        let away = self.away.take().expect("it is armed");
        let held = self.held.take();
        everything(held.len() as u64, &away);
        for (n, block) in held.into_iter().enumerate() {
            match n % 3 {
                0 => drop(block),
                1 => block.free(),
                _ => away.send(block).expect("the test waits"),
            }
        }
        everything(7, &away);
    }
}

thread_local! {
    static FIRST: AtEnd = const { AtEnd::new() };
    static SECOND: AtEnd = const { AtEnd::new() };
}

/// Runs `body` in threads; what they send is whole after they are gone, and freed then.
#[track_caller]
fn in_threads(body: fn(&Sender<Block>)) {
    for _ in 0..20 {
        let (away, sent) = mpsc::channel();
        thread::spawn(move || body(&away)).join().expect("no panic");
        let sent: Vec<_> = sent.into_iter().collect();
        assert!(!sent.is_empty(), "the destructor ran");
        sent.iter().for_each(Block::check);
        drop(sent);
    }
}

/// Destructors run last first; one of these two orders has the heap's end before, the other after.
#[test]
fn a_destructor_registered_before_the_first_block_uses_the_heap() {
    in_threads(|away| {
        FIRST.with(|at_end| at_end.arm(away));
        FIRST.with(|at_end| at_end.hold(1));
    });
}

#[test]
fn a_destructor_registered_after_the_first_block_uses_the_heap() {
    in_threads(|away| {
        drop(Block::some(100, 1));
        FIRST.with(|at_end| at_end.arm(away));
        FIRST.with(|at_end| at_end.hold(2));
    });
}

#[test]
fn destructors_on_both_sides_of_the_end_use_the_heap() {
    in_threads(|away| {
        FIRST.with(|at_end| at_end.arm(away));
        drop(Block::some(100, 1));
        SECOND.with(|at_end| at_end.arm(away));
        SECOND.with(|at_end| at_end.hold(3));
        FIRST.with(|at_end| at_end.hold(4));
    });
}

#[test]
fn a_destructor_that_is_the_first_to_use_the_heap_does() {
    in_threads(|away| FIRST.with(|at_end| at_end.arm(away)));
}

/// Only frees, and only when everything else of the thread is gone.
#[test]
fn a_destructor_frees_what_others_allocated() {
    struct Frees(RefCell<Vec<Block>>);
    impl Drop for Frees {
        fn drop(&mut self) {
            self.0.take().into_iter().for_each(Block::free);
        }
    }
    thread_local! {
        static FREES: Frees = const { Frees(RefCell::new(Vec::new())) };
    }
    for round in 0..20 {
        let others = (0..200).map(|n| Block::some(size_up_to(12, mixed(n)), round + n));
        let others = others.collect();
        thread::spawn(|| FREES.with(|frees| frees.0.replace(others)))
            .join()
            .expect("no panic");
    }
}

/// Data of the C library's threads end after all thread-locals, round after round.
#[test]
fn the_c_librarys_last_destructors_use_the_heap() {
    static KEY: AtomicUsize = AtomicUsize::new(0);
    static RUNS: AtomicUsize = AtomicUsize::new(0);

    fn set(block: Box<(Block, u32)>) {
        let key = KEY.load(Ordering::Relaxed) as libc::pthread_key_t;
        // SAFETY: a key that was made below and stays; the value is freed by the destructor.
        let failed = unsafe { libc::pthread_setspecific(key, Box::into_raw(block).cast()) };
        assert_eq!(failed, 0);
    }

    extern "C" fn at_end(value: *mut libc::c_void) {
        // SAFETY: what `set` let go of, once.
        let held = unsafe { Box::from_raw(value.cast::<(Block, u32)>()) };
        let (held, rounds) = *held;
        RUNS.fetch_add(1, Ordering::Relaxed);
        let (away, sent) = mpsc::channel();
        everything(u64::from(rounds), &away);
        drop(away);
        sent.into_iter().for_each(Block::free);
        drop(held);
        if rounds > 0 {
            set(Box::new((Block::some(1000, 5), rounds - 1)));
        }
    }

    let mut key: libc::pthread_key_t = 0;
    // SAFETY: room for the key; the destructor is fit for what `set` sets.
    let failed = unsafe { libc::pthread_key_create(ptr::from_mut(&mut key), Some(at_end)) };
    assert_eq!(failed, 0);
    KEY.store(key as usize, Ordering::Relaxed);
    for _ in 0..20 {
        thread::spawn(|| set(Box::new((Block::some(3000, 1), 2))))
            .join()
            .expect("no panic");
    }
    assert_eq!(RUNS.load(Ordering::Relaxed), 60);
}
