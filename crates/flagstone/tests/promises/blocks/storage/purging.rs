//! Memory on its way back to the provider is missed by nobody.

use std::{
    alloc::Layout,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use flagstone::{
    OutOfMemory,
    blocks::{BlockAllocator, Budget},
    provider::{Chunk, OsPages, Provider, Purged},
};

use super::{bytes, knobs};

const BLOCK: usize = 64 << 10;

type Hook = Box<dyn Fn(&Own) -> Purged + Send + Sync>;

/// Gives so many chunks and no more, and does what it is told to when it is offered memory.
#[derive(Clone)]
struct Scripted(Arc<Own>);

struct Own {
    left: AtomicUsize,
    refused: AtomicUsize,
    offered: AtomicUsize,
    hook: Hook,
}

impl Scripted {
    fn new(chunks: usize, hook: impl Fn(&Own) -> Purged + Send + Sync + 'static) -> Self {
        Self(Arc::new(Own {
            left: AtomicUsize::new(chunks),
            refused: AtomicUsize::new(0),
            offered: AtomicUsize::new(0),
            hook: Box::new(hook),
        }))
    }

    /// Regions of one block each, all of them mapped; without caches.
    fn build(&self, idle: usize) -> BlockAllocator {
        let memory = self.0.left.load(Ordering::Relaxed) * BLOCK;
        let config = knobs(memory)
            .region_size(BLOCK)
            .max_block_size(BLOCK)
            .initial_pool_size(memory)
            .max_caches(0)
            .shared_cache_bytes(0)
            .idle_bytes(idle);
        let budget = Budget::new(memory).unwrap();
        BlockAllocator::with_parts(config.build().unwrap(), budget, self.clone()).unwrap()
    }
}

// SAFETY: every call is passed on to a provider, or refused.
unsafe impl Provider for Scripted {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let left = &self.0.left;
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| it.checked_sub(1));
        if taken.is_err() {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(OutOfMemory::new(layout));
        }
        OsPages.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { OsPages.free(ptr, layout) };
        self.0.left.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn purge(&self, _: NonNull<u8>, _: usize) -> Purged {
        self.0.offered.fetch_add(1, Ordering::Relaxed);
        (self.0.hook)(&self.0)
    }

    fn page_size(&self) -> usize {
        OsPages.page_size()
    }
}

/// Uses all memory once.
fn touch(blocks: &BlockAllocator) {
    let all = blocks.budget().capacity() / BLOCK;
    drop(
        (0..all)
            .map(|_| blocks.try_alloc(bytes(BLOCK)).unwrap())
            .collect::<Vec<_>>(),
    );
}

thread_local! {
    /// What a provider uses that is called in this thread.
    static INSIDE: RefCell<Option<BlockAllocator>> = const { RefCell::new(None) };
}

#[test]
fn one_piece_at_a_time_is_out() {
    let provider = Scripted::new(4, |own| {
        let blocks = INSIDE.with_borrow(Option::clone).unwrap();
        let block = blocks.try_alloc(bytes(BLOCK));
        assert!(
            block.is_ok(),
            "{} are free",
            5 - own.offered.load(Ordering::Relaxed)
        );
        Purged::No
    });
    let blocks = provider.build(usize::MAX);
    touch(&blocks);
    INSIDE.set(Some(blocks.clone()));
    blocks.trim();
    INSIDE.set(None);
    // Each of them once; one is a slab of what was used meanwhile.
    assert_eq!(provider.0.offered.load(Ordering::Relaxed), 3);
    blocks.audit().unwrap();
}

#[test]
fn what_is_out_is_waited_for() {
    static OTHERS: Mutex<Option<(BlockAllocator, Option<thread::JoinHandle<bool>>)>> =
        Mutex::new(None);
    let provider = Scripted::new(1, |own| {
        if let Some((blocks, other)) = &mut *OTHERS.lock().unwrap() {
            let blocks = blocks.clone();
            *other = Some(thread::spawn(move || {
                blocks.try_alloc(bytes(BLOCK)).is_ok()
            }));
        }
        // Long enough for it to ask in vain, if it does.
        for _ in 0..1000 {
            if own.refused.load(Ordering::Relaxed) > 0 {
                break;
            }
            thread::yield_now();
        }
        Purged::No
    });
    let blocks = provider.build(usize::MAX);
    touch(&blocks);
    *OTHERS.lock().unwrap() = Some((blocks.clone(), None));
    blocks.trim();
    let (_, other) = OTHERS.lock().unwrap().take().unwrap();
    assert!(other.unwrap().join().unwrap());
    assert_eq!(provider.0.refused.load(Ordering::Relaxed), 0);
}

