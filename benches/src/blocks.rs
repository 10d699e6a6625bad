//! Blocks under a budget, and what services build from parts instead.
//!
//! Nobody touches the bytes: what is measured is to get them, to account for them, and to give them back.
//! A `Vec` of more than 128 KiB is a mapping in glibc, which is not what a pool is compared with; it is
//! among the rivals all the same, because it is what people write.

use std::{
    alloc::Layout,
    fmt,
    future::Future,
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use crossbeam_queue::ArrayQueue;
use deadpool::unmanaged::Pool;
use flagstone::blocks::{Block, BlockAllocator};
use rtrb::RingBuffer;
use tokio::sync::Semaphore;

use crate::{
    contender::{Role, exhausted},
    lane::{Body, Lane},
    threads::{Patience, together},
};

/// Bytes that there may be in all.
const MEMORY: usize = 1 << 30;

/// Buffers that the hand-made pools have.
const BUFFERS: usize = 8;

/// Bytes that are asked for.
pub const SIZES: [usize; 5] = [64, 1 << 10, 16 << 10, 64 << 10, 1 << 20];

/// What is done, again and again.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// Bytes are had without waiting, and dropped.
    Try,
    /// Bytes are awaited that are there, and dropped.
    Await,
    /// Bytes are frozen, and the last view of them is dropped.
    Freeze,
    /// Bytes are made `Bytes`, and dropped.
    ToBytes,
    /// Bytes are had by one thread, and dropped by another.
    HandOff,
    /// An allocator is made, gives its first bytes, and goes.
    First,
}

/// All events.
pub const EVENTS: [Event; 6] = [
    Event::Try,
    Event::Await,
    Event::Freeze,
    Event::ToBytes,
    Event::HandOff,
    Event::First,
];

impl Event {
    /// Of how many bytes it is about.
    #[must_use]
    pub const fn sizes(self) -> &'static [usize] {
        match self {
            Self::HandOff => &[64, 16 << 10],
            Self::First => &[64],
            _ => &SIZES,
        }
    }

    /// What an operation is, in a sentence or two.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Try => "A block is allocated and dropped, its bytes charged and released.",
            Self::Await => {
                "The same through a future that is ready at its first poll. A semaphore alone holds no bytes."
            }
            Self::Freeze => "A block is allocated and frozen, and its only view is dropped.",
            Self::ToBytes => {
                "A block is allocated and made `Bytes`, which are dropped. A rival's buffer goes back to its queue."
            }
            Self::HandOff => {
                "One thread allocates, another drops; handles go through a ring of 256. On a machine of which \
                 two cores share one in turn, all of these times change several times over."
            }
            Self::First => {
                "An allocator is made, a block is had from it, and both go. There is nothing to compare it with."
            }
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Try => "without waiting, and drop",
            Self::Await => "ready await, and drop",
            Self::Freeze => "freeze, and drop",
            Self::ToBytes => "to Bytes, and drop",
            Self::HandOff => "hand over to another thread, which drops",
            Self::First => "the first block of an allocator",
        })
    }
}

/// A lane that calls a closure.
struct Again<F>(F);

impl<F: FnMut()> Body for Again<F> {
    fn run(&mut self, ops: u64) {
        for _ in 0..ops {
            (self.0)();
        }
    }
}

fn lane<'l>(name: &'static str, role: Role, f: impl FnMut() + 'l) -> Lane<'l> {
    Lane::new(name, role, Again(f))
}

/// Something is made on one thread and dropped on another.
struct Handed<F>(F);

/// Handles that are under way at most.
const UNDER_WAY: usize = 256;

impl<T: Send, F: FnMut() -> T + Send> Body for Handed<F> {
    fn run(&mut self, ops: u64) {
        self.timed(ops);
    }

    fn timed(&mut self, ops: u64) -> Duration {
        let (mut sender, mut receiver) = RingBuffer::new(UNDER_WAY);
        let make = &mut self.0;
        together(vec![
            Box::new(move || {
                for _ in 0..ops {
                    let mut patience = Patience::new();
                    while sender.is_full() {
                        patience.wait();
                    }
                    if sender.push(make()).is_err() {
                        exhausted()
                    }
                }
            }),
            Box::new(move || {
                for _ in 0..ops {
                    let mut patience = Patience::new();
                    while receiver.is_empty() {
                        patience.wait();
                    }
                    drop(black_box(receiver.pop()));
                }
            }),
        ])
    }

    fn step(&self) -> u64 {
        1 << 10
    }

    fn most(&self) -> u64 {
        1 << 20
    }
}

/// What a future is that does not wait.
#[inline(always)]
fn now<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => exhausted(),
    }
}

fn take(blocks: &BlockAllocator, layout: Layout) -> Block {
    blocks
        .try_alloc(black_box(layout))
        .unwrap_or_else(|_| exhausted())
}

