//! A process of several threads that is forked: parent and child go on with the heap, each with its own.
#![cfg(not(flagstone_tsan))] // Its runtime has locks that a fork may find taken.

use std::{
    alloc::{GlobalAlloc, Layout},
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use flagstone::heap::{Heap, HeapOptions};

use super::{
    block::{Block, HEAP, mixed, size_up_to},
    process::apart,
};

/// Forks; in the child runs `body` and leaves. The answer is the child's number.
fn fork(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child runs `body`, which is told what it may use, and leaves.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "a process can be forked");
    if child > 0 {
        return child;
    }
    // One that waits for ever is ended, and seen.
    // SAFETY: a number only.
    unsafe { libc::alarm(200) };
    let ended = panic::catch_unwind(AssertUnwindSafe(body));
    let code = i32::from(ended.is_err());
    mem::forget(ended);
    // SAFETY: leaves at once.
    unsafe { libc::_exit(code) };
}

/// Waits for the child that `fork` answered, which must have come to its end.
#[track_caller]
fn ended(child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: room for the status.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((waited, status), (child, 0), "the child came to its end");
}

/// Goes through all kinds of sizes.
fn work(rounds: u64, seed: u64) {
    for round in 0..rounds {
        let mut blocks: Vec<_> = (0..100)
            .map(|n| {
                let random = mixed(seed + 100 * round + n);
                let largest = if n % 64 == 63 { 20 } else { 11 };
                Block::some(size_up_to(largest, random), random)
            })
            .collect();
        for block in blocks.iter_mut().step_by(3) {
            assert!(block.realloc(size_up_to(14, mixed(round))));
        }
        blocks.truncate(50);
        blocks.pop().expect("fifty").free();
    }
}

/// The child has what its parent had: it uses and frees it, and more.
fn inherit(blocks: &mut Vec<Block>) {
    blocks.iter().for_each(Block::check);
    for block in blocks.iter_mut().step_by(2) {
        assert!(block.realloc(5000));
    }
    blocks.truncate(blocks.len() / 2);
    work(5, 1);
    HEAP.purge();
    HEAP.tick();
    assert!(HEAP.stats().mapped() > 0);
    work(5, 2);
}

/// Tells threads to end, also when a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_fork_of_one_thread_goes_on_in_both() {
    let name = "heap::forks::a_fork_of_one_thread_goes_on_in_both";
    apart(name, || {
        let mut blocks: Vec<_> = (0..500).map(|n| Block::some(n + 1, n as u64)).collect();
        for _ in 0..3 {
            let child = fork(|| inherit(&mut blocks));
            work(5, 3);
            ended(child);
            blocks.iter().for_each(Block::check);
        }
        // A child of a child.
        ended(fork(|| {
            inherit(&mut blocks);
            ended(fork(|| inherit(&mut blocks)));
        }));
    });
}

/// Where a thread meets another that is about to know the heap's options.
static CHOOSING: Barrier = Barrier::new(2);

#[test]
fn a_child_does_not_wait_for_a_thread_that_was_setting_the_options() {
    let name = "heap::forks::a_child_does_not_wait_for_a_thread_that_was_setting_the_options";
    apart(name, || {
        static SLOW: Heap = Heap::with_options_from(|| {
            CHOOSING.wait();
            CHOOSING.wait();
            HeapOptions::new()
        });
        thread::scope(|scope| {
            scope.spawn(|| {
                // SAFETY: the size is not 0.
                let block = unsafe { SLOW.alloc(Layout::new::<u64>()) };
                // SAFETY: the block, with its layout.
                unsafe { SLOW.dealloc(block, Layout::new::<u64>()) };
            });
            CHOOSING.wait();
            ended(fork(|| work(1, 1)));
            CHOOSING.wait();
        });
        work(1, 2);
    });
}

#[test]
fn a_child_has_what_threads_left_that_it_has_not() {
    let name = "heap::forks::a_child_has_what_threads_left_that_it_has_not";
    apart(name, || {
        let (give, given) = mpsc::channel();
        let barrier = Barrier::new(5);
        thread::scope(|scope| {
            for thread in 0..4 {
                let (give, barrier) = (give.clone(), &barrier);
                scope.spawn(move || {
                    let blocks = (0..300).map(|n| Block::some(size_up_to(13, mixed(n)), thread));
                    give.send(blocks.collect::<Vec<_>>()).expect("it is taken");
                    barrier.wait();
                    // Still there, with heaps of their own.
                    work(1, thread);
                });
            }
            let mut blocks: Vec<_> = given.iter().take(4).flatten().collect();
            let child = fork(|| inherit(&mut blocks));
            ended(child);
            blocks.iter().for_each(Block::check);
            barrier.wait();
        });
    });
}

#[test]
fn a_fork_while_threads_allocate_finds_no_lock_taken() {
    let name = "heap::forks::a_fork_while_threads_allocate_finds_no_lock_taken";
    apart(name, || {
        let end = AtomicBool::new(false);
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            let over = Over(&end);
            for thread in 0..3 {
                let (end, barrier) = (&end, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let mut round = 0;
                    while !end.load(Ordering::Relaxed) {
                        work(1, (thread << 32) + round);
                        if thread == 0 {
                            HEAP.purge();
                        }
                        round += 1;
                    }
                });
            }
            barrier.wait();
            let mut blocks: Vec<_> = (0..100).map(|n| Block::some(n + 1, n as u64)).collect();
            for n in 0..15 {
                let child = fork(|| inherit(&mut blocks));
                work(2, n);
                ended(child);
            }
            drop(over);
            blocks.iter().for_each(Block::check);
        });
    });
}

#[test]
fn a_fork_while_threads_come_and_go_finds_no_lock_taken() {
    let name = "heap::forks::a_fork_while_threads_come_and_go_finds_no_lock_taken";
    apart(name, || {
        let end = AtomicBool::new(false);
        thread::scope(|scope| {
            let over = Over(&end);
            for thread in 0..2 {
                let end = &end;
                scope.spawn(move || {
                    let mut left: Vec<Vec<Block>> = Vec::new();
                    while !end.load(Ordering::Relaxed) {
                        // Begins a heap, ends it, and leaves something in it.
                        let short = thread::spawn(move || {
                            work(1, thread);
                            (0..50).map(|n| Block::some(n + 1, n as u64)).collect()
                        });
                        left.push(short.join().expect("no panic"));
                        if left.len() > 10 {
                            left.remove(0);
                        }
                    }
                });
            }
            for n in 0..25 {
                let child = fork(|| work(10, n));
                ended(child);
            }
            drop(over);
        });
    });
}