#[test]
fn a_panic_of_the_provider_loses_no_piece() {
    let provider = Scripted::new(3, |_| panic!("a planned panic"));
    let blocks = provider.build(usize::MAX);
    touch(&blocks);
    assert!(catch_unwind(AssertUnwindSafe(|| blocks.trim())).is_err());
    blocks.audit().unwrap();
    touch(&blocks);
}

#[test]
fn a_panic_when_a_thread_ends_is_not_the_end_of_the_process() {
    let provider = Scripted::new(1, |_| panic!("a planned panic"));
    let config = knobs(BLOCK)
        .region_size(BLOCK)
        .shared_cache_bytes(0)
        .idle_bytes(0);
    let budget = Budget::new(BLOCK).unwrap();
    let config = config.build().unwrap();
    let blocks = BlockAllocator::with_parts(config, budget.clone(), provider).unwrap();
    let inside = blocks.clone();
    let other = thread::spawn(move || drop(inside.try_alloc(bytes(1000)).unwrap()));
    other.join().unwrap();
    assert_eq!(budget.charged(), 0);
    blocks.audit().unwrap();
}

/// A provider of large pages, whose chunks begin one small page into one.
#[derive(Clone, Default)]
struct Large(Arc<Mutex<Vec<NonNullOf>>>);

struct NonNullOf(NonNull<u8>);

// SAFETY: an address.
unsafe impl Send for NonNullOf {}

const PAGE: usize = 64 << 10;
const OFF: usize = 4096;

impl Large {
    fn around(layout: Layout) -> Layout {
        Layout::from_size_align(layout.size() + 2 * PAGE, 4096).unwrap()
    }
}

// SAFETY: chunks lie in larger ones of another provider, which are freed with them.
unsafe impl Provider for Large {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let chunk = OsPages.alloc(Self::around(layout))?;
        let base = chunk.ptr.cast::<u8>();
        let skip = base.as_ptr().addr().wrapping_neg() % PAGE + OFF;
        self.0.lock().unwrap().push(NonNullOf(base));
        // SAFETY: within the larger chunk.
        let start = unsafe { base.add(skip) };
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(start, layout.size()),
            zeroed: chunk.zeroed,
        })
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        let mut bases = self.0.lock().unwrap();
        let place = bases.iter().position(|base| {
            let after = ptr.as_ptr().addr().wrapping_sub(base.0.as_ptr().addr());
            after < 2 * PAGE
        });
        let base = bases.swap_remove(place.unwrap());
        // SAFETY: from `alloc`, of that size.
        unsafe { OsPages.free(base.0, Self::around(layout)) }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        assert!(ptr.as_ptr().addr().is_multiple_of(PAGE) && len.is_multiple_of(PAGE));
        // SAFETY: the caller's promise.
        unsafe { OsPages.purge(ptr, len) }
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

#[test]
fn whole_pages_inside_of_a_piece_go() {
    let config = knobs(1 << 20)
        .region_size(1 << 20)
        .max_block_size(BLOCK)
        .max_caches(0)
        .shared_cache_bytes(0)
        .idle_bytes(128 << 10);
    let budget = Budget::new(1 << 20).unwrap();
    let blocks =
        BlockAllocator::with_parts(config.build().unwrap(), budget, Large::default()).unwrap();
    for _ in 0..2 {
        let held: Vec<_> = (0..8)
            .map(|_| {
                let mut block = blocks.try_alloc(bytes(BLOCK)).unwrap();
                block.extend_from_slice(&[1; BLOCK]).unwrap();
                block
            })
            .collect();
        assert!(held.iter().all(|block| block[BLOCK - 1] == 1));
        drop(held);
        // By itself, also the second time.
        let seen = blocks.audit().unwrap();
        assert!(seen.resident <= 128 << 10, "{seen:?}");
    }
    let mut block = blocks.try_alloc(bytes(BLOCK)).unwrap();
    block.resize(BLOCK).unwrap();
    assert!(block.iter().all(|&byte| byte == 0));
}
