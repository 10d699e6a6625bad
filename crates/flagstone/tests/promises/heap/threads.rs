//! Blocks that threads allocate, pass on, leave behind and free for each other: each is had by one, keeps
//! its contents, and its memory is used again.

use std::{
    array,
    sync::{
        Arc, Barrier,
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread,
    time::Duration,
};

use flagstone::heap::{Heap, HeapOptions};
use flagstone_testkit::threads::scope;

use super::{
    block::{Block, HEAP, mixed, size_up_to, use_first},
    process::apart,
};

/// Times that something is done: less where every access is watched.
const fn times(many: u64) -> u64 {
    if cfg!(any(flagstone_asan, flagstone_tsan)) {
        many / 4
    } else {
        many
    }
}

/// Blocks of all kinds of sizes.
fn some_blocks(count: u64, seed: u64) -> Vec<Block> {
    (0..count)
        .map(|n| {
            let seed = mixed(seed).wrapping_add(n);
            Block::some(size_up_to(14, mixed(seed)), seed)
        })
        .collect()
}

/// Frees in an order that is neither that of allocation nor its reverse, with and without layouts.
fn free_in_disorder(mut blocks: Vec<Block>) {
    while !blocks.is_empty() {
        let at = mixed(blocks.len() as u64) as usize % blocks.len();
        let block = blocks.swap_remove(at);
        if at.is_multiple_of(2) {
            block.free();
        }
    }
}

#[test]
fn threads_that_begin_at_once_have_blocks_apart() {
    let name = "heap::threads::threads_that_begin_at_once_have_blocks_apart";
    apart(name, || {
        let barrier = Barrier::new(16);
        let mut all: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|thread| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        let small = (0..50).map(|n| Block::some(8, n));
                        let blocks: Vec<_> = small.chain(some_blocks(100, thread)).collect();
                        // Nobody ends meanwhile, and leaves what others continue.
                        barrier.wait();
                        blocks.into_iter().map(move |block| (block, thread))
                    })
                })
                .collect();
            let each = threads.into_iter();
            each.flat_map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        all.sort_unstable_by_key(|(block, _)| block.address());
        for pair in all.windows(2) {
            let [(one, thread), (next, other)] = pair else {
                unreachable!("there are two in a pair");
            };
            let (end, start) = (one.addresses().end, next.address());
            assert!(end <= start);
            // Two threads that write to their blocks do not share a line of the cache.
            assert!(thread == other || end.next_multiple_of(64) <= start);
        }
        free_in_disorder(all.into_iter().map(|(block, _)| block).collect());
    });
}

#[test]
fn a_thread_that_never_allocated_frees() {
    for round in 0..5 {
        let blocks = some_blocks(1000, round);
        thread::spawn(|| free_in_disorder(blocks))
            .join()
            .expect("no panic");
        // What it freed is there again.
        some_blocks(1000, round).iter().for_each(Block::check);
    }
}

#[test]
fn blocks_outlive_their_thread() {
    let mut left = Vec::new();
    for n in 0..40 {
        let thread = thread::spawn(move || {
            let mut blocks = some_blocks(200, n);
            let kept = blocks.split_off(100);
            free_in_disorder(blocks);
            kept
        });
        left.push(thread.join().expect("no panic"));
        if n % 3 == 2 {
            // By this thread, and by one that ends right after.
            free_in_disorder(left.swap_remove(0));
            let blocks = left.swap_remove(0);
            thread::spawn(move || free_in_disorder(blocks))
                .join()
                .expect("no panic");
        }
    }
    left.iter().flatten().for_each(Block::check);
}

/// What one of several threads does with its blocks and those that others send it.
struct Worker {
    number: u64,
    inbox: Receiver<Block>,
    others: Vec<Sender<Block>>,
}

impl Worker {
    /// Does `steps` things with `blocks`.
    fn work(&mut self, blocks: &mut Vec<Block>, steps: u64, round: u64) {
        for step in 0..steps {
            let random = mixed((round << 32) + (self.number << 24) + step);
            let size = size_up_to(if step % 64 == 0 { 18 } else { 11 }, mixed(random));
            let at = (random >> 8) as usize % blocks.len().max(1);
            match random % 8 {
                0..3 => blocks.push(Block::some(size, random)),
                3 if !blocks.is_empty() => drop(blocks.swap_remove(at)),
                4 if !blocks.is_empty() => blocks.swap_remove(at).free(),
                5 if !blocks.is_empty() => assert!(blocks[at].realloc(size)),
                6 if !blocks.is_empty() => {
                    let to = (random >> 40) as usize % self.others.len();
                    // It may have ended: then the block comes back, and is freed.
                    let _ = self.others[to].send(blocks.swap_remove(at));
                }
                _ => blocks.extend(self.inbox.try_recv()),
            }
        }
    }
}

