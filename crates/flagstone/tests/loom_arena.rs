//! Threads that share a `SyncArena` never have the same bytes, and see what whoever had them before
//! wrote, in every execution that the memory model allows.
//!
//! The provider keeps a loom cell for every line of its chunks. It touches them when it lends a chunk
//! and when it takes it back, and tests touch those of every block they have: so loom fails a test when
//! two owners of a byte are not ordered, although the bytes themselves are none of its business.
//!
//! What was seen to fail, each with the change named: `TAKE` or `GIVE` relaxed, or the order chosen in
//! `resize` (`given_back`, `shrunk_and_grown`); the Release in `swap_in` or the Acquire in `seen`
//! (`first_chunk`); the Release in `put` or the Acquire in `take` of leftovers (`local_arenas`); a load
//! and a store instead of the exchange in `pop_spare` (`spare_chunks`) and in `keep` (`kept_values`).
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p flagstone --test loom_arena --features allocator-api2-02
//! ```
#![cfg(all(loom, feature = "allocator-api2-02"))]
#![expect(
    unsafe_code,
    reason = "implements a provider, and gives blocks back by hand"
)]

use std::{
    alloc::Layout,
    ptr::NonNull,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use allocator_api2_02::alloc::Allocator;
use flagstone::{
    OutOfMemory, SyncArena,
    provider::{Chunk, Global, Provider},
};
use loom::{cell::UnsafeCell, model::Builder, sync::Arc, thread};

/// Bytes per cell; blocks are multiples of it in place and size.
const LINE: usize = 64;
/// Lines of the largest chunk here.
const LINES: usize = 72;
const CHUNKS: usize = 5;

/// Chunks whose bytes loom watches.
struct Ground {
    cells: Vec<UnsafeCell<()>>,
    /// Address and length of each chunk that is lent, where its cells are.
    lent: Mutex<[(usize, usize); CHUNKS]>,
    refuses: AtomicBool,
}

// SAFETY: cells are touched by whoever has the bytes; that this is one thread at a time is what loom
// checks.
unsafe impl Sync for Ground {}

impl Ground {
    fn new() -> Self {
        Self {
            cells: (0..CHUNKS * LINES).map(|_| UnsafeCell::new(())).collect(),
            lent: Mutex::default(),
            refuses: AtomicBool::new(false),
        }
    }

    /// Changes the cells of a block, which must be the caller's alone.
    fn touch(&self, block: NonNull<u8>, len: usize) {
        let at = block.as_ptr().addr();
        let lent = *self.lent.lock().unwrap();
        let inside = |(start, len): &(usize, usize)| (*start..start + len).contains(&at);
        let chunk = lent.iter().position(inside).expect("in a lent chunk");
        let first = chunk * LINES + (at - lent[chunk].0) / LINE;
        for cell in &self.cells[first..first + len.div_ceil(LINE)] {
            cell.with_mut(|_| ());
        }
    }

    fn lent_bytes(&self) -> usize {
        self.lent.lock().unwrap().iter().map(|(_, len)| len).sum()
    }
}

// SAFETY: every answer is the global allocator's.
unsafe impl Provider for Ground {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(OutOfMemory::new(layout));
        }
        assert!(layout.size() <= LINES * LINE, "too few cells");
        let chunk = Global.alloc(layout)?;
        {
            let mut lent = self.lent.lock().unwrap();
            let place = lent.iter_mut().find(|(_, len)| *len == 0);
            *place.expect("too few cells") = (chunk.ptr.as_ptr().addr(), layout.size());
        }
        self.touch(chunk.ptr.cast(), layout.size());
        Ok(chunk)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        self.touch(ptr, layout.size());
        let mut lent = self.lent.lock().unwrap();
        let chunk = lent.iter_mut().find(|(at, _)| *at == ptr.as_ptr().addr());
        *chunk.expect("it was lent") = (0, 0);
        // SAFETY: passed on as it is.
        unsafe { Global.free(ptr, layout) }
    }
}

type Shared = SyncArena<Ground, LINE>;

fn lines(count: usize) -> Layout {
    Layout::from_size_align(count * LINE, LINE).unwrap()
}

/// A block that the caller has alone.
fn take(arena: &impl Allocator, ground: &Ground, count: usize) -> NonNull<u8> {
    let block = arena.allocate(lines(count)).unwrap().cast();
    ground.touch(block, count * LINE);
    block
}

/// Gives a block of [`take`] back.
fn give(arena: &impl Allocator, ground: &Ground, block: NonNull<u8>, count: usize) {
    ground.touch(block, count * LINE);
    // SAFETY: taken for as many lines, and given back once.
    unsafe { arena.deallocate(block, lines(count)) };
}

