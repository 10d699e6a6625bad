//! A reset takes everything back, whatever was open and whichever way it goes: a single chunk is not
//! looked at, several are merged.

use std::mem::{self, MaybeUninit};

use flagstone::{Arena, provider::ByteRegion};

/// An arena with one chunk of some kilobytes, and nothing in it.
fn one_chunk() -> Arena {
    let arena = Arena::with_capacity(8000);
    assert_eq!(arena.usage().chunks, 1);
    arena
}

/// Resets the arena; all that fits its chunk fits again, from the chunk's first byte on.
fn is_empty_again(mut arena: Arena, first: usize) {
    arena.reset();
    let usage = arena.usage();
    assert_eq!((usage.allocated, usage.chunks), (0, 1));
    let block = arena.alloc_bytes(usage.available);
    assert_eq!(block.as_ptr().addr(), first);
    assert_eq!(arena.usage().chunks, 1, "the chunk is smaller than it was");
}

/// Places a number; where.
fn first(arena: &Arena) -> usize {
    std::ptr::from_mut(arena.alloc(1_u64)).addr()
}

#[test]
fn with_nothing_open() {
    let mut arena = one_chunk();
    let start = first(&arena);
    for _ in 0..3 {
        arena.alloc_str("some more");
        arena.reset();
        assert_eq!(first(&arena), start);
    }
    is_empty_again(arena, start);
}

#[test]
fn with_an_open_checkpoint() {
    let arena = one_chunk();
    let start = first(&arena);
    let _ = arena.checkpoint();
    arena.alloc(2_u64);
    is_empty_again(arena, start);
}

#[test]
fn with_a_checkpoint_from_before_the_first_chunk() {
    let arena = Arena::new();
    let _ = arena.checkpoint();
    let start = first(&arena);
    is_empty_again(arena, start);
}

#[test]
fn after_scopes() {
    let arena = one_chunk();
    let start = first(&arena);
    arena.scoped(|outer| {
        outer.alloc(2_u64);
        outer.scoped(|inner| *inner.alloc(3_u64));
    });
    arena.alloc(4_u64);
    is_empty_again(arena, start);
}

#[test]
fn after_a_scope_that_was_forgotten() {
    // Lent, because the forgotten scope loses its chunk.
    let mut memory = [const { MaybeUninit::uninit() }; 64 * 1024];
    let region = ByteRegion::new(&mut memory);
    let mut arena: Arena<_> = Arena::with_capacity_in(8000, &region).expect("there is room");
    arena.alloc(1_u64);
    mem::forget(arena.scope());
    arena.reset();
    assert_eq!(*arena.alloc(2_u64), 2);
    assert_eq!(arena.usage().allocated, 8);
}

#[test]
fn with_a_block_in_a_chunk_of_its_own() {
    let mut arena = one_chunk();
    arena.alloc(1_u64);
    arena.alloc_bytes(1_000_000);
    assert_eq!(arena.usage().chunks, 2);
    arena.reset();
    assert_eq!((arena.usage().chunks, arena.usage().allocated), (1, 0));
    arena.alloc_bytes(1_000_000);
    assert_eq!(arena.usage().chunks, 1);
}

#[test]
fn with_a_spare_chunk() {
    let mut arena = one_chunk();
    arena.scoped(|scope| {
        scope.alloc_bytes(100_000);
    });
    assert_eq!(arena.usage().chunks, 2);
    arena.reset();
    assert_eq!((arena.usage().chunks, arena.usage().allocated), (1, 0));
}

#[test]
fn with_values_to_drop() {
    let mut arena = one_chunk();
    let count = std::sync::Arc::new(());
    for _ in 0..3 {
        arena.alloc_drop(count.clone());
        arena.reset();
        assert_eq!(std::sync::Arc::strong_count(&count), 1);
        assert_eq!(arena.usage().allocated, 0);
    }
}

#[cfg(feature = "stats")]
#[test]
fn is_counted() {
    use flagstone::stats::Metric;

    let mut arena = one_chunk();
    arena.alloc(1_u64);
    arena.reset();
    assert_eq!(arena.stats().get(Metric::Resets), 1);
    arena.alloc_drop(Box::new(1_u64));
    arena.reset();
    assert_eq!(arena.stats().get(Metric::Resets), 2);
}