#[test]
fn blocks_wander() {
    they_wander();
}

#[test]
fn blocks_wander_while_all_that_is_free_goes_back() {
    static AT_ONCE: Heap = Heap::with_options(HeapOptions::new().purge_delay(Duration::ZERO));
    let name = "heap::threads::blocks_wander_while_all_that_is_free_goes_back";
    apart(name, || {
        use_first(&AT_ONCE);
        they_wander();
    });
}

fn they_wander() {
    const THREADS: usize = 4;
    let (senders, inboxes): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel()).unzip();
    let workers: Vec<_> = inboxes
        .into_iter()
        .enumerate()
        .map(|(number, inbox)| Worker {
            number: number as u64,
            inbox,
            others: senders.clone(),
        })
        .collect();
    drop(senders);
    thread::scope(|scope| {
        for mut worker in workers {
            scope.spawn(move || {
                let mut blocks = Vec::new();
                // Every few steps the work goes on in another thread, and this one ends.
                for round in 0..times(40) {
                    thread::scope(|scope| {
                        scope.spawn(|| worker.work(&mut blocks, 1000, round));
                        HEAP.tick();
                    });
                }
                drop(worker.others);
                free_in_disorder(blocks);
                free_in_disorder(worker.inbox.iter().collect());
            });
        }
    });
}

/// The most that is mapped while `consumer` takes what producers send.
fn most_mapped(inbox: Receiver<Block>) -> usize {
    let mut most = 0;
    for (n, block) in inbox.into_iter().enumerate() {
        drop(block);
        if n.is_multiple_of(256) {
            most = most.max(HEAP.stats().mapped());
        }
    }
    most
}

/// Few sizes, so that what slabs leave unused is little.
fn produce(outbox: &SyncSender<Block>, count: u64) {
    for n in 0..count {
        let size = [64, 200, 1000, 3000][n as usize % 4];
        outbox.send(Block::some(size, n)).expect("it is taken");
    }
}

#[test]
fn a_bounded_queue_needs_bounded_memory() {
    let name = "heap::threads::a_bounded_queue_needs_bounded_memory";
    apart(name, || {
        let (outbox, inbox) = mpsc::sync_channel(256);
        let producer = thread::spawn(move || produce(&outbox, times(100_000)));
        // 100 MiB pass through; at most 256 blocks are on the way.
        let most = most_mapped(inbox);
        producer.join().expect("no panic");
        assert!(most <= 16 << 20, "{most} bytes were mapped");
    });
}

#[test]
fn sixteen_producers_and_one_that_only_frees_need_bounded_memory() {
    let name = "heap::threads::sixteen_producers_and_one_that_only_frees_need_bounded_memory";
    apart(name, || {
        let (outbox, inbox) = mpsc::sync_channel(256);
        let consumer = thread::spawn(move || most_mapped(inbox));
        thread::scope(|scope| {
            for _ in 0..16 {
                let outbox = outbox.clone();
                scope.spawn(move || produce(&outbox, times(4000)));
            }
            drop(outbox);
        });
        // 65 MiB pass through; each producer has a few slabs of its own.
        let most = consumer.join().expect("no panic");
        assert!(most <= 32 << 20, "{most} bytes were mapped");
    });
}

#[test]
fn thousands_of_short_threads_leave_nothing_behind() {
    let name = "heap::threads::thousands_of_short_threads_leave_nothing_behind";
    apart(name, || {
        let storm = |count: u64| {
            for n in 0..count {
                let left = thread::spawn(move || {
                    let mut blocks = some_blocks(40, n);
                    let left = blocks.split_off(36);
                    free_in_disorder(blocks);
                    left
                });
                free_in_disorder(left.join().expect("no panic"));
            }
            HEAP.stats().mapped()
        };
        let few = storm(100);
        let many = storm(times(2000));
        assert!(many <= few + (8 << 20), "{few} bytes became {many}");
        // As many at once, again and again.
        let at_once = |times: u64| {
            for n in 0..times {
                // A thread that still ends has spans that the next ones may not have.
                scope(|scope| {
                    for thread in 0..16 {
                        scope.spawn(move || free_in_disorder(some_blocks(40, 16 * n + thread)));
                    }
                });
            }
            HEAP.stats().mapped()
        };
        let few = at_once(5);
        let many = at_once(times(40));
        assert!(many <= few + (16 << 20), "{few} bytes became {many}");
    });
}