/// Two threads do `one` and `other` with an arena that `make` made, in every execution with at most
/// `preemptions` switches of a thread that could have gone on; then the arena is exact, and goes.
fn explore(
    preemptions: usize,
    make: impl Fn() -> Shared + Sync + Send + 'static,
    one: fn(&Shared),
    other: fn(&Shared),
) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        let arena = Arc::new(make());
        let thread = {
            let arena = Arc::clone(&arena);
            thread::spawn(move || other(&arena))
        };
        one(&arena);
        thread.join().unwrap();
        let usage = arena.usage();
        let sum = usage.allocated + usage.available + usage.wasted;
        assert_eq!(usage.reserved, sum);
        assert_eq!(usage.reserved, arena.provider().lent_bytes());
    });
}

fn one_chunk() -> Shared {
    SyncArena::with_capacity_in(50 * LINE, Ground::new()).unwrap()
}

#[test]
fn first_chunk() {
    fn work(arena: &Shared) {
        take(&arena, arena.provider(), 1);
        take(&arena, arena.provider(), 1);
    }
    explore(3, || SyncArena::new_in(Ground::new()), work, work);
}

#[test]
fn given_back() {
    fn work(arena: &Shared) {
        let block = take(&arena, arena.provider(), 2);
        give(&arena, arena.provider(), block, 2);
        take(&arena, arena.provider(), 1);
    }
    explore(3, one_chunk, work, work);
}

#[test]
fn shrunk_and_grown() {
    fn resize(arena: &Shared) {
        let ground = arena.provider();
        let block = take(&arena, ground, 3);
        // SAFETY: taken for three lines; two of them are given up.
        let block = unsafe { arena_shrink(arena, block, 3, 1) };
        ground.touch(block, LINE);
        // SAFETY: a block of one line.
        let block = unsafe { (&arena).grow(block, lines(1), lines(2)) };
        ground.touch(block.unwrap().cast(), 2 * LINE);
    }
    fn others(arena: &Shared) {
        let block = take(&arena, arena.provider(), 1);
        give(&arena, arena.provider(), block, 1);
    }
    explore(3, one_chunk, resize, others);
}

/// # Safety
///
/// `block` was taken for `old` lines, which are not fewer than `new`.
unsafe fn arena_shrink(arena: &Shared, block: NonNull<u8>, old: usize, new: usize) -> NonNull<u8> {
    // SAFETY: the caller's promise.
    let block = unsafe { (&arena).shrink(block, lines(old), lines(new)) };
    block.unwrap().cast()
}

#[test]
fn local_arenas() {
    /// Two local arenas one after the other: the second one may have what the first one left.
    fn work(arena: &Shared) {
        for _ in 0..2 {
            let local = arena.local();
            let block = take(&&local, arena.provider(), 2);
            take(&&local, arena.provider(), 1);
            give(&&local, arena.provider(), block, 2);
        }
    }
    /// Takes a block that is used and given back to the piece, which is left.
    fn returns(arena: &Shared) {
        let local = arena.local();
        let block = take(&&local, arena.provider(), 2);
        give(&&local, arena.provider(), block, 2);
    }
    explore(2, one_chunk, returns, work);
}

#[test]
fn spare_chunks() {
    fn make() -> Shared {
        let mut arena = SyncArena::new_in(Ground::new());
        arena.alloc_bytes(12 * LINE);
        arena.alloc_bytes(20 * LINE);
        arena.alloc_bytes(40 * LINE);
        arena.provider().refuses.store(true, Ordering::Relaxed);
        arena.reset();
        assert_eq!(arena.usage().chunks, 3);
        arena
    }
    fn work(arena: &Shared) {
        take(&arena, arena.provider(), 8);
    }
    explore(3, make, work, work);
}

/// Counts its drops.
struct Counts(std::sync::Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn kept_values() {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let drops = std::sync::Arc::new(AtomicUsize::new(0));
        let arena = Arc::new(one_chunk());
        let work = |arena: &Shared, drops: &std::sync::Arc<AtomicUsize>| {
            arena.alloc_drop(Counts(std::sync::Arc::clone(drops)));
            arena.alloc_drop(Counts(std::sync::Arc::clone(drops)));
        };
        let thread = {
            let (arena, drops) = (Arc::clone(&arena), std::sync::Arc::clone(&drops));
            thread::spawn(move || work(&arena, &drops))
        };
        work(&arena, &drops);
        thread.join().unwrap();
        drop(arena);
        assert_eq!(drops.load(Ordering::Relaxed), 4);
    });
}