/// The contenders of an event, ours first.
///
/// # Panics
///
/// If `size` is no size of anything.
#[must_use]
pub fn lanes(event: Event, size: usize) -> Vec<Lane<'static>> {
    let Ok(layout) = Layout::array::<u8>(size) else {
        panic!("{size} bytes are no size");
    };
    let blocks = BlockAllocator::new(MEMORY);
    let permits = size as u32;
    let filled_with = move |buffers| {
        let queue = ArrayQueue::new(buffers);
        while queue.push(Vec::<u8>::with_capacity(size)).is_ok() {}
        Arc::new(queue)
    };
    let filled = || filled_with(BUFFERS);
    match event {
        Event::Try => {
            let (queue, semaphore) = (filled(), Semaphore::new(MEMORY));
            vec![
                lane("flagstone", Role::Ours, move || {
                    drop(black_box(take(&blocks, layout)));
                }),
                lane("ArrayQueue of Vec, no budget", Role::Rival, move || {
                    let buffer = black_box(queue.pop());
                    let _ = buffer.map(|buffer| queue.push(buffer));
                }),
                lane("tokio semaphore + Vec", Role::Rival, move || {
                    let permit = semaphore.try_acquire_many(black_box(permits));
                    drop(black_box(Vec::<u8>::with_capacity(size)));
                    drop(black_box(permit));
                }),
                lane("Vec, no budget", Role::Rival, move || {
                    drop(black_box(Vec::<u8>::with_capacity(black_box(size))));
                }),
                lane("BytesMut, no budget", Role::Rival, move || {
                    drop(black_box(BytesMut::with_capacity(black_box(size))));
                }),
            ]
        }
        Event::Await => {
            let semaphore = Arc::new(Semaphore::new(MEMORY));
            let lock = Arc::new(async_lock::Semaphore::new(MEMORY));
            let pool = Pool::from(
                (0..BUFFERS)
                    .map(|_| Vec::<u8>::with_capacity(size))
                    .collect::<Vec<_>>(),
            );
            vec![
                lane("flagstone", Role::Ours, move || {
                    drop(black_box(now(blocks.alloc(black_box(layout)))));
                }),
                lane("tokio semaphore + Vec", Role::Rival, move || {
                    let permits = Arc::clone(&semaphore).acquire_many_owned(black_box(permits));
                    let permits = now(permits);
                    drop(black_box(Vec::<u8>::with_capacity(size)));
                    drop(black_box(permits));
                }),
                lane("async-lock semaphore, one permit", Role::Rival, move || {
                    drop(black_box(now(lock.acquire_arc())));
                }),
                lane("deadpool of Vec", Role::Rival, move || {
                    drop(black_box(now(pool.get())));
                }),
            ]
        }
        Event::Freeze => vec![
            lane("flagstone", Role::Ours, move || {
                drop(black_box(take(&blocks, layout).freeze()));
            }),
            lane("BytesMut, no budget", Role::Rival, move || {
                drop(black_box(BytesMut::with_capacity(black_box(size)).freeze()));
            }),
        ],
        Event::ToBytes => {
            let queue = filled();
            vec![
                lane("flagstone", Role::Ours, move || {
                    drop(black_box(Bytes::from(take(&blocks, layout))));
                }),
                lane("ArrayQueue of Vec, no budget", Role::Rival, move || {
                    drop(black_box(Bytes::from_owner(borrowed(&queue))));
                }),
            ]
        }
        Event::HandOff => {
            let queue = filled_with(2 * UNDER_WAY);
            vec![
                Lane::new(
                    "flagstone",
                    Role::Ours,
                    Handed(move || take(&blocks, layout)),
                ),
                Lane::new(
                    "ArrayQueue of Vec, no budget",
                    Role::Rival,
                    Handed(move || borrowed(&queue)),
                ),
                Lane::new(
                    "Vec, no budget",
                    Role::Rival,
                    Handed(move || Vec::<u8>::with_capacity(black_box(size))),
                ),
            ]
        }
        Event::First => vec![lane("flagstone", Role::Ours, move || {
            let blocks = BlockAllocator::new(black_box(MEMORY));
            drop(black_box(take(&blocks, layout)));
        })],
    }
}

/// A buffer of a queue, which goes back there.
fn borrowed(queue: &Arc<ArrayQueue<Vec<u8>>>) -> Returned {
    let buffer = queue.pop().unwrap_or_else(|| exhausted());
    Returned(buffer, Arc::clone(queue))
}

/// A buffer that goes back to its queue.
struct Returned(Vec<u8>, Arc<ArrayQueue<Vec<u8>>>);

impl AsRef<[u8]> for Returned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Returned {
    fn drop(&mut self) {
        let _ = self.1.push(std::mem::take(&mut self.0));
    }
}