const EACH: usize = 1000;

/// 24 MiB in a thread of their own, which ends.
fn filled_by_a_thread() -> Vec<Block> {
    let thread = thread::spawn(|| {
        (0..24 << 10)
            .map(|n| Block::some(EACH, n))
            .collect::<Vec<_>>()
    });
    thread.join().expect("no panic")
}

/// Three of four.
fn without_most(blocks: Vec<Block>) -> Vec<Block> {
    let fourth = |(n, block): (usize, Block)| n.is_multiple_of(4).then_some(block);
    blocks.into_iter().enumerate().filter_map(fourth).collect()
}

/// What an ended thread left free is used by the next, whoever freed it.
fn is_used_again(name: &str, free_most: impl Fn(Vec<Block>) -> Vec<Block>) {
    apart(name, || {
        let full = filled_by_a_thread();
        let before = HEAP.stats().mapped();
        let left = free_most(full);
        for round in 0..3 {
            let again = thread::spawn(move || {
                (0..16 << 10)
                    .map(|n| Block::some(EACH, round + n))
                    .collect::<Vec<_>>()
            });
            let again = again.join().expect("no panic");
            let now = HEAP.stats().mapped();
            // It found 18 MiB of those 24.
            assert!(now <= before + (4 << 20), "{before} bytes became {now}");
            free_in_disorder(again);
        }
        left.iter().for_each(Block::check);
    });
}

#[test]
fn what_others_free_after_a_thread_ended_is_used_again() {
    is_used_again(
        "heap::threads::what_others_free_after_a_thread_ended_is_used_again",
        without_most,
    );
}

#[test]
fn what_a_thread_that_never_allocates_frees_is_used_again() {
    is_used_again(
        "heap::threads::what_a_thread_that_never_allocates_frees_is_used_again",
        |blocks| {
            thread::spawn(|| without_most(blocks))
                .join()
                .expect("no panic")
        },
    );
}

#[test]
fn what_a_thread_freed_before_it_ended_is_used_again() {
    let name = "heap::threads::what_a_thread_freed_before_it_ended_is_used_again";
    apart(name, || {
        let thread = || {
            let blocks: Vec<_> = (0..24 << 10).map(|n| Block::some(EACH, n)).collect();
            let mapped = HEAP.stats().mapped();
            (mapped, without_most(blocks))
        };
        let (before, left) = thread::spawn(thread).join().expect("no panic");
        let again = thread::spawn(|| {
            let blocks: Vec<_> = (0..16 << 10).map(|n| Block::some(EACH, n)).collect();
            HEAP.stats().mapped().max(blocks.len())
        });
        let now = again.join().expect("no panic");
        assert!(now <= before + (4 << 20), "{before} bytes became {now}");
        left.iter().for_each(Block::check);
    });
}

#[test]
fn threads_exchange_blocks_while_they_end() {
    // Each frees what the one before it left, while that one ends.
    let mut before: Option<(thread::JoinHandle<()>, Receiver<Vec<Block>>)> = None;
    for n in 0..300 {
        let (leave, left) = mpsc::channel();
        let thread = thread::spawn(move || {
            leave
                .send(some_blocks(30, n))
                .expect("the next one takes it");
            drop(some_blocks(5, n));
            if let Some((thread, left)) = before {
                free_in_disorder(left.recv().expect("it left something"));
                thread.join().expect("no panic");
            }
        });
        before = Some((thread, left));
    }
    let (thread, left) = before.expect("the last one");
    free_in_disorder(left.recv().expect("it left something"));
    thread.join().expect("no panic");
}

#[test]
fn two_free_into_the_slabs_of_one_that_allocates() {
    let barrier = Arc::new(Barrier::new(3));
    let (outboxes, inboxes): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::channel::<Block>()).unzip();
    let freers: Vec<_> = inboxes
        .into_iter()
        .map(|inbox| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                barrier.wait();
                inbox.into_iter().for_each(drop);
            })
        })
        .collect();
    barrier.wait();
    for n in 0..times(20_000) {
        // Neighbours go to different threads, and some stay.
        let [first, second, own]: [_; 3] = array::from_fn(|i| Block::some(48, 3 * n + i as u64));
        outboxes[0].send(first).expect("it is taken");
        outboxes[1].send(second).expect("it is taken");
        drop(own);
    }
    drop(outboxes);
    for freer in freers {
        freer.join().expect("no panic");
    }
}
