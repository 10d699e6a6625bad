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
};

use bytes::{Bytes, BytesMut};
use crossbeam_queue::ArrayQueue;
use deadpool::unmanaged::Pool;
use flagstone::blocks::{Block, BlockAllocator};
use tokio::sync::Semaphore;

use crate::{
    contender::{Role, exhausted},
    lane::{Body, Lane},
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
}

/// All events.
pub const EVENTS: [Event; 4] = [Event::Try, Event::Await, Event::Freeze, Event::ToBytes];

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Try => "without waiting, and drop",
            Self::Await => "ready await, and drop",
            Self::Freeze => "freeze, and drop",
            Self::ToBytes => "to Bytes, and drop",
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
    let filled = move || {
        let queue = ArrayQueue::new(BUFFERS);
        while queue.push(Vec::<u8>::with_capacity(size)).is_ok() {}
        Arc::new(queue)
    };
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
                    let buffer = queue.pop().unwrap_or_else(|| exhausted());
                    let queue = Arc::clone(&queue);
                    drop(black_box(Bytes::from_owner(Returned(buffer, queue))));
                }),
            ]
        }
    }
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
